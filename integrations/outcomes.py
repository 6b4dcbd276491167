"""What a refresh leads to: tokens stored, put off, or a connection that needs a person.

Each is one transaction with its audit event, and compares the generation, because a slow refresh
must not touch a newer grant.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import OperationalError, models, transaction
from django.db.models.functions import Now

from integrations import audit, clock, journal, lifetimes, revocation, versions
from integrations.errors import (
    ConnectionUnusable,
    NotFound,
    ProviderFailure,
    ProviderUnavailable,
    SealBroken,
)
from integrations.models import Connection, Credential, RefreshAttempt
from integrations.oauth import client as oauth
from integrations.oauth.answers import TokenAnswer
from integrations.secret import Secret

Status = RefreshAttempt.Status
KEEP_PAUSES = (0.1, 0.2, 0.4, 0.8)


def keep(*, credential: Credential, attempt: RefreshAttempt, answer: TokenAnswer) -> None:
    """Store what a refresh brought, if the generation it spent is still the newest.

    Otherwise the answer stays a candidate of a live connection, and the grant of one that is not
    live any more is queued to be ended at the provider.
    """
    kept = answer.refresh_token or _spent(credential, attempt)
    _tried_again(lambda: _keep(credential, attempt, answer, kept))


def condemn(credential: Credential, *, reason: str, provider_error: str) -> None:
    """Say that a person must act. Raises ConnectionUnusable, unless a newer grant is there."""
    with transaction.atomic():
        connection = _locked(credential.pk)
        current = Credential.objects.filter(pk=credential.pk, generation=credential.generation)
        live = connection.status in Connection.LIVE
        if not live or not current.update(lease_until=None, refresh_after=None):
            return
        Connection.objects.filter(pk=connection.pk).update(
            status=Connection.Status.INVALID, reason=reason, updated_at=clock.now()
        )
        _record(connection, "connection.invalid", reason=str(reason), error=provider_error)
    raise ConnectionUnusable(str(reason))


def postpone(credential: Credential, *, error: ProviderFailure, counts: bool) -> None:
    """Free the lease and try again later in the background.

    `counts` is false where nothing was tried, because the host is known to be down.
    """
    now = clock.now()
    failures = credential.failures + 1 if counts else credential.failures
    later = lifetimes.later(now=now, failures=credential.failures if counts else 0)
    if isinstance(error, ProviderUnavailable) and error.retry_after:
        later = max(later, now + timedelta(seconds=error.retry_after))
    with transaction.atomic():
        rows = Credential.objects.filter(
            pk=credential.pk, generation=credential.generation, lease_epoch=credential.lease_epoch
        )
        freed = rows.update(lease_until=None, refresh_after=later, failures=failures)
        if freed and counts:
            connection = Connection.objects.select_related("project").get(pk=credential.pk)
            _record(
                connection,
                "connection.refresh_failed",
                code=error.code,
                error=error.provider_error,
            )


def settle() -> None:
    """Deal with answers that no claim will find, because their connection has ended or moved on."""
    left = RefreshAttempt.objects.filter(
        status__in=RefreshAttempt.HOLDS_ANSWER, created_at__lt=Now() - journal.LEASE
    )
    live = models.Q(connection__status__in=Connection.LIVE)
    # One that was refused for its client's secret may live again, and needs what it has.
    ended = left.exclude(live).exclude(connection__reason=Connection.Reason.CLIENT_REJECTED)
    for attempt in ended.select_related("client_version__oauth_client__integration"):
        # A provider that is gone from the catalog must not keep the others' answers waiting.
        with suppress(NotFound):
            _settle(attempt)
    overtaken = left.filter(live, connection__credential__generation__gt=models.F("generation"))
    for attempt in overtaken.filter(status=Status.GOT_RESPONSE):
        journal.end(attempt, Status.CANDIDATE)


def has_moved_on(credential: Credential) -> bool:
    """Return whether somebody stored newer tokens, or the credential is gone."""
    return not Credential.objects.filter(
        pk=credential.pk, generation=credential.generation
    ).exists()


def _keep(
    credential: Credential, attempt: RefreshAttempt, answer: TokenAnswer, kept: Secret
) -> None:
    with transaction.atomic():
        received = RefreshAttempt.objects.filter(pk=attempt.pk).values("received_at")
        connection = _locked(credential.pk, received_at=models.Subquery(received))
        if not _may_live(connection):
            _handed_to_revocation(connection, attempt, answer)
            return
        attempt.received_at = connection.received_at or clock.now()  # type: ignore[attr-defined]
        parent = Credential.objects.filter(pk=credential.pk, generation=attempt.generation)
        if parent.update(**_values(credential, attempt, answer, kept)):
            journal.end(attempt, Status.APPLIED)
            _prune(attempt)
            versions.proved(attempt.client_version)
            _record(connection, "connection.refreshed", generation=attempt.generation + 1)
        else:
            journal.end(attempt, Status.CANDIDATE)


def _settle(attempt: RefreshAttempt) -> None:
    provider = attempt.client_version.provider
    with transaction.atomic():
        connection = _locked(attempt.connection_id)
        if _may_live(connection):
            return
        try:
            answer = oauth.token_answer(provider=provider, answer=journal.answer_of(attempt))
        except (ProviderFailure, SealBroken):
            journal.end(attempt, Status.DISCARDED)
            return
        _handed_to_revocation(connection, attempt, answer)


def _values(
    credential: Credential, attempt: RefreshAttempt, answer: TokenAnswer, kept: Secret
) -> dict[str, Any]:
    received = attempt.received_at or clock.now()
    provider = credential.client_version.provider
    end = lifetimes.end(provider=provider, answer=answer, received_at=received)
    fresh = Credential(
        connection_id=credential.pk,
        project_id=credential.project_id,
        generation=attempt.generation + 1,
        access_token=answer.access_token,
        refresh_token=kept,
    )
    return {
        "generation": fresh.generation,
        "access_token": fresh.sealed("access_token"),
        "refresh_token": fresh.sealed("refresh_token"),
        "client_version_id": attempt.client_version_id,
        "token_type": answer.token_type,
        "expires_at": end,
        "refreshed_at": received,
        "refresh_after": lifetimes.refresh_after(
            pk=credential.pk, start=received, end=end, provider=provider
        ),
        "failures": 0,
        "lease_until": None,
    }


def _prune(attempt: RefreshAttempt) -> None:
    """Forget attempts that spent an earlier generation: the one they made was good."""
    RefreshAttempt.objects.filter(
        connection=attempt.connection_id, generation__lt=attempt.generation
    ).delete()


def _handed_to_revocation(
    connection: Connection, attempt: RefreshAttempt, answer: TokenAnswer
) -> None:
    revocation.queue(
        project=connection.project,
        client_version=attempt.client_version,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        connection=connection,
        reason="late_refresh",
    )
    journal.end(attempt, Status.DISCARDED)


def _spent(credential: Credential, attempt: RefreshAttempt) -> Secret:
    """Return the refresh token that was spent: the stored one, or that of a candidate."""
    stored = credential.open_required("refresh_token")
    for token in chain((stored,), journal.candidate_tokens(credential)):
        if journal.fingerprint(token) == attempt.fingerprint:
            return token
    return stored


def _may_live(connection: Connection) -> bool:
    rejected = connection.reason == Connection.Reason.CLIENT_REJECTED
    return rejected or connection.status in Connection.LIVE


def _locked(pk: UUID, **more: models.Subquery) -> Connection:
    rows = Connection.objects.select_for_update(of=("self",)).select_related("project")
    return rows.annotate(**more).get(pk=pk)


def _record(connection: Connection, action: str, **data: Any) -> None:
    said = {name: value for name, value in data.items() if value != ""}
    audit.record(
        project=connection.project, actor="system", action=action, subject=connection, **said
    )


def _tried_again(work: Callable[[], None]) -> None:
    for pause in KEEP_PAUSES:
        try:
            return work()
        except OperationalError:
            journal.drop_connection()
            time.sleep(pause)
    return work()
