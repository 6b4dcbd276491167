"""Examine the catalog as a person would who has to use it: each provider, and what is odd in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from django.conf import settings

from integrations.catalog import files, registry
from integrations.catalog.schema import Provider
from integrations.errors import CatalogError

OLD_DAYS = 400
# A group that repeats something which itself repeats: the known shape of endless backtracking.
NESTED_REPEAT = re.compile(r"\((?:\?:)?[^()]*[+*}][^()]*\)(?:[+*]|\{\d+,\})")
MADE_UP_HOSTS = re.compile(r"://(?:[^/]*\.)?(?:example|invalid|test|localhost)\b")


@dataclass(frozen=True)
class Entry:
    """One provider file: what it is, and what is wrong with it. `provider` is None if refused."""

    slug: str
    provider: Provider | None
    problems: tuple[str, ...]


def examine() -> Iterator[Entry]:
    """Yield every provider of the built-in catalog and of CONNECT_CATALOG_DIRS, by slug."""
    known = frozenset(path.stem for path in files.listed(files.BUILT_IN))
    readers = {slug: partial(_built_in, slug) for slug in known}
    for folder in settings.CONNECT_CATALOG_DIRS:
        readers |= {path.stem: partial(_own, path, known) for path in files.listed(Path(folder))}
    for slug in sorted(readers):
        try:
            provider = readers[slug]()
        except CatalogError as error:
            yield Entry(slug, None, (f"{error.key}: {error.reason}",))
        else:
            yield Entry(slug, provider, tuple(_problems(provider)))


def _built_in(slug: str) -> Provider:
    return registry.validated(
        files.BUILT_IN / f"{slug}.toml", files.built_in(slug), settings.OUTBOUND_LOOPBACK_HTTP
    )


def _own(path: Path, known: frozenset[str]) -> Provider:
    return registry.validated(path, files.of_folder(path, known), settings.OUTBOUND_LOOPBACK_HTTP)


def _problems(provider: Provider) -> Iterator[str]:
    yield from _of_guide(provider)
    yield from _of_settings(provider)
    if not _has_logo(provider.slug):
        yield f"logo: static/logos/{provider.slug}.svg is missing"
    age = (datetime.now(UTC).date() - provider.checked).days
    if age < 0 or age > OLD_DAYS:
        yield f"checked: {provider.checked} is {'to come' if age < 0 else 'long ago'}"
    links = {"website": provider.website, "documentation": provider.documentation}
    for key, link in links.items():
        if MADE_UP_HOSTS.search(link):
            yield f"{key}: leads nowhere"


def _of_guide(provider: Provider) -> Iterator[str]:
    steps = " ".join(provider.setup.steps)
    if steps.count("{redirect_url}") != 1:
        yield "setup.steps: one step has {redirect_url}"
    if steps.count("{scopes}") > 1:
        yield "setup.steps: more than one step has {scopes}"
    if len(set(provider.setup.steps)) < len(provider.setup.steps):
        yield "setup.steps: the same step twice"
    if not provider.errors:
        yield "errors: none is explained"


def _of_settings(provider: Provider) -> Iterator[str]:
    for setting in provider.settings:
        if setting.pattern and NESTED_REPEAT.search(setting.pattern):
            yield f"settings.{setting.name}.pattern: may take very long"
        if setting.kind == "text" and setting.required and not setting.help:
            yield f"settings.{setting.name}.help: nothing says where it is found"


def _has_logo(slug: str) -> bool:
    return any(
        (Path(folder) / "logos" / f"{slug}.svg").is_file() for folder in settings.STATICFILES_DIRS
    )
