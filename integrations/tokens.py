"""The life of tokens: store, hand out, refresh once, drop.

A credential changes only by comparing and swapping its generation, under a lease in the database,
so that any number of processes make one refresh. No transaction is open during provider HTTP.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from integrations import audit, clients
from integrations.errors import (
    ClientRejected,
    ConnectError,
    GrantRevoked,
    IntegrityBroken,
    NotFound,
    ProviderFailure,
    ProviderUnavailable,
    SealBroken,
)
from integrations.models import ClientVersion, Connection, Credential
from integrations.oauth import client as oauth
from integrations.oauth.answers import TokenAnswer
from integrations.secret import Secret

LEASE = timedelta(seconds=60)
EARLY_SHARE, EARLY_MAX = 0.2, timedelta(minutes=10)
STILL_USABLE = timedelta(seconds=30)
WAIT_SECONDS, POLL_SECONDS = 20.0, 0.15


@dataclass(frozen=True)
class AccessToken:
    """A token ready to use, with the moment it ends, if the provider says so."""

    token: Secret
    token_type: str
    expires_at: datetime | None


class ConnectionUnusable(ConnectError):
    """The connection cannot give a token until a person acts; the code says why."""

    code = "needs_reauth"


def store(*, connection: Connection, version: ClientVersion, answer: TokenAnswer) -> Credential:
    """Keep a new grant as the connection's credential. Runs inside the caller's transaction.

    A refresh token that the answer does not repeat is not carried over: this is another grant.
    """
    old = Credential.objects.filter(pk=connection.pk).first()
    credential = Credential(
        connection=connection,
        project_id=connection.project_id,
        client_version=version,
        generation=old.generation + 1 if old else 1,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        token_type=answer.token_type,
        expires_at=_expiry(version, answer),
        refreshed_at=timezone.now(),
    )
    credential.save(force_insert=old is None, force_update=old is not None)
    return credential


def access_token_for(connection: Connection) -> AccessToken:
    """Return a token that is fresh, refreshing it once if it is not.

    Raises ConnectionUnusable if a person must act, ProviderUnavailable if the provider could not
    be reached and the old token has ended, IntegrityBroken if a stored secret was tampered with.
    """
    try:
        return _fresh(connection)
    except SealBroken:
        with transaction.atomic():
            Credential.objects.filter(pk=connection.pk).update(lease_until=None)
            audit.record(
                project=connection.project,
                actor="system",
                action="seal.broken",
                subject=connection,
                severity="high",
            )
        raise IntegrityBroken from None


def _fresh(connection: Connection) -> AccessToken:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        credential = _credential(connection)
        _require_renewable(credential)
        if not _due(credential):
            return _handed_out(credential)
        if _claim(credential):
            return _refreshed(credential)
        if _usable(credential):
            return _handed_out(credential)
        if time.monotonic() > deadline:
            raise ProviderUnavailable("refresh_in_progress", retry_after=1)
        time.sleep(POLL_SECONDS)


def refresh_due(*, limit: int = 500) -> dict[str, int]:
    """Refresh what ends soon. Returns how many were refreshed and how many failed.

    The order is random, so that connections whose provider is down do not keep others waiting.
    """
    counts = {"refreshed": 0, "failed": 0}
    soon = timezone.now() + EARLY_MAX
    due = Credential.objects.filter(
        expires_at__lt=soon, refresh_token__isnull=False, connection__status__in=Connection.LIVE
    )
    for credential in due.select_related("connection__project").order_by("?")[:limit]:
        if not _due(credential):
            continue
        try:
            access_token_for(credential.connection)
        except ConnectError:
            counts["failed"] += 1
        else:
            counts["refreshed"] += 1
    return counts


def disconnect(*, connection: Connection, actor: str) -> None:
    """Stop handing out tokens and erase them. The connection's shell and history stay."""
    with transaction.atomic():
        changed = (
            Connection.objects.filter(pk=connection.pk)
            .exclude(status=Connection.Status.DISCONNECTED)
            .update(
                status=Connection.Status.DISCONNECTED,
                reason=Connection.Reason.NONE,
                disconnected_at=timezone.now(),
            )
        )
        if not changed:
            return
        Credential.objects.filter(pk=connection.pk).delete()
        audit.record(
            project=connection.project,
            actor=actor,
            action="connection.disconnected",
            subject=connection,
        )
    connection.refresh_from_db()


