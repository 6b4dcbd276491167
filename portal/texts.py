"""What people read when something goes wrong, by code. The words are in texts.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext

FALLBACK = "internal_error"
MARK = re.compile(r"\{(?:provider|vendor)\}")


@dataclass(frozen=True)
class Notice:
    """Something that went wrong or happened: what, why, and the one next step."""

    code: str
    title: str
    text: str
    action: str = ""


def notice(code: str, *, provider: str = "", vendor: str = "") -> Notice:
    """Return what to say about this code; an unknown one is a failure on our side."""
    words = texts().get(code) or texts()[FALLBACK]
    names = {"{provider}": provider or gettext("The provider")}
    names["{vendor}"] = vendor or gettext("the vendor")
    parts = {part: _filled(gettext(text), names) for part, text in words.items()}
    return Notice(code=code, **parts)


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Return the words of every code: title, text and action."""
    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))


def _filled(text: str, names: Mapping[str, str]) -> str:
    text = MARK.sub(lambda mark: names[mark[0]], text)
    return text[:1].upper() + text[1:]
