"""The journal of refreshes: who may spend a refresh token now, and what came back.

A claim is a lease by the database's clock plus a row that says what is about to be spent. The
answer is written down as it came before anybody reads it, so that nothing that happens afterwards
can lose the tokens in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import (
    InterfaceError,
    OperationalError,
    connection,
    models,
    transaction,
)
from django.db.models.functions import Now

from integrations import spool
from integrations.models import ClientVersion, Connection, Credential, RefreshAttempt
from integrations.models.fields import Sealed
from integrations.oauth import client as oauth
from integrations.oauth.http import DEADLINE, HOST_WAIT, Answer
from integrations.secret import Secret

log = logging.getLogger(__name__)
Status = RefreshAttempt.Status
LEASE = timedelta(seconds=60)
COMMIT_SECONDS = 20.0
COMMIT_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
READ_HEADERS = ("content-type",)
LEFT_BEHIND = (Status.IN_FLIGHT, Status.GOT_RESPONSE, Status.UNKNOWN)
OPEN_ENDED = (*LEFT_BEHIND, Status.CANDIDATE)


@dataclass(frozen=True)
class Spend:
    """A refresh token that is about to be spent, and the client that spends it."""

    version: ClientVersion
    refresh_token: Secret


def require_long_lease(*, lease: float, call: float, commit: float) -> None:
    """Raise ImproperlyConfigured unless a lease outlives a call and the writing of its answer.

    A second process would otherwise spend a refresh token that is being spent.
    """
    if lease <= call + commit:
        raise ImproperlyConfigured("the lease of a refresh must outlive the call and its commit")


require_long_lease(lease=LEASE.total_seconds(), call=HOST_WAIT + DEADLINE, commit=COMMIT_SECONDS)


def claim(credential: Credential, spend: Spend) -> RefreshAttempt | None:
    """Lease the credential and open an attempt, or return None if somebody works on it.

    An attempt whose answer is here already, because its process died before storing the tokens,
    is returned instead of a new one: its status is `got_response`, and there is nothing to send.
    """
    free = models.Q(lease_until=None) | models.Q(lease_until__lt=Now())
    with transaction.atomic():
        if not _leased(credential, free):
            return None
        return _left_behind(credential) or _opened(credential, spend)


def renew(credential: Credential, spend: Spend) -> RefreshAttempt | None:
    """Lease it for one more call, or return None if the lease ended and somebody else has it."""
    with transaction.atomic():
        if not _leased(credential, models.Q()):
            return None
        return _opened(credential, spend)


def received(attempt: RefreshAttempt, answer: Answer) -> None:
    """Write the answer down as it came, and return when it is durable.

    A database that is down is tried again for some seconds; before the first pause the answer is
    on this machine's disk. Raises OperationalError if it did not come back: nothing is lost then.
    """
    sealed = _sealed(attempt, answer)
    if _written(attempt, sealed):
        return
    spool.keep(attempt, sealed)
    started = time.monotonic()
    for pause in COMMIT_PAUSES:
        time.sleep(pause)
        drop_connection()
        if _written(attempt, sealed):
            spool.drop(attempt.pk)
            return
        if time.monotonic() - started > COMMIT_SECONDS:
            break
    raise OperationalError("the answer to a refresh waits in the spool folder")


def answer_of(attempt: RefreshAttempt) -> Answer:
    """Return the answer that an attempt keeps. Raises SealBroken."""
    kept = json.loads(attempt.open_required("answer").reveal())
    return Answer(kept["status"], kept["headers"], base64.b64decode(kept["body"]))


def end(attempt: RefreshAttempt, status: str) -> None:
    """Close an attempt; what it kept is erased unless it stays a candidate."""
    rows = RefreshAttempt.objects.filter(pk=attempt.pk, status__in=OPEN_ENDED)
    if status == Status.CANDIDATE:
        rows.filter(answer__isnull=False).update(status=status)
    else:
        rows.update(status=status, answer=None)


def forget(connection_: Connection) -> None:
    """Erase what attempts of an earlier grant keep. Runs inside the caller's transaction."""
    RefreshAttempt.objects.filter(connection=connection_, status__in=OPEN_ENDED).update(
        status=Status.DISCARDED, answer=None
    )


