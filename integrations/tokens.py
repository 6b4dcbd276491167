"""The life of tokens: store, hand out, refresh once.

A credential changes only by comparing and swapping its generation, under a lease in the database,
so that any number of processes make one refresh.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection as database
from django.db import models, transaction
from django.db.models.functions import Now

from integrations import audit, clock, hosts, journal, lifetimes, outcomes, refresh, spool, versions
from integrations.errors import (
    ConnectError,
    IntegrityBroken,
    NotAllowed,
    NotFound,
    ProviderFailure,
    ProviderUnavailable,
    SealBroken,
)
from integrations.errors import ConnectionUnusable as ConnectionUnusable
from integrations.models import ClientVersion, Connection, Credential
from integrations.oauth.answers import TokenAnswer
from integrations.revocation import disconnect as disconnect
from integrations.secret import Secret

WAIT_SECONDS, POLL_SECONDS = 20.0, (0.1, 0.3)
PER_HOST, THREADS = 10, 40
FAILURES = frozenset({"failed", "unusable", "broken"})


@dataclass(frozen=True)
class AccessToken:
    """A token ready to use, with the moment it ends, if the provider says so.

    `generation` grows with each refresh: who is refused with this token asks for a later one.
    """

    token: Secret
    token_type: str
    expires_at: datetime | None
    generation: int


def store(*, connection: Connection, version: ClientVersion, answer: TokenAnswer) -> Credential:
    """Keep a new grant as the connection's credential. Runs inside the caller's transaction.

    A refresh token that the answer does not repeat is not carried over: this is another grant.
    """
    old = Credential.objects.select_for_update().filter(pk=connection.pk).first()
    now = clock.now()
    end = lifetimes.end(provider=version.provider, answer=answer, received_at=now)
    after = lifetimes.refresh_after(pk=connection.pk, start=now, end=end, provider=version.provider)
    credential = Credential(
        connection=connection,
        project_id=connection.project_id,
        client_version=version,
        generation=old.generation + 1 if old else 1,
        lease_epoch=old.lease_epoch if old else 0,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        token_type=answer.token_type,
        expires_at=end,
        refreshed_at=now,
        refresh_after=after if answer.refresh_token else None,
    )
    credential.save(force_insert=old is None, force_update=old is not None)
    journal.forget(connection)
    return credential


def access_token_for(connection: Connection, *, seen_generation: int | None = None) -> AccessToken:
    """Return a token that is fresh, refreshing it once if it is not.

    A caller that was refused with 401 passes the generation it used: it gets a later one, and any
    number of such callers make one refresh. Raises ConnectionUnusable if a person must act,
    ProviderUnavailable if the provider could not be reached and the old token has ended,
    IntegrityBroken if a stored secret was tampered with.
    """
    try:
        return _fresh(connection, seen_generation)
    except SealBroken:
        _record_broken(connection.pk)
        raise IntegrityBroken from None


def due(limit: int = 500) -> list[UUID]:
    """Return connections to refresh in the background now, those that waited longest first.

    If there are more than `limit`, the providers' hosts take turns.
    """
    rows = Credential.objects.filter(
        models.Q(lease_until=None) | models.Q(lease_until__lt=Now()),
        refresh_after__lte=Now(),
        refresh_token__isnull=False,
        connection__status__in=Connection.LIVE,
        connection__project__tokens_stopped=False,
    )
    return versions.by_turns(rows, since="refresh_after", limit=limit)


def refresh_one(connection_id: UUID) -> str:
    """Refresh a connection if it is due, and say what happened in one word.

    One of refreshed, fresh, busy (another process does it), waiting (its host rests), failed (to
    be tried later), unusable (a person must act), broken (a stored secret was tampered with).
    """
    try:
        credential, now = _read("client_version__oauth_client__current_version", pk=connection_id)
        if credential.refresh_token is None or not lifetimes.due(credential, now):
            return "fresh"
        return "refreshed" if refresh.refresh(credential) else "busy"
    except hosts.Resting:
        return "waiting"
    except SealBroken:
        _record_broken(connection_id)
        return "broken"
    except (ConnectionUnusable, NotFound):
        return "unusable"
    except ConnectError:
        return "failed"


def refresh_due(*, limit: int = 500, per_host: int = PER_HOST) -> dict[str, int]:
    """Refresh what is due, a few at a time for each host, and count refreshed and failed.

    A slow provider keeps a few threads and never all of them. Returns when all are done.
    """
    outcomes.settle()
    waiting: dict[str | None, deque[UUID]] = defaultdict(deque)
    rows = Credential.objects.filter(pk__in=due(limit))
    for row in rows.select_related("client_version__oauth_client__integration"):
        waiting[versions.known_host(row.client_version)].append(row.pk)
    # Those of a provider that is gone from the catalog: there is nobody to ask.
    lost = len(waiting.pop(None, ()))
    lanes = [queue for queue in waiting.values() for _ in range(min(per_host, len(queue)))]
    if len(lanes) < 2:
        results = [result for queue in lanes for result in _worked_off(queue)]
    else:
        with ThreadPoolExecutor(min(len(lanes), THREADS)) as pool:
            done = pool.map(_in_thread, lanes)
            results = [result for lane in done for result in lane]
    failed = lost + sum(result in FAILURES for result in results)
    return {"refreshed": results.count("refreshed"), "failed": failed}


def import_spool() -> int:
    """Take what this machine kept while the database was down, and settle what nobody claims.

    Returns how many answers were taken. Run when a worker starts; harmless at any time.
    """
    taken = spool.restore_all()
    outcomes.settle()
    return taken


def _in_thread(queue: deque[UUID]) -> list[str]:
    try:
        return _worked_off(queue)
    finally:
        # A thread's connection is its own, and nobody else would close it.
        database.close()


def _worked_off(queue: deque[UUID]) -> list[str]:
    results = []
    with suppress(IndexError):
        while True:
            results.append(refresh_one(queue.popleft()))
    return results


def _fresh(connection: Connection, seen: int | None) -> AccessToken:
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := _tried(connection, seen)) is None:
        if time.monotonic() > deadline:
            raise ProviderUnavailable("refresh_in_progress", retry_after=1)
        time.sleep(random.uniform(*POLL_SECONDS))  # noqa: S311  spreads load, guards nothing
    return found


def _tried(connection: Connection, seen: int | None) -> AccessToken | None:
    """Return a token, or None if somebody else is getting one and the old one will not do."""
    credential, now = _read(pk=connection.pk, project_id=connection.project_id)
    refused = seen is not None and credential.generation <= seen
    usable = not refused and lifetimes.usable(credential, now)
    if not refused and not lifetimes.due(credential, now):
        return _handed_out(credential)
    if credential.refresh_token is None:
        return _last_one(credential, usable=usable, refused=refused)
    try:
        if _refreshed(credential, now):
            # Whatever its lifetime: a token that ends at once must not be asked for for ever.
            return _handed_out(_read(pk=connection.pk)[0])
    except ProviderFailure:
        if usable:
            return _handed_out(credential)
        raise
    return _handed_out(credential) if usable and _survives(credential) else None


def _refreshed(credential: Credential, now: datetime) -> bool:
    if credential.lease_until is not None and credential.lease_until > now:
        return False
    # Asked before the claim, so that reading costs no write while the provider is down.
    hosts.require_open(hosts.of(versions.oauth_client(version=credential.client_version)))
    return refresh.refresh(credential)


def _read(*related: str, **which: UUID) -> tuple[Credential, datetime]:
    """Return the credential of a live connection, and the moment by the database's clock.

    `related` are further rows to bring along by the same statement.
    """
    row = (
        Credential.objects.filter(**which)
        .select_related(
            "connection__project", "client_version__oauth_client__integration", *related
        )
        .annotate(now=Now())
        .first()
    )
    if row is None:
        raise NotFound("connection_disconnected")
    if row.connection.status not in Connection.LIVE:
        pending = row.connection.status == Connection.Status.PENDING
        other = "options_missing" if pending else "needs_reauth"
        raise ConnectionUnusable(row.connection.reason or other)
    if row.connection.project.tokens_stopped:
        raise NotAllowed("tokens_stopped")
    return row, row.now


def _last_one(credential: Credential, *, usable: bool, refused: bool) -> AccessToken:
    if usable:
        return _handed_out(credential)
    if refused:
        # Only the provider's own word ends a connection; a caller's 401 may have other causes.
        raise ConnectionUnusable("needs_reauth")
    outcomes.condemn(credential, reason=Connection.Reason.NEEDS_REAUTH, provider_error="")
    raise ConnectionUnusable("needs_reauth")


def _survives(credential: Credential) -> bool:
    return credential.client_version.provider.refresh.old_access_token_survives


def _handed_out(credential: Credential) -> AccessToken:
    return AccessToken(
        token=credential.open_required("access_token"),
        token_type=credential.token_type,
        expires_at=credential.expires_at,
        generation=credential.generation,
    )


def _record_broken(pk: UUID) -> None:
    later = lifetimes.later(now=clock.now(), failures=8)
    with transaction.atomic():
        Credential.objects.filter(pk=pk).update(lease_until=None)
        Credential.objects.filter(pk=pk, refresh_after__isnull=False).update(refresh_after=later)
        connection = Connection.objects.select_related("project").get(pk=pk)
        audit.record(
            project=connection.project,
            actor="system",
            action="seal.broken",
            subject=connection,
            severity="high",
        )
