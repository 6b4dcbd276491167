"""Read every provider file once, or refuse to start."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from integrations.catalog import custom
from integrations.catalog.schema import Provider
from integrations.errors import CatalogError, NotFound

BUILT_IN = Path(__file__).parent / "providers"
FILE_NAME = re.compile(r"\A(?!.*proxy)[a-z0-9][a-z0-9-]{0,62}\.toml\Z")
MAX_FILE_BYTES = 100_000

_providers: dict[str, Provider] = {}


def load(*, folders: tuple[Path, ...] = (), loopback_http: bool = False) -> dict[str, Provider]:
    """Return all providers by slug: the built-in ones, then those of `folders`, in that order.

    A file in a folder may name a built-in as its `base` and replace keys of it; tables are merged
    key by key, everything else is replaced. `loopback_http` admits plain http to loopback hosts,
    which only the demo and the tests need.

    Raises CatalogError with file, key and reason for the first file that may not be served.
    """
    built_in = {path.stem: _read(path) for path in _files(BUILT_IN)}
    raw = {slug: (BUILT_IN / f"{slug}.toml", data) for slug, data in built_in.items()}
    for folder in folders:
        for path in _files(folder):
            raw[path.stem] = (path, _extended(path, _read(path), built_in))
    return {slug: _validated(path, slug, data, loopback_http) for slug, (path, data) in raw.items()}


def install(providers: Mapping[str, Provider]) -> None:
    """Make `providers` the catalog of this process."""
    _providers.clear()
    _providers.update(providers)


def provider(slug: str) -> Provider:
    """Return the provider of this slug. Raises NotFound."""
    try:
        return _providers[slug]
    except KeyError:
        raise NotFound("integration_not_found") from None


def has(slug: str) -> bool:
    """Return whether the catalog has a provider of this slug."""
    return slug in _providers


def providers() -> tuple[Provider, ...]:
    """Return all providers, by name."""
    return tuple(sorted(_providers.values(), key=lambda item: item.name.casefold()))


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise CatalogError(file=str(folder), key="(folder)", reason="does not exist")
    for path in sorted(folder.glob("*.toml")):
        if not FILE_NAME.match(path.name):
            reason = "a slug is lower-case letters, digits and hyphens, without the word proxy"
            raise CatalogError(file=str(path), key="(file name)", reason=reason)
        if path.stem == custom.SLUG:
            reason = f"{custom.SLUG} means a provider that a project describes itself"
            raise CatalogError(file=str(path), key="(file name)", reason=reason)
        yield path


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CatalogError(file=str(path), key="(file)", reason="larger than 100 kB")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise CatalogError(file=str(path), key="(file)", reason=reason) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogError(file=str(path), key="(file)", reason=f"not TOML: {error}") from None


def _extended(path: Path, data: dict[str, Any], built_in: Mapping[str, Any]) -> dict[str, Any]:
    base = data.pop("base", None)
    if base is None and path.stem in built_in:
        reason = f"{path.stem} is built in; say base = '{path.stem}' to change it"
        raise CatalogError(file=str(path), key="base", reason=reason)
    if base is None:
        return data
    if not isinstance(base, str) or base not in built_in:
        raise CatalogError(file=str(path), key="base", reason="names no built-in provider")
    return _merged(built_in[base], data)


def _merged(base: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in data.items():
        both_tables = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both_tables else value
    return merged


def _validated(path: Path, slug: str, data: dict[str, Any], loopback_http: bool) -> Provider:
    if "slug" in data:
        raise CatalogError(file=str(path), key="slug", reason="the file name is the slug")
    try:
        return Provider.model_validate(
            _frozen({**data, "slug": slug}), context={"loopback_http": loopback_http}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "(file)"
        raise CatalogError(file=str(path), key=key, reason=first["msg"]) from None


def _frozen(value: Any) -> Any:
    # Strict validation takes a tuple only as a tuple, and TOML has lists.
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
