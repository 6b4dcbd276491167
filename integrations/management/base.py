"""What the commands share: `--json`, finding a project, turning refusals into one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from integrations.errors import ConnectError, InvalidInput, SealBroken
from integrations.models import Project


class JsonCommand(BaseCommand):
    """A command that answers people in lines, and programs in one JSON document."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Raises CommandError where the database cannot be used."""
        try:
            return super().execute(*args, **options)
        except (OperationalError, ProgrammingError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            message = f"The database cannot be used: {reason}. Run manage.py doctor."
            raise CommandError(message) from None

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--json` before the command's own arguments."""
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add what this command takes."""

    def report(self, options: Mapping[str, Any], data: Any, *lines: str) -> None:
        """Print `data` as JSON if `--json` was given, else the lines."""
        self.stdout.write(json.dumps(data, indent=2) if options["json"] else "\n".join(lines))


def found_project(value: str) -> Project:
    """Return the project of this id or exact name. Raises CommandError."""
    try:
        matches = list(Project.objects.filter(pk=UUID(value))[:1])
    except ValueError:
        matches = list(Project.objects.filter(name=value)[:2])
    if not matches:
        raise CommandError(f"There is no project with the id or name {value!r}.")
    if len(matches) > 1:
        raise CommandError(f"Several projects are named {value!r}: give the id instead.")
    return matches[0]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the domain refuses into one sentence for the person at the terminal."""
    try:
        yield
    except InvalidInput as error:
        raise CommandError(" ".join(item.message for item in error.errors)) from None
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    except SealBroken as error:
        message = f"{error} cannot be decrypted. Check FERNET_KEYS."
        raise CommandError(message) from None
    except ConnectError as error:
        raise CommandError(f"This was refused: {error.code}.") from None
