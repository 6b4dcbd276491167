"""Providers that fail or ask us to wait: known to all processes, because it is in the database.

A host that failed five times in a row is left alone for half a minute, then one call probes it. A
429 speaks of one client, so that it makes only that client wait.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from integrations.errors import ProviderUnavailable
from integrations.models import ProviderHost
from integrations.oauth.client import Client

OPEN_AFTER, OPEN_FOR = 5, timedelta(seconds=30)
PROBE = timedelta(seconds=30)
WAIT_DEFAULT, HOST_WAIT_MAX, CLIENT_WAIT_MAX = 10, 300, 3600


class Resting(ProviderUnavailable):
    """Nobody should call this host or use this client yet; nothing was sent."""


@dataclass(frozen=True)
class Host:
    """Where a token request goes, and the digest of the client in its slot that sends it."""

    name: str
    client: str


def of(client: Client) -> Host:
    """Return the host of a client's token endpoint."""
    # With its slot: a client id is public, and others who enter it must not make this one wait.
    sender = f"{client.client_id} {client.redirect_uri}"
    digest = hashlib.sha256(sender.encode()).hexdigest()[:32]
    return Host(urlsplit(client.endpoints.token_endpoint).netloc, digest)


def require_open(host: Host) -> None:
    """Raise Resting if a call would be refused now. Changes nothing."""
    _require_open(host)


def enter(host: Host) -> bool:
    """Let a call pass; of a host that failed, only one that probes it. Raises Resting.

    Returns whether the host failed lately, so that an answer is news.
    """
    row = _require_open(host)
    if row is None or row.failures < OPEN_AFTER:
        return row is not None and row.failures > 0
    free = Q(probe_until=None) | Q(probe_until__lt=Now())
    if not ProviderHost.objects.filter(free, pk=row.pk).update(probe_until=Now() + PROBE):
        raise Resting(retry_after=1, sent=False)
    return True


def answered(host: Host) -> None:
    """Note that the host answered sensibly: its failures are over."""
    rows = ProviderHost.objects.filter(name=host.name, client="", failures__gt=0)
    rows.update(failures=0, wait_until=None, probe_until=None)


def failed(host: Host, *, retry_after: int | None = None) -> None:
    """Count a failure of the host; from the fifth in a row on it is left alone."""
    ProviderHost.objects.get_or_create(name=host.name, client="")
    rows = ProviderHost.objects.filter(name=host.name, client="")
    began = Coalesce("wait_until", Now())
    rows.update(failures=F("failures") + 1, probe_until=None, wait_until=began)
    rows.filter(failures__gte=OPEN_AFTER).update(wait_until=Now() + OPEN_FOR)
    if retry_after:
        rows.update(wait_until=Now() + timedelta(seconds=min(retry_after, HOST_WAIT_MAX)))


def asked_to_wait(host: Host, *, retry_after: int | None) -> None:
    """Make this client wait, as the provider asked (RFC 6585 section 4)."""
    pause = timedelta(seconds=min(retry_after or WAIT_DEFAULT, CLIENT_WAIT_MAX))
    ProviderHost.objects.get_or_create(name=host.name, client=host.client)
    rows = ProviderHost.objects.filter(name=host.name, client=host.client)
    rows.update(wait_until=Now() + pause)


def long_over(before: datetime) -> QuerySet[ProviderHost]:
    """Return the rows that have said nothing since `before`, or say that all is well."""
    well = Q(client="", failures=0, wait_until=None)
    rows = ProviderHost.objects.filter(well | Q(wait_until__lt=before))
    return rows.filter(Q(probe_until=None) | Q(probe_until__lt=before))


def _require_open(host: Host) -> ProviderHost | None:
    rows = ProviderHost.objects.filter(name=host.name, client__in=("", host.client))
    whole = None
    for row in rows.annotate(now=Now()):
        if left := _left(row, row.now):
            raise Resting(retry_after=math.ceil(left), sent=False)
        whole = row if not row.client else whole
    return whole


def _left(row: ProviderHost, now: datetime) -> float:
    moments = [row.wait_until, row.probe_until]
    return max((at - now).total_seconds() for at in (*moments, now) if at is not None)