def candidate(credential: Credential) -> RefreshAttempt | None:
    """Return the newest answer that came too late to be stored and may hold the living token."""
    return _candidates(credential).first()


def candidate_tokens(credential: Credential) -> Iterator[Secret]:
    """Yield the refresh tokens of all such answers, the newest first. Raises SealBroken."""
    for each in _candidates(credential):
        provider = each.client_version.provider
        token = oauth.refresh_token_in(provider=provider, answer=answer_of(each))
        if token is not None:
            yield token


def fingerprint(refresh_token: Secret) -> str:
    """Return the digest by which an attempt remembers the token it spent."""
    return hashlib.sha256(refresh_token.reveal().encode()).hexdigest()


def was_interrupted(credential: Credential) -> bool:
    """Return whether a call that spent this generation has an unknown outcome."""
    return RefreshAttempt.objects.filter(
        connection=credential.pk, generation=credential.generation, status=Status.UNKNOWN
    ).exists()


def drop_connection() -> None:
    """Give the database connection back, unless a transaction is open on it."""
    if not connection.in_atomic_block:
        connection.close()


def _candidates(credential: Credential) -> models.QuerySet[RefreshAttempt]:
    rows = RefreshAttempt.objects.filter(connection=credential.pk, status=Status.CANDIDATE)
    rows = rows.select_related("client_version__oauth_client__integration")
    return rows.order_by("-generation", "-epoch")


def _leased(credential: Credential, free: models.Q) -> bool:
    # Not by a join: PostgreSQL would read the lease in a subquery, which it does not read again
    # after waiting for another claim, and both would win.
    live = Connection.objects.filter(pk=models.OuterRef("pk"), status__in=Connection.LIVE)
    rows = Credential.objects.filter(
        free,
        models.Exists(live),
        pk=credential.pk,
        generation=credential.generation,
        lease_epoch=credential.lease_epoch,
    )
    if not rows.update(lease_until=Now() + LEASE, lease_epoch=credential.lease_epoch + 1):
        return False
    credential.lease_epoch += 1
    return True


def _left_behind(credential: Credential) -> RefreshAttempt | None:
    """Return the answer that a process left unread, after noting which calls were interrupted."""
    attempts = RefreshAttempt.objects.filter(
        connection=credential.pk, generation=credential.generation, status__in=LEFT_BEHIND
    )
    found = dict(attempts.values_list("pk", "status"))
    # Nearly always there is nothing, and then one statement has to say so.
    if not found:
        return None
    for pk, status in found.items():
        if status != Status.GOT_RESPONSE:
            spool.restore(pk)
    answered = attempts.filter(status=Status.GOT_RESPONSE).select_related("client_version")
    if (ready := answered.order_by("-epoch").first()) is not None:
        return ready
    attempts.filter(status=Status.IN_FLIGHT).update(status=Status.UNKNOWN)
    return None


def _opened(credential: Credential, spend: Spend) -> RefreshAttempt:
    attempt = RefreshAttempt(
        connection_id=credential.pk,
        project_id=credential.project_id,
        client_version=spend.version,
        generation=credential.generation,
        epoch=credential.lease_epoch,
        fingerprint=fingerprint(spend.refresh_token),
    )
    attempt.save(force_insert=True)
    return attempt


def _sealed(attempt: RefreshAttempt, answer: Answer) -> Sealed:
    kept = {
        "status": answer.status,
        "headers": {name: answer.headers[name] for name in READ_HEADERS if name in answer.headers},
        "body": base64.b64encode(answer.body).decode(),
    }
    attempt.seal(answer=Secret(json.dumps(kept)))
    return attempt.encrypted("answer")


def _written(attempt: RefreshAttempt, sealed: Sealed) -> bool:
    rows = RefreshAttempt.objects.filter(
        pk=attempt.pk, status__in=(Status.IN_FLIGHT, Status.UNKNOWN)
    )
    try:
        with _durable():
            rows.update(status=Status.GOT_RESPONSE, answer=sealed, received_at=Now())
    except (OperationalError, InterfaceError) as error:
        log.warning("An answer is not in the database yet: %s", type(error).__name__)
        return False
    return True


@contextmanager
def _durable() -> Iterator[None]:
    """Make the commit wait for the disk, whatever the database was told about others."""
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=NORMAL")
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        yield
