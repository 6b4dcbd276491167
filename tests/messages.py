"""Collect the sentences of pages for translators: `python -m tests.messages`.

Writes what is new into each language's django.po, drops what is gone, and compiles django.mo.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALES = ROOT / "portal" / "locale"
SOURCES = ("portal/pages", "portal/texts.py", "portal/limits.py", "integrations")
# A date that changed by itself would make every update a change.
BEGUN = datetime(2026, 11, 23, tzinfo=UTC)
KEYWORDS = {"said": None, "gettext": None, "gettext_noop": None, "_": None, "ngettext": (1, 2)}
SHORT = re.compile(r'(?:\{% translate |_\()"([^"]+)"')
LONG = re.compile(
    r"\{% blocktranslate trimmed[^%]*%\}(.*?)(?:\{% plural %\}(.*?))?\{% endblocktranslate %\}",
    re.DOTALL,
)
NAME = re.compile(r"\{\{ (\w+) \}\}")
Message = tuple[str | tuple[str, str], str]


def messages() -> Iterator[Message]:
    """Yield every sentence, or pair of singular and plural, with the file it is in."""
    yield from _of_templates()
    yield from _of_python()
    words = tomllib.loads((ROOT / "portal/texts.toml").read_text(encoding="utf-8"))
    for parts in words.values():
        yield from ((text, "portal/texts.toml") for text in parts.values())


def _of_templates() -> Iterator[Message]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text, where = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
        yield from ((found[1], where) for found in SHORT.finditer(text))
        for found in LONG.finditer(text):
            one, many = _as_message(found[1]), _as_message(found[2] or "")
            yield ((one, many) if many else one), where


def _as_message(text: str) -> str:
    """Return what Django looks up for the text of a trimmed block."""
    return NAME.sub(r"%(\1)s", " ".join(text.replace("%", "%%").split()))


def _of_python() -> Iterator[Message]:
    for name in SOURCES:
        top = ROOT / name
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            yield from _found(path.read_bytes(), path)


def _found(source: bytes, path: Path) -> Iterator[Message]:
    where = str(path.relative_to(ROOT))
    for _, function, text, _ in extract_python(BytesIO(source), KEYWORDS, [], {}):
        if function == "ngettext" and isinstance(text, tuple):
            yield (str(text[0]), str(text[1])), where
        elif first := str((text[0] if isinstance(text, tuple) else text) or ""):
            yield first, where


def catalog_of(language: str) -> Catalog:
    """Return a language's catalog as it is on disk."""
    path = path_of(language)
    if not path.exists():
        return _empty(language)
    with path.open("rb") as file:
        return read_po(file, locale=_locale(language))


def _empty(language: str) -> Catalog:
    locale = Locale.parse(_locale(language))
    return Catalog(
        locale=locale,
        project="Connect Portal",
        version="1",
        fuzzy=False,
        charset="utf-8",
        header_comment=f"# The portal's pages in {locale.english_name}.",
        creation_date=BEGUN,
        revision_date=BEGUN,
        last_translator="Connect Portal",
        language_team=language,
        msgid_bugs_address="none",
    )


def compiled(catalog: Catalog) -> bytes:
    """Return the bytes of django.mo."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update(language: str) -> None:
    """Write one language anew, with the translations it has."""
    old, new = catalog_of(language), _empty(language)
    for text, where in messages():
        message = new.add(text, locations=[(where, 0)])
        known = old.get(message.id)
        if known is not None and known.string:
            message.string = known.string
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, new, width=100, include_lineno=False, sort_by_file=True)
    path.with_suffix(".mo").write_bytes(compiled(new))


def languages() -> list[str]:
    """Return the languages besides English."""
    from django.conf import settings

    return [code for code, _ in settings.LANGUAGES if code != "en"]


def _locale(language: str) -> str:
    first, _, region = language.partition("-")
    return f"{first}_{region.upper()}" if region else first


def path_of(language: str) -> Path:
    """Return where a language's sentences are."""
    return LOCALES / _locale(language) / "LC_MESSAGES" / "django.po"


def main() -> None:
    """Update every language."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    for language in languages():
        update(language)
        catalog = catalog_of(language)
        missing = sum(1 for each in catalog if each.id and not is_whole(each.string))
        print(f"{language}: {len(catalog)} sentences, {missing} to translate")


def is_whole(string: object) -> bool:
    """Return whether a message has all its translations."""
    return all(string) if isinstance(string, list | tuple) else bool(string)


if __name__ == "__main__":
    main()
