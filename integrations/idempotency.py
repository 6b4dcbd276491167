"""Answer a request that is sent again under its Idempotency-Key without doing it again.

The meaning of the header is that of draft-ietf-httpapi-idempotency-key-header, section 2.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from integrations.errors import ConnectError, FieldError, InvalidInput
from integrations.models import IdempotentRequest, Project

KEPT = timedelta(hours=24)
LOCK = timedelta(minutes=10)
# A string of RFC 8941 section 3.3.3 without escapes, or the bare value that most clients send.
HEADER = re.compile(r'\A(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([!#-+.-:<-\[\]-~-]{1,255}))\Z')


class KeyReused(ConnectError):
    """The key came with another request before."""

    code = "idempotency_key_reused"


class StillRunning(ConnectError):
    """The first request under this key is not finished."""

    code = "idempotency_key_in_use"


@dataclass(frozen=True)
class Answered:
    """What the first request was answered. No body means that it was not kept."""

    status: int
    body: str | None


@dataclass(frozen=True)
class Claim:
    """The right to do the request, held by one caller."""

    pk: int
    holder: uuid.UUID


def checked_key(header: str) -> str:
    """Return the key in the header. Raises InvalidInput."""
    if not (found := HEADER.match(header)):
        message = "Use 1 to 255 printable ASCII characters, such as a UUID."
        raise InvalidInput(FieldError("Idempotency-Key", "invalid", message))
    return found[1] or found[2]


def claim(*, project: Project, key: str, fingerprint: str) -> Claim | Answered:
    """Return the right to do this request, or the answer it had before.

    Raises KeyReused if the key came with another request, StillRunning if the first one runs.
    """
    holder = uuid.uuid4()
    row, created = IdempotentRequest.objects.get_or_create(
        project=project,
        key=key,
        defaults={
            "fingerprint": fingerprint,
            "holder": holder,
            "locked_until": Now() + LOCK,
            "expires_at": Now() + KEPT,
        },
    )
    if created or _taken_over(row, fingerprint, holder):
        return Claim(row.pk, holder)
    if row.fingerprint != fingerprint:
        raise KeyReused
    if row.status is None:
        raise StillRunning
    return Answered(row.status, row.body)


def finish(*, claim: Claim, status: int, body: str | None) -> None:
    """Keep the answer for those who ask again."""
    IdempotentRequest.objects.filter(pk=claim.pk, holder=claim.holder).update(
        status=status, body=body, locked_until=None
    )


def give_up(claim: Claim) -> None:
    """Forget a request that was refused, so that it may be sent again once it is corrected."""
    IdempotentRequest.objects.filter(pk=claim.pk, holder=claim.holder).delete()


def forget_expired() -> int:
    """Delete what is kept no longer. Returns how many."""
    deleted, _ = IdempotentRequest.objects.filter(expires_at__lt=Now()).delete()
    return deleted


def _taken_over(row: IdempotentRequest, fingerprint: str, holder: uuid.UUID) -> bool:
    """Take the place of a request whose day is over, or whose process died with the lock."""
    abandoned = Q(locked_until__lt=Now(), fingerprint=fingerprint)
    taken = IdempotentRequest.objects.filter(
        abandoned | Q(expires_at__lt=Now()), pk=row.pk, holder=row.holder
    ).update(
        fingerprint=fingerprint,
        holder=holder,
        status=None,
        body=None,
        locked_until=Now() + LOCK,
        expires_at=Now() + KEPT,
    )
    return taken == 1
