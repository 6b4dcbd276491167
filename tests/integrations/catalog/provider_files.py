"""Write provider files for a test and load them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from integrations.catalog import registry
from integrations.catalog.schema import Provider
from integrations.errors import CatalogError

SETTING: dict[str, Any] = {
    "name": "subdomain",
    "label": "Subdomain",
    "pattern": r"\A[a-z0-9]{1,63}\Z",
}
SETUP: dict[str, Any] = {
    "console": "https://acme.example/apps",
    "redirect_uri_label": "Redirect URL",
    "minutes": 5,
    "role": "Anybody",
    "steps": [
        "Create an app",
        "Paste {redirect_url}",
        "Choose {scopes}",
        "Copy the secret",
    ],
}
ACME: dict[str, Any] = {
    "name": "Acme",
    "category": "Files",
    "website": "https://acme.example/",
    "documentation": "https://acme.example/docs",
    "checked": date(2026, 11, 22),
    "authorization_endpoint": "https://acme.example/authorize",
    "token_endpoint": "https://acme.example/token",
    "setup": SETUP,
}


def written(data: Mapping[str, Any]) -> str:
    """Return `data` as TOML."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in data.items())


def loaded(
    folder: Path,
    *,
    file_name: str = "acme.toml",
    loopback_http: bool = False,
    **changes: Any,
) -> Provider:
    """Return the provider Acme with `changes`, written to `folder` and loaded from there.

    A change to None leaves the key out.
    """
    data = {key: value for key, value in (ACME | changes).items() if value is not None}
    (folder / file_name).write_text(written(data), encoding="utf-8")
    slug = file_name.removesuffix(".toml")
    return registry.load(folders=(folder,), loopback_http=loopback_http)[slug]


def assert_refused(
    folder: Path, *, key: str, reason: str, file_name: str = "acme.toml", **changes: Any
) -> None:
    """Check that the loader refuses Acme with `changes`, and names the file, the key and why."""
    with pytest.raises(CatalogError) as caught:
        loaded(folder, file_name=file_name, **changes)
    assert (caught.value.file, caught.value.key) == (str(folder / file_name), key)
    assert reason in caught.value.reason
    assert str(caught.value) == f"{folder / file_name}: {key}: {caught.value.reason}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        members = ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items())
        return f"{{{members}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)
