"""What polls tell of the provider's window: a hint only, for a window can hide from its opener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from integrations.models import Flow

STATES = ("", "blocked", "long")
# The first poll comes two seconds after the click, and a browser may be slow to open a window.
BLOCKED_AFTER, LONG_AFTER, SOON = 2, 45.0, 2
MAX_ASKED, DIGITS = 999, 4


@dataclass(frozen=True)
class Window:
    """How the window seems to be. `delay` is seconds to the next poll where it cannot be later."""

    asked: int
    state: str
    changed: bool
    delay: int = 0


def seen(post: Mapping[str, str], flow: Flow, *, unstarted: bool) -> Window:
    """Return how the window seems to be, from how often a page asked and where the flow stands.

    `unstarted` says that nothing came from the window since the person pressed the button.
    """
    text = post.get("asked", "")
    known = text.isascii() and text.isdecimal() and len(text) <= DIGITS
    asked = min(int(text) if known else 0, MAX_ASKED) + 1
    before = post.get("window_state", "")
    elapsed = (timezone.now() - flow.updated_at).total_seconds()
    state = ""
    if unstarted:
        state = "blocked" if asked >= BLOCKED_AFTER else ""
    elif flow.status == Flow.Status.WAITING and elapsed > LONG_AFTER:
        state = "long"
    changed = state != (before if before in STATES else "")
    soon = SOON if unstarted and asked <= BLOCKED_AFTER else 0
    return Window(asked=asked, state=state, changed=changed, delay=soon)
