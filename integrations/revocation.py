"""Disconnecting: hand-out stops at once, then the grant is ended at the provider and erased.

A worker does the second part under a lease in the database. Killed at any point, it is done
again: a provider that no longer knows a token says so, and that counts as done.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from integrations import audit, grantends, versions
from integrations.errors import ClientRejected, ProviderFailure, ProviderUnavailable, SealBroken
from integrations.models import ClientVersion, Connection, Credential, Flow, Project, Revocation
from integrations.secret import Secret

Outcome = Revocation.Outcome
REPLACED = "replaced"
LEASE = timedelta(minutes=2)
GIVE_UP_AFTER = timedelta(hours=24)
FIRST_DELAY, MAX_DELAY = 15, 3600
# What a person should hear first if several grants of one connection ended differently.
WORST_FIRST = (Outcome.FAILED, Outcome.UNSUPPORTED, Outcome.SHARED, Outcome.REVOKED)


def queue(
    *,
    project: Project,
    client_version: ClientVersion,
    access_token: Secret,
    refresh_token: Secret | None,
    connection: Connection | None,
    reason: str,
    account_id: str = "",
) -> None:
    """Keep a grant until the provider has ended it. Runs inside the caller's transaction.

    `account_id` names the account of a grant that has no connection; `reason` is a short word for
    the record. Where the provider has no way to end a grant, its tokens are dropped at once.
    """
    supported = grantends.provider_of(client_version) is not None
    row = Revocation(
        project=project,
        client_version=client_version,
        connection=connection,
        account_id=connection.account_id if connection else account_id,
        reason=reason,
        access_token=access_token if supported else None,
        refresh_token=refresh_token if supported else None,
        due_at=Now(),
        outcome=Outcome.NONE if supported else Outcome.UNSUPPORTED,
        ended_at=None if supported else timezone.now(),
    )
    row.save(force_insert=True)
    if not supported:
        _settle(row)


def disconnect(*, connection: Connection, actor: str) -> None:
    """Stop handing out tokens and have the grant ended. The connection's shell and history stay.

    The credential's row goes, so a refresh under way finds nothing to write to.
    """
    with transaction.atomic():
        # First the flows: whoever chooses for one at this moment locks in the same order.
        Flow.objects.filter(connection=connection, status=Flow.Status.NEEDS_OPTIONS).update(
            status=Flow.Status.CANCELLED, updated_at=timezone.now()
        )
        changed = (
            Connection.objects.filter(pk=connection.pk)
            .exclude(status__in=Connection.GONE)
            .update(
                status=Connection.Status.DISCONNECTING,
                reason=Connection.Reason.NONE,
                disconnected_at=timezone.now(),
                updated_at=timezone.now(),
            )
        )
        if changed:
            connection.refresh_from_db()
            _moved(connection, actor)
            audit.record(
                project=connection.project,
                actor=actor,
                action="connection.disconnecting",
                subject=connection,
            )
            _settle_connection(connection)
    connection.refresh_from_db()


def due(limit: int = 100) -> list[UUID]:
    """Return grants that wait to be ended and that nobody works on, the longest waiting first.

    If there are more than `limit`, the providers' hosts take turns.
    """
    waiting = Revocation.objects.filter(_free(), outcome=Outcome.NONE, due_at__lte=Now())
    return versions.by_turns(waiting, since="due_at", limit=limit)


def attempt(pk: UUID) -> str:
    """Try once to end a grant, and return its outcome: empty while it has to wait.

    Nothing happens if another process works on it.
    """
    row = _claimed(pk)
    if row is None:
        return Outcome.NONE
    try:
        outcome, code = grantends.ended(row), ""
    except SealBroken:
        outcome, code = Outcome.FAILED, "integrity_error"
    except ClientRejected as error:
        outcome, code = Outcome.FAILED, error.code
    except ProviderUnavailable as error:
        return _put_off(row, error.code, error.retry_after)
    except ProviderFailure as error:
        return _put_off(row, error.code, None)
    except Exception:
        # Whatever it was, it must not be tried for ever.
        _put_off(row, "internal_error", None)
        raise
    return _end(row, outcome, code)


def _moved(connection: Connection, actor: str) -> None:
    # Locked before it is read: a refresh may be writing a newer pair at this moment.
    credential = Credential.objects.select_for_update().filter(pk=connection.pk).first()
    if credential is None:
        return
    Credential.objects.filter(pk=connection.pk).delete()
    version = ClientVersion.objects.select_related("oauth_client__integration").get(
        pk=credential.client_version_id
    )
    try:
        access, refresh = credential.open_required("access_token"), credential.open("refresh_token")
    except SealBroken:
        _record_broken(connection, actor)
        return
    queue(
        project=connection.project,
        client_version=version,
        access_token=access,
        refresh_token=refresh,
        connection=connection,
        reason="disconnected",
    )


def _record_broken(connection: Connection, actor: str) -> None:
    connection.revocation = Outcome.FAILED
    connection.save(update_fields=["revocation"])
    audit.record(
        project=connection.project,
        actor=actor,
        action="seal.broken",
        subject=connection,
        severity="high",
    )


def _free() -> models.Q:
    # The database's clock: those of several hosts differ, and a lease must mean the same to all.
    return models.Q(lease_until=None) | models.Q(lease_until__lt=Now())


def _claimed(pk: UUID) -> Revocation | None:
    claimed = Revocation.objects.filter(_free(), pk=pk, outcome=Outcome.NONE).update(
        lease_until=Now() + LEASE,
        lease_epoch=models.F("lease_epoch") + 1,
        tries=models.F("tries") + 1,
    )
    if not claimed:
        return None
    return Revocation.objects.select_related(
        "project", "connection", "client_version__oauth_client__integration"
    ).get(pk=pk)


def _put_off(row: Revocation, code: str, retry_after: int | None) -> str:
    last = row.created_at + GIVE_UP_AFTER
    if timezone.now() >= last:
        return _end(row, Outcome.FAILED, code)
    wait = max(_delay(row.tries), timedelta(seconds=retry_after or 0))
    Revocation.objects.filter(pk=row.pk, lease_epoch=row.lease_epoch).update(
        due_at=min(timezone.now() + wait, last), error_code=code, lease_until=None
    )
    return Outcome.NONE


def _delay(tries: int) -> timedelta:
    seconds = min(FIRST_DELAY * 2 ** min(tries - 1, 16), MAX_DELAY)
    # Half of it by chance, so that many grants do not come back at once.
    return timedelta(seconds=seconds * (0.5 + secrets.randbelow(1001) / 2000))


def _end(row: Revocation, outcome: str, code: str) -> str:
    with transaction.atomic():
        ended = Revocation.objects.filter(
            pk=row.pk, lease_epoch=row.lease_epoch, outcome=Outcome.NONE
        ).update(
            outcome=outcome,
            error_code=code,
            access_token=None,
            refresh_token=None,
            ended_at=timezone.now(),
            lease_until=None,
        )
        if not ended:
            return Outcome.NONE
        row.outcome, row.error_code = outcome, code
        _settle(row)
    return outcome


def _settle(row: Revocation) -> None:
    """Record what became of a grant, and what that means for its connection."""
    connection = row.connection
    gone = connection is not None and connection.status in Connection.GONE
    if connection is None or not gone or row.reason == REPLACED:
        _record(row, f"grant.{row.outcome}", subject=row)
        return
    if row.outcome == Outcome.REVOKED:
        _record(row, "connection.revoked_remotely", subject=connection)
    elif row.outcome == Outcome.FAILED:
        _record(row, "connection.revocation_failed", subject=connection)
    _settle_connection(connection)


def _settle_connection(connection: Connection) -> None:
    rows = Revocation.objects.filter(connection=connection).exclude(reason=REPLACED)
    found = {*rows.values_list("outcome", flat=True), connection.revocation}
    if Outcome.NONE in rows.values_list("outcome", flat=True):
        return
    outcome = next((one for one in WORST_FIRST if one in found), Outcome.NONE)
    Connection.objects.filter(pk=connection.pk).update(revocation=outcome)
    ended = Connection.objects.filter(
        pk=connection.pk, status=Connection.Status.DISCONNECTING
    ).update(status=Connection.Status.DISCONNECTED, updated_at=timezone.now())
    if ended:
        audit.record(
            project=connection.project,
            actor="system",
            action="connection.disconnected",
            subject=connection,
            revocation=str(outcome),
        )


def _record(row: Revocation, action: str, *, subject: models.Model) -> None:
    audit.record(
        project=row.project,
        actor="system",
        action=action,
        subject=subject,
        reason=row.reason,
        code=row.error_code,
    )