def _credential(connection: Connection) -> Credential:
    credential = (
        Credential.objects.filter(pk=connection.pk)
        .select_related(
            "connection__project", "client_version__oauth_client__integration", "connection"
        )
        .first()
    )
    if credential is None:
        raise NotFound("connection_disconnected")
    if credential.connection.status not in Connection.LIVE:
        raise ConnectionUnusable(credential.connection.reason or "needs_reauth")
    return credential


def _require_renewable(credential: Credential) -> None:
    if credential.refresh_token is None and not _usable(credential):
        _mark_invalid(credential, Connection.Reason.NEEDS_REAUTH)
        raise ConnectionUnusable("needs_reauth")


def _due(credential: Credential) -> bool:
    ends = credential.expires_at
    if ends is None or credential.refresh_token is None:
        return False
    lifetime = ends - (credential.refreshed_at or ends - EARLY_MAX)
    return timezone.now() >= ends - min(lifetime * EARLY_SHARE, EARLY_MAX)


def _usable(credential: Credential) -> bool:
    ends = credential.expires_at
    return ends is None or ends - timezone.now() > STILL_USABLE


def _handed_out(credential: Credential) -> AccessToken:
    return AccessToken(
        token=credential.open_required("access_token"),
        token_type=credential.token_type,
        expires_at=credential.expires_at,
    )


def _claim(credential: Credential) -> bool:
    # The database's clock: those of several hosts differ, and a lease must mean the same to all.
    free = models.Q(lease_until=None) | models.Q(lease_until__lt=Now())
    claimed = Credential.objects.filter(
        free, pk=credential.pk, generation=credential.generation
    ).update(lease_until=Now() + LEASE, lease_epoch=models.F("lease_epoch") + 1)
    return claimed == 1


def _refreshed(credential: Credential) -> AccessToken:
    version = credential.client_version
    try:
        answer = oauth.refresh(
            provider=version.oauth_client.integration.provider,
            client=clients.oauth_client(version=version),
            refresh_token=credential.open_required("refresh_token"),
        )
    except GrantRevoked:
        return _condemned(credential, Connection.Reason.NEEDS_REAUTH)
    except ClientRejected:
        return _condemned(credential, Connection.Reason.CLIENT_REJECTED)
    except ProviderFailure:
        _release(credential)
        if _usable(credential):
            return _handed_out(credential)
        raise
    return _applied(credential, answer)


def _applied(credential: Credential, answer: TokenAnswer) -> AccessToken:
    parent = credential.generation
    kept = answer.refresh_token or credential.open_required("refresh_token")
    credential.generation = parent + 1
    credential.seal(access_token=answer.access_token, refresh_token=kept)
    credential.expires_at = _expiry(credential.client_version, answer)
    credential.refreshed_at = timezone.now()
    with transaction.atomic():
        swapped = Credential.objects.filter(pk=credential.pk, generation=parent).update(
            **_values(credential)
        )
        if swapped:
            audit.record(
                project=credential.connection.project,
                actor="system",
                action="connection.refreshed",
                subject=credential.connection,
                generation=credential.generation,
            )
    if not swapped:
        # Reconnected or disconnected meanwhile: what stands now counts, not this answer.
        return access_token_for(credential.connection)
    return AccessToken(answer.access_token, credential.token_type, credential.expires_at)


def _condemned(credential: Credential, reason: Connection.Reason) -> AccessToken:
    if _mark_invalid(credential, reason):
        raise ConnectionUnusable(str(reason))
    return access_token_for(credential.connection)


def _values(credential: Credential) -> dict[str, Any]:
    return {
        "generation": credential.generation,
        "access_token": credential.sealed("access_token"),
        "refresh_token": credential.sealed("refresh_token"),
        "expires_at": credential.expires_at,
        "refreshed_at": credential.refreshed_at,
        "lease_until": None,
    }


def _release(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk, generation=credential.generation).update(
        lease_until=None
    )


def _mark_invalid(credential: Credential, reason: Connection.Reason) -> bool:
    # The generation is compared, because a slow refresh must not condemn a newer grant.
    current = Credential.objects.filter(generation=credential.generation)
    with transaction.atomic():
        changed = Connection.objects.filter(
            pk=credential.pk, status__in=Connection.LIVE, credential__in=current
        ).update(status=Connection.Status.INVALID, reason=reason)
        if changed:
            audit.record(
                project=credential.connection.project,
                actor="system",
                action="connection.invalid",
                subject=credential.connection,
                reason=str(reason),
            )
    return bool(changed)


def _expiry(version: ClientVersion, answer: TokenAnswer) -> datetime | None:
    provider = version.oauth_client.integration.provider
    seconds = answer.expires_in or provider.refresh.access_token_lifetime
    return timezone.now() + timedelta(seconds=seconds) if seconds else None
