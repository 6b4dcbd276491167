"""The catalog of this process: every provider by its slug, checked before it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from integrations.catalog import files
from integrations.catalog.files import BUILT_IN as BUILT_IN
from integrations.catalog.files import MAX_FILE_BYTES as MAX_FILE_BYTES
from integrations.catalog.schema import Provider
from integrations.errors import CatalogError, NotFound

# The digest of the built-in files as they were checked, written by `integrations.catalog.digest`.
CHECKED = Path(__file__).parent / "checked.txt"

_providers: Mapping[str, Provider] = {}
_checked_here: set[str] = set()


class Catalog(Mapping[str, Provider]):
    """Providers by slug. Those that were checked before they were shipped are built when asked for.

    Two threads may build the same one at once; they are equal, and one of them stays.
    """

    def __init__(self, slugs: tuple[str, ...], build: Callable[[str], Provider]) -> None:
        self._slugs = dict.fromkeys(slugs)
        self._build = build
        self._built: dict[str, Provider] = {}

    def __getitem__(self, slug: str) -> Provider:
        if slug not in self._slugs:
            raise KeyError(slug)
        if slug not in self._built:
            self._built[slug] = self._build(slug)
        return self._built[slug]

    def __contains__(self, slug: object) -> bool:
        return slug in self._slugs

    def __iter__(self) -> Iterator[str]:
        return iter(self._slugs)

    def __len__(self) -> int:
        return len(self._slugs)

    def __setitem__(self, slug: str, provider: Provider) -> None:
        self._slugs[slug] = None
        self._built[slug] = provider


def load(*, folders: tuple[Path, ...] = (), loopback_http: bool = False) -> Catalog:
    """Return all providers by slug: the built-in ones, then those of `folders`, in that order.

    A file may name a base and replace keys of it; tables are merged key by key, everything else is
    replaced. `loopback_http` admits plain http to loopback hosts, which only the demo and the tests
    need.

    Raises CatalogError with file, key and reason for the first file that may not be served: of
    `folders` always, of the built-in ones if they are not those that were checked when they were
    shipped.
    """
    paths = tuple(files.listed(BUILT_IN))
    slugs = tuple(path.stem for path in paths)
    catalog = Catalog(slugs, lambda slug: _validated(BUILT_IN / f"{slug}.toml", loopback_http))
    if (found := digest()) not in (checked_digest(), *_checked_here):
        check(catalog)
        _checked_here.add(found)
    raw: dict[str, tuple[Path, dict[str, Any]]] = {}
    for folder in folders:
        for path in files.listed(folder):
            raw[path.stem] = (path, files.of_folder(path, frozenset(slugs)))
    for path, data in raw.values():
        catalog[path.stem] = validated(path, data, loopback_http)
    return catalog


def check(catalog: Mapping[str, Provider]) -> None:
    """Build every provider. Raises CatalogError for the first that may not be served."""
    for slug in catalog:
        catalog[slug]


def digest() -> str:
    """Return the digest of all built-in files, families included."""
    found = hashlib.sha256()
    for folder in (files.BASES, BUILT_IN):
        for path in sorted(folder.glob("*.toml")):
            content = path.read_bytes()
            found.update(f"{folder.name}/{path.name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def checked_digest() -> str:
    """Return the digest of the files that were checked, or nothing."""
    return CHECKED.read_text(encoding="ascii").strip() if CHECKED.is_file() else ""


def install(providers: Mapping[str, Provider]) -> None:
    """Make `providers` the catalog of this process."""
    global _providers
    _providers = providers


def installed() -> Mapping[str, Provider]:
    """Return the catalog of this process."""
    return _providers


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


def _validated(path: Path, loopback_http: bool) -> Provider:
    return validated(path, files.built_in(path.stem), loopback_http)


def validated(path: Path, data: dict[str, Any], loopback_http: bool) -> Provider:
    """Return the provider that a file describes. Raises CatalogError with its first problem."""
    if "slug" in data:
        raise CatalogError(file=str(path), key="slug", reason="the file name is the slug")
    try:
        return Provider.model_validate(
            _frozen({**data, "slug": path.stem}), context={"loopback_http": loopback_http}
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
