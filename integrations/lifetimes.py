"""How long a token is good for, and when to ask for the next one.

Margins are relative to the lifetime: what is early for an hour would be always for a minute.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from integrations.catalog.schema import Provider
from integrations.models import Credential
from integrations.oauth.answers import TokenAnswer

EARLY_SHARE, EARLY_MAX = 0.2, timedelta(minutes=10)
USABLE_SHARE, USABLE_MAX = 0.05, timedelta(seconds=30)
ASSUMED = timedelta(hours=1)
BACK_OFF, BACK_OFF_MAX = timedelta(seconds=30), timedelta(hours=1)


def end(*, provider: Provider, answer: TokenAnswer, received_at: datetime) -> datetime | None:
    """Return when the token ends, or None where neither the answer nor the catalog says so."""
    seconds = answer.expires_in or provider.refresh.access_token_lifetime
    return received_at + timedelta(seconds=seconds) if seconds else None


def refresh_after(
    *, pk: UUID, start: datetime, end: datetime | None, provider: Provider | None = None
) -> datetime | None:
    """Return from when on to refresh: in the last fifth of the life, at most ten minutes early.

    Less early if the provider would refuse it so long before the end. Each connection has its own
    place in the second half of that margin, so that thousands made in one minute are not refreshed
    in one minute.
    """
    if end is None:
        return None
    early = min((end - start) * EARLY_SHARE, EARLY_MAX)
    if provider and provider.refresh.not_before_end:
        early = min(early, timedelta(seconds=provider.refresh.not_before_end))
    return end - early * (1 - (pk.int % 1024) / 2048)


def usable(credential: Credential, now: datetime) -> bool:
    """Return whether the access token lasts long enough for a call that is about to be made."""
    if credential.expires_at is None:
        return True
    return credential.expires_at - now > min(_life(credential) * USABLE_SHARE, USABLE_MAX)


def due(credential: Credential, now: datetime) -> bool:
    """Return whether to ask for the next token, if there is something to ask with."""
    after = credential.refresh_after
    return not usable(credential, now) or (after is not None and now >= after)


def later(*, now: datetime, failures: int) -> datetime:
    """Return when to try again in the background after this many failures in a row."""
    pause = min(BACK_OFF * int(2 ** min(failures, 8)), BACK_OFF_MAX)
    return now + pause * random.uniform(0.8, 1.2)  # noqa: S311  spreads load, guards nothing


def _life(credential: Credential) -> timedelta:
    if credential.expires_at is None or credential.refreshed_at is None:
        return ASSUMED
    return credential.expires_at - credential.refreshed_at
