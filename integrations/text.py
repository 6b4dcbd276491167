"""Text from strangers, made fit for a database column."""

from __future__ import annotations

import re

UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Return text that both databases can keep: no NUL, no lone surrogate."""
    return UNSTORABLE.sub("\ufffd", text)
