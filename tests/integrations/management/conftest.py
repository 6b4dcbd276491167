"""Running commands, and changing the encryption keys under their feet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from integrations.management.commands.rotate_keys import sealed_fields

Run = Callable[..., Any]
CACHED = ("keys", "fernet_keys", "fernet")


@pytest.fixture
def run() -> Run:
    """Run a command and return what it printed; with `json=True`, as data."""

    def run(name: str, /, *args: str, **options: Any) -> Any:
        out = StringIO()
        call_command(name, *args, stdout=out, **options)
        return json.loads(out.getvalue()) if options.get("json") else out.getvalue()

    return run


@pytest.fixture
def use_keys(settings: Settings) -> Iterator[Callable[..., None]]:
    """Change FERNET_KEYS as a restart with another environment would."""

    def use(*keys: str) -> None:
        settings.FERNET_KEYS = list(keys)
        forget()

    def forget() -> None:
        for field in sealed_fields():
            for name in CACHED:
                field.__dict__.pop(name, None)

    yield use
    forget()
