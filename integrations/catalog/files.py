"""Provider files as they lie in their folders: read, extended by a base, and not yet checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from integrations.catalog import custom
from integrations.catalog.values import PLACEHOLDER
from integrations.errors import CatalogError

BUILT_IN = Path(__file__).parent / "providers"
BASES = Path(__file__).parent / "bases"
FILE_NAME = re.compile(r"\A(?!.*proxy)[a-z0-9][a-z0-9-]{0,62}\.toml\Z")
MAX_FILE_BYTES = 100_000
# Lists of which a member of a family adds to those of its family, and what tells their items apart.
ADDED = {"scopes": ("name",), "errors": ("seen", "at")}

Data = dict[str, Any]


def listed(folder: Path) -> Iterator[Path]:
    """Return the provider files of a folder, by name. Raises CatalogError."""
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


def read(path: Path) -> Data:
    """Return what a file says, word for word. Raises CatalogError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CatalogError(file=str(path), key="(file)", reason="larger than 100 kB")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise CatalogError(file=str(path), key="(file)", reason=reason) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogError(file=str(path), key="(file)", reason=f"not TOML: {error}") from None


def built_in(slug: str) -> Data:
    """Return what the built-in file of this slug says, with its family's base. Raises CatalogError.

    A base is one of the families in `bases`; it has none of its own.
    """
    path = BUILT_IN / f"{slug}.toml"
    data = read(path)
    base = data.pop("base", None)
    if base is None:
        return data
    if (family := _family(base)) is None:
        raise CatalogError(file=str(path), key="base", reason="names no family of providers")
    return _member(path, data, family)


def of_folder(path: Path, slugs: frozenset[str]) -> Data:
    """Return what a file of an operator's folder says, with its base: a family or a built-in.

    `slugs` are the built-in ones. Raises CatalogError.
    """
    data = read(path)
    base = data.pop("base", None)
    if base is None and path.stem in slugs:
        reason = f"{path.stem} is built in; say base = '{path.stem}' to change it"
        raise CatalogError(file=str(path), key="base", reason=reason)
    if base is None:
        return data
    if isinstance(base, str) and base in slugs:
        return merged(built_in(base), data)
    if (family := _family(base)) is None:
        reason = "names no built-in provider and no family"
        raise CatalogError(file=str(path), key="base", reason=reason)
    return _member(path, data, family)


def merged(base: Mapping[str, Any], data: Mapping[str, Any]) -> Data:
    """Return `base` changed by `data`: tables key by key, everything else as a whole."""
    result = dict(base)
    for key, value in data.items():
        both_tables = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merged(base[key], value) if both_tables else value
    return result


def _family(base: Any) -> Data | None:
    path = BASES / f"{base}.toml"
    if not isinstance(base, str) or not FILE_NAME.match(path.name) or not path.is_file():
        return None
    family = read(path)
    if "base" in family:
        raise CatalogError(file=str(path), key="base", reason="a family has no base of its own")
    return family


def _member(path: Path, data: Data, family: Data) -> Data:
    terms = data.pop("terms", {})
    if not isinstance(terms, dict) or not all(isinstance(text, str) for text in terms.values()):
        raise CatalogError(file=str(path), key="terms", reason="must be a table of texts")
    base = _with_terms(family, terms)
    result = merged(base, data)
    for key, told_by in ADDED.items():
        if isinstance(data.get(key), list) and isinstance(base.get(key), list):
            result[key] = _added(base[key], data[key], told_by)
    return result


def _added(base: list[Any], own: list[Any], told_by: tuple[str, ...]) -> list[Any]:
    """Return the family's items that the member does not replace, then the member's."""

    def key(item: Any) -> tuple[Any, ...]:
        return tuple(item.get(name) for name in told_by) if isinstance(item, dict) else (item,)

    replaced = [key(item) for item in own]
    return [item for item in base if key(item) not in replaced] + own


def _with_terms(value: Any, terms: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _with_terms(item, terms) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_terms(item, terms) for item in value]
    if not isinstance(value, str):
        return value
    return PLACEHOLDER.sub(lambda found: terms.get(found[1], found[0]), value)
