"""Sentences in the language of whoever reads them; the names in them stay as they are."""

from __future__ import annotations

from django.utils.translation import gettext


def said(text: str, /, **names: object) -> str:
    """Return `text` in the language at hand, with `{name}` filled in for each of `names`."""
    return gettext(text).format(**names)
