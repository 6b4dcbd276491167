"""How often somebody may do what: one table of figures, counted in the database.

A window is fixed: it begins with the first use and ends some seconds later. What is counted by a
name is kept as a keyed digest of it. If the database fails, the portal goes on and the admin does
not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.utils.crypto import salted_hmac

from integrations.errors import RateLimited
from integrations.models import RateCount
from integrations.models.limits import Taken

MINUTE, HOUR = 60, 3_600
# A failing database is not asked again and again.
RETRY_AFTER_FAILURE = 30
BLOCKS = 60
MAX_HELD = 10_000
OFF = "off"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """How many uses a window of `seconds` has, counted by what, of what.

    `closed` says what a failing database means: refused, or let through.
    """

    name: str
    count: int
    seconds: int
    per: str
    of: str
    closed: bool = False


OPEN = Limit("open", 30, MINUTE, "person", "Opening the portal")
OPEN_ADDRESS = Limit("open_address", 300, MINUTE, "address", "Opening the portal")
FAILED_CREDENTIALS = Limit(
    "failed_credentials", 60, MINUTE, "address", "User tokens and API keys that are refused"
)
PAGE = Limit("page", 120, MINUTE, "session", "Pages of the portal")
POLL = Limit("poll", 90, MINUTE, "session", "Asking where a connection stands")
SAVE_OPTIONS = Limit("save_options", 20, HOUR, "person", "Saving a client of one's own")
PREFLIGHT = Limit(
    "preflight", 10, HOUR, "person", "Asking a provider about a client in advance", closed=True
)
PREFLIGHT_CLIENT = Limit(
    "preflight_client", 10, HOUR, "client", "Asking about one client in advance", closed=True
)
START = Limit("start", 10, MINUTE, "person", "Leaving for the provider")
HOSTED = Limit("hosted", 60, MINUTE, "address", "Opening a link to the portal")
HAND_OFF = Limit("hand_off", 30, HOUR, "address", "Saving a client by a link")
GUIDE_FEEDBACK = Limit(
    "guide_feedback", 10, HOUR, "client", "Saying that a step of a guide looks different"
)
USER_API = Limit("user_api", 300, MINUTE, "person", "Calls with a user token")
VENDOR_API = Limit("vendor_api", 600, MINUTE, "key", "Calls with an API key")
ACCESS_TOKENS = Limit("access_tokens", 600, MINUTE, "key", "Access tokens read with an API key")
ADMIN_LOGIN = Limit("admin_login", 10, MINUTE, "address", "Signing in to the admin", closed=True)
ADMIN_NAME = Limit(
    "admin_name", 30, HOUR, "user name", "Signing in from unfamiliar addresses", closed=True
)
TABLE = (
    PREFLIGHT, PREFLIGHT_CLIENT, OPEN, OPEN_ADDRESS, FAILED_CREDENTIALS, PAGE, POLL, SAVE_OPTIONS,
    START, HOSTED, HAND_OFF,
    GUIDE_FEEDBACK, USER_API, VENDOR_API, ACCESS_TOKENS, ADMIN_LOGIN, ADMIN_NAME,
)  # fmt: skip


@dataclass(frozen=True)
class Use:
    """One use of what is limited. `count` replaces the limit's figure for this subject."""

    limit: Limit
    subject: str
    count: int | None = None

    @property
    def key(self) -> str:
        """Under which it is counted."""
        subject = salted_hmac("integrations.limits", self.subject, algorithm="sha256")
        return f"{self.limit.name}:{subject.hexdigest()}"


def spend(*uses: Use) -> None:
    """Count the uses, by one statement for all. Raises RateLimited if one is too many."""
    counted = [(use, *figures(use)) for use in uses if configured(use.limit)]
    taken = _taken([(use, 1, seconds) for use, _, seconds in counted])
    over = [
        found.left
        for (_, most, _), found in zip(counted, taken, strict=False)
        if found.count > most
    ]
    if over:
        raise RateLimited(retry_after=max(over))


def sweep() -> int:
    """Delete counts whose window has ended and return how many there were."""
    return RateCount.objects.sweep()


def configured(limit: Limit) -> tuple[int, int] | None:
    """Return count and seconds as the operator has them, or None for a limit switched off."""
    text = settings.LIMITS.get(limit.name)
    if text == OFF:
        return None
    if text is None:
        return limit.count, limit.seconds
    count, _, seconds = text.partition("/")
    return int(count), int(seconds)


def table() -> str:
    """Return the limits as the operator's guide shows them, in Markdown."""
    head = "| Name | What | Counted by | Uses | Within | If the database fails |"
    rows = (
        f"| `{limit.name}` | {limit.of} | {limit.per} | {limit.count} | {limit.seconds} s "
        f"| {'refused' if limit.closed else 'let through'} |"
        for limit in TABLE
    )
    return "\n".join((head, "|---" * 6 + "|", *rows))


def figures(use: Use) -> tuple[int, int]:
    """Return how many uses of what many seconds this subject has."""
    count, seconds = configured(use.limit) or (use.limit.count, use.limit.seconds)
    return use.count or count, seconds


def check_settings(chosen: Mapping[str, str]) -> None:
    """Raise ImproperlyConfigured for a limit that does not exist or a figure that is none."""
    names = {limit.name for limit in TABLE}
    for name, text in chosen.items():
        count, slash, seconds = text.partition("/")
        numbers = slash and all(part.isdecimal() and int(part) for part in (count, seconds))
        if name not in names or not (text == OFF or numbers):
            raise ImproperlyConfigured(f"LIMITS: {name}={text} is not a limit such as poll=90/60")


class Reserve:
    """Permits of one process, taken from the database in blocks of a sixtieth of the limit.

    A permit is counted before it is used, so all processes together never exceed the limit; what a
    process holds when a window ends is lost. Most calls then cost no statement.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, tuple[int, float]] = {}

    def spend(self, use: Use) -> None:
        """Use a permit held, or take a block. Raises RateLimited."""
        if not configured(use.limit) or self._used(use.key):
            return
        most, seconds = figures(use)
        block = max(1, most // BLOCKS)
        for found in _taken([(use, block, seconds)]):
            granted = min(block, most - (found.count - block))
            if granted < 1:
                raise RateLimited(retry_after=found.left)
            self._hold(use.key, granted - 1, time.monotonic() + found.left)

    def _used(self, key: str) -> bool:
        with self._lock:
            count, until = self._held.get(key, (0, 0.0))
            if count < 1 or time.monotonic() >= until:
                return False
            self._held[key] = (count - 1, until)
            return True

    def _hold(self, key: str, count: int, until: float) -> None:
        with self._lock:
            if len(self._held) >= MAX_HELD:
                self._held.clear()
            self._held[key] = (count, until)


def _taken(wanted: list[tuple[Use, int, int]]) -> list[Taken]:
    """Return what the windows hold now; nothing, if the database fails and that lets through."""
    if not wanted:
        return []
    try:
        return RateCount.objects.take([(use.key, count, end) for use, count, end in wanted])
    except DatabaseError as error:
        names = ", ".join(use.limit.name for use, _, _ in wanted)
        log.warning("rate limits could not be counted: %s (%s)", names, type(error).__name__)
        if any(use.limit.closed for use, _, _ in wanted):
            raise RateLimited(retry_after=RETRY_AFTER_FAILURE) from None
        return []
