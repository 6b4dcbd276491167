"""Create a project with everything a backend needs to begin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from integrations import audit, keys
from integrations.management.base import JsonCommand, plain_errors
from integrations.models import AllowedOrigin, Project, ReturnUrl
from integrations.secret import Secret

ACTOR = "command:create_project"
MAX_NAME = 80


class Command(JsonCommand):
    """Create a project, one API key and one RS256 signing key."""

    help = "Create a project and print its id, its API key and the id of its signing key."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the name, the origins and where the private key goes."""
        parser.add_argument("name")
        parser.add_argument("--origin", action="append", required=True, metavar="URL")
        parser.add_argument("--return-url", action="append", default=[], metavar="URL")
        parser.add_argument("--signing-key-out", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the project, or nothing at all."""
        out: Path | None = options["signing_key_out"]
        with plain_errors(), transaction.atomic():
            project = _created(options["name"], options["origin"], options["return_url"])
            api_key = keys.create_api_key(project=project, name="First key", actor=ACTOR)
            signing = keys.generate_signing_key(project=project, actor=ACTOR)
            # Inside the transaction: no project whose private key could not be kept.
            if out:
                write_private(out, signing.private_key)
        data = {
            "project_id": str(project.pk),
            "api_key": api_key.key.reveal(),
            "kid": signing.row.kid,
        }
        data |= {"signing_key": str(out)} if out else {"private_key": signing.private_key.reveal()}
        self.report(options, data, *_lines(data))


def write_private(path: Path, private_key: Secret) -> None:
    """Write a private key that only its owner can read. Raises CommandError if the file exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} exists already: choose a file that does not.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(private_key.reveal())


def _created(name: str, origins: list[str], return_urls: list[str]) -> Project:
    if not 1 <= len(name.strip()) <= MAX_NAME:
        raise ValidationError(f"A project's name has 1 to {MAX_NAME} characters.")
    project = audit.create_project(name=name.strip(), actor=ACTOR)
    for origin in dict.fromkeys(origins):
        _saved(AllowedOrigin(project=project, origin=origin), "origin.added", origin)
    for url in dict.fromkeys(return_urls):
        _saved(ReturnUrl(project=project, url=url), "return_url.added", url)
    return project


def _saved(row: AllowedOrigin | ReturnUrl, action: str, value: str) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise ValidationError(f"{value}: {' '.join(error.messages)}") from None
    row.save()
    audit.record(project=row.project, actor=ACTOR, action=action, subject=row.project, value=value)


def _lines(data: dict[str, str]) -> list[str]:
    lines = [
        f"project_id  {data['project_id']}",
        f"api_key     {data['api_key']}   (shown once: keep it now)",
        f"kid         {data['kid']}",
    ]
    if "signing_key" in data:
        return [*lines, f"The private signing key is in {data['signing_key']}."]
    line = "The private signing key follows. It is not kept anywhere: save it now."
    return [*lines, "", line, "", data["private_key"].strip()]
