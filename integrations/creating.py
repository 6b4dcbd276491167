"""Fill in what a provider takes to register an app: a link, a command or a manifest.

Nothing secret goes in: what is made is shown, copied, mailed to an administrator and kept in files.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from integrations import inputs
from integrations.catalog import creation
from integrations.catalog.creation import Creation, Escaping
from integrations.catalog.schema import Provider
from integrations.errors import InvalidInput

MAX_APP_NAME = 30


@dataclass(frozen=True)
class Registration:
    """What an app is registered with: public values only."""

    redirect_url: str
    app_name: str
    scopes: tuple[str, ...]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Artefact:
    """An artefact ready to use. `text` is a link's address, a command, or a manifest's content.

    `missing` are labels of settings that have to be entered first; then there is no text.
    `left_out` are permissions that have no name in it and must be added by hand.
    """

    kind: str
    label: str
    note: str
    text: str = ""
    link: str = ""
    file: str = ""
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def artefacts(*, provider: Provider, registration: Registration) -> tuple[Artefact, ...]:
    """Return the provider's artefacts for this registration, in the order of its file."""
    settings, missing = _settings(provider, registration)
    return tuple(_made(item, registration, settings, missing) for item in provider.create)


def _made(
    item: Creation,
    registration: Registration,
    settings: Mapping[str, str],
    missing: Mapping[str, str],
) -> Artefact:
    made = Artefact(kind=item.kind, label=item.label, note=item.note, file=item.file)
    lacking = tuple(missing[name] for name in missing if name in item.placeholders())
    if lacking:
        return replace(made, missing=lacking)
    plain = tuple(_plain(name) for name in registration.scopes)
    known = (name for name in plain if not item.names or name in item.names)
    scopes = tuple(dict.fromkeys(item.names.get(name, name) for name in known))
    named = bool({"scopes", "scope_list"} & item.placeholders())
    left_out = tuple(name for name in plain if item.names and name not in item.names and named)
    words = _words(registration, settings, item.separator.join(scopes))
    if item.body:
        words["body"] = _filled(item.body, words, scopes, "json")
    text = _filled(item.template, words, scopes, item.escapes)
    link = _filled(item.link, {**words, "manifest": text}, scopes, "url") if item.link else ""
    return replace(made, text=text, link=link, left_out=left_out)


def _filled(
    template: str, words: Mapping[str, str], scopes: tuple[str, ...], escaping: Escaping
) -> str:
    return creation.filled(template, creation.escaped(words, scopes, escaping))


def _words(registration: Registration, settings: Mapping[str, str], scopes: str) -> dict[str, str]:
    parts = urlsplit(registration.redirect_url)
    return {
        **settings,
        "redirect_url": _plain(registration.redirect_url),
        "app_name": _plain(registration.app_name)[:MAX_APP_NAME].strip() or "Connect",
        "site": f"{parts.scheme}://{parts.netloc}",
        "scopes": scopes,
    }


def _settings(
    provider: Provider, registration: Registration
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings that can be used, and the labels of those that are missing, by name."""
    found, missing = {}, {}
    for item in provider.settings:
        try:
            value = registration.settings.get(item.name, item.default)
            found[item.name] = inputs.clean_setting(item, value).value
        except InvalidInput:
            missing[item.name] = item.label
    return found, missing


def _plain(text: str) -> str:
    # A terminal acts on control characters that are pasted into it, and some are not even seen.
    return "".join(each for each in text if unicodedata.category(each)[0] != "C")
