"""One refresh, from the claim to the stored tokens, with every way it can go wrong.

The fence is the generation: tokens are stored only if the one that was spent is still the newest.
No transaction is open while the provider is called, and the answer is in the journal before it is
read (RFC 6749 section 6, RFC 9700 section 4.14).
"""

from __future__ import annotations

import random
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

from integrations import hosts, journal, outcomes, versions
from integrations.catalog.schema import Provider
from integrations.errors import (
    ClientRejected,
    ConnectionUnusable,
    GrantRevoked,
    ProviderFailure,
    ProviderUnavailable,
    SealBroken,
)
from integrations.journal import Spend
from integrations.models import ClientVersion, Connection, Credential, RefreshAttempt
from integrations.oauth import answers
from integrations.oauth import client as oauth
from integrations.oauth.answers import TokenAnswer
from integrations.oauth.http import Answer

Status = RefreshAttempt.Status
Reason = Connection.Reason
# Pauses in seconds. Nothing sent: the provider cannot have acted. Else it may have, and the one
# more try finds a provider with grace still willing, or a strict one at least certain.
UNSENT_PAUSES: tuple[tuple[float, float], ...] = ((0.2, 0.4), (0.5, 1.0))
UNSURE_PAUSES: tuple[tuple[float, float], ...] = ((1.0, 2.0),)


class Unsure(ProviderUnavailable):
    """The provider may or may not have acted: it was cut off, failed, or cannot be understood."""


@dataclass
class _Run:
    """A refresh under way: what is spent now, and what may be tried after it."""

    credential: Credential
    versions: deque[ClientVersion]
    spend: Spend
    attempt: RefreshAttempt
    candidate: RefreshAttempt | None = None
    rejected: set[UUID] = field(default_factory=set)
    unsent: deque[tuple[float, float]] = field(default_factory=lambda: deque(UNSENT_PAUSES))
    unsure: deque[tuple[float, float]] = field(default_factory=lambda: deque(UNSURE_PAUSES))

    @property
    def provider(self) -> Provider:
        return self.spend.version.provider


def refresh(credential: Credential) -> bool:
    """Refresh a credential, unless somebody else does at this moment: then return False.

    Also False if the lease was lost on the way. Raises ConnectionUnusable if a person must act,
    ProviderUnavailable or ProviderFailure if it may be tried later, SealBroken.
    """
    run = _begun(credential, versions.for_refresh(credential))
    return run is not None and _finished(run)


def accepts(credential: Credential, version: ClientVersion) -> bool | None:
    """Refresh with `version` first, and say whether the provider takes that client's secret.

    None if that cannot be told now: the provider is down, the grant is over, or somebody else
    refreshes. The versions used before follow, so a wrong secret costs the connection nothing.
    """
    run = _begun(credential, (version, *versions.for_refresh(credential)))
    if run is None:
        return None
    with suppress(ProviderFailure, ConnectionUnusable):
        if _finished(run) and run.attempt.client_version_id == version.pk:
            return True
    return False if version.pk in run.rejected else None


def _begun(credential: Credential, usable: tuple[ClientVersion, ...]) -> _Run | None:
    waiting = deque(usable)
    spend = Spend(waiting.popleft(), credential.open_required("refresh_token"))
    attempt = journal.claim(credential, spend)
    return _Run(credential, waiting, spend, attempt) if attempt else None


def _finished(run: _Run) -> bool:
    written = run.attempt.status == Status.GOT_RESPONSE
    answer = _kept(run.attempt) if written else None
    while True:
        try:
            tokens = read(run.provider, answer or _asked(run))
        except ProviderFailure as error:
            if not _goes_on(run, error):
                return False
            answer = None
        else:
            outcomes.keep(credential=run.credential, attempt=run.attempt, answer=tokens)
            return True


def read(provider: Provider, answer: Answer) -> TokenAnswer:
    """Read an answer to a refresh, and believe a refusal only where the provider means it.

    Raises GrantRevoked or ClientRejected for a JSON error with status 400, 401 or another that the
    catalog names; Unsure if the provider may have acted; ProviderFailure for any other refusal.
    """
    try:
        return oauth.token_answer(provider=provider, answer=answer)
    except (GrantRevoked, ClientRejected) as error:
        raise _believed(provider, answer, error) from None
    except ProviderUnavailable as error:
        if answer.status == 429:
            raise
        raise Unsure(retry_after=error.retry_after) from None
    except ProviderFailure as error:
        if answer.status < 300 and not error.provider_error:
            raise Unsure("provider_bad_response") from None
        raise


def _believed(
    provider: Provider, answer: Answer, error: GrantRevoked | ClientRejected
) -> ProviderFailure:
    own = answer.status in provider.refresh.revoked_statuses
    if not error.provider_error or not (own or answer.status in (400, 401)):
        return ProviderFailure(provider_error=error.provider_error)
    if own and answer.status == 403:
        # Here the provider has one status for a grant that is over, whatever it calls the error.
        return GrantRevoked(provider_error=error.provider_error)
    return error


def _kept(attempt: RefreshAttempt) -> Answer:
    """Return the answer that an attempt keeps. Raises SealBroken, for the same one only once."""
    try:
        return journal.answer_of(attempt)
    except SealBroken:
        # Otherwise every claim would find it again, and the connection had no other refresh.
        journal.end(attempt, Status.UNKNOWN)
        raise


def _asked(run: _Run) -> Answer:
    """Call the provider and write down what came. Raises ProviderFailure."""
    client = versions.oauth_client(version=run.spend.version)
    host = hosts.of(client)
    troubled = hosts.enter(host)
    journal.drop_connection()
    try:
        answer = oauth.refresh(
            provider=run.provider, client=client, refresh_token=run.spend.refresh_token
        )
    except ProviderFailure as error:
        raise _without_answer(host, error) from None
    if answer.status < 300:
        journal.received(run.attempt, answer)
    _note(host, answer, troubled=troubled)
    return answer


def _without_answer(host: hosts.Host, error: ProviderFailure) -> ProviderFailure:
    if not isinstance(error, ProviderUnavailable):
        # A redirect did nothing; an answer too large or compressed may hide anything.
        return Unsure(error.code) if error.code == "provider_bad_response" else error
    if error.code != "provider_busy":
        hosts.failed(host)
    return Unsure(error.code) if error.sent else error


def _note(host: hosts.Host, answer: Answer, *, troubled: bool) -> None:
    retry_after = answers.retry_after(answer)
    if answer.status == 429:
        hosts.asked_to_wait(host, retry_after=retry_after)
    elif answer.status >= 500:
        hosts.failed(host, retry_after=retry_after)
    elif troubled:
        hosts.answered(host)


def _goes_on(run: _Run, error: ProviderFailure) -> bool:
    """Prepare the next try and return True, or False if somebody else took over.

    Raises what ends the refresh.
    """
    if isinstance(error, GrantRevoked):
        return _after_revoked(run, error)
    if isinstance(error, ClientRejected):
        return _after_rejected(run, error)
    if isinstance(error, Unsure):
        _unsure(run)
        return _again(run, error, run.unsure)
    journal.end(run.attempt, Status.FAILED)
    if error.sent or isinstance(error, hosts.Resting):
        _give_up(run, error)
    return _again(run, error, run.unsent)


def _again(run: _Run, error: ProviderFailure, pauses: deque[tuple[float, float]]) -> bool:
    if not pauses:
        _give_up(run, error)
    journal.drop_connection()
    time.sleep(random.uniform(*pauses.popleft()))  # noqa: S311  spreads load, guards nothing
    return _renewed(run)


def _unsure(run: _Run) -> None:
    """Close the attempt; a refresh token in an answer that is of no other use is kept."""
    attempt = run.attempt
    attempt.refresh_from_db(fields=["status", "answer"])
    salvaged = None
    if attempt.status == Status.GOT_RESPONSE:
        kept = _kept(attempt)
        salvaged = oauth.refresh_token_in(provider=run.provider, answer=kept)
    if salvaged is None or salvaged == run.spend.refresh_token:
        journal.end(attempt, Status.UNKNOWN)
        return
    journal.end(attempt, Status.CANDIDATE)
    if run.provider.refresh.rotation == "strict":
        # The one that was spent is dead, and showing it again would end the whole family.
        run.spend, run.candidate = Spend(run.spend.version, salvaged), attempt


def _after_revoked(run: _Run, error: GrantRevoked) -> bool:
    """Try the newest token that came too late to be stored; without one, the grant is over."""
    journal.end(run.attempt, Status.FAILED)
    if run.candidate is not None:
        journal.end(run.candidate, Status.DISCARDED)
        run.candidate = None
    if outcomes.has_moved_on(run.credential):
        return False
    while (candidate := journal.candidate(run.credential)) is not None:
        version = candidate.client_version
        token = oauth.refresh_token_in(provider=version.provider, answer=_kept(candidate))
        if token is not None:
            run.spend, run.candidate = Spend(version, token), candidate
            return _renewed(run)
        journal.end(candidate, Status.DISCARDED)
    lost = journal.was_interrupted(run.credential) and run.provider.refresh.rotation != "none"
    reason = Reason.ROTATION_LOST if lost else Reason.NEEDS_REAUTH
    outcomes.condemn(run.credential, reason=reason, provider_error=error.provider_error)
    return False


def _after_rejected(run: _Run, error: ClientRejected) -> bool:
    """Try the client's next version, if there is one."""
    journal.end(run.attempt, Status.FAILED)
    # Not always the one in hand: an answer kept by a process that died may be to another.
    run.rejected.add(run.attempt.client_version_id)
    waiting = [each for each in (run.spend.version, *run.versions) if each.pk not in run.rejected]
    if waiting:
        run.spend, run.versions = Spend(waiting[0], run.spend.refresh_token), deque(waiting[1:])
        return _renewed(run)
    outcomes.condemn(
        run.credential, reason=Reason.CLIENT_REJECTED, provider_error=error.provider_error
    )
    return False


def _renewed(run: _Run) -> bool:
    attempt = journal.renew(run.credential, run.spend)
    if attempt is None:
        return False
    run.attempt = attempt
    return True


def _give_up(run: _Run, error: ProviderFailure) -> NoReturn:
    outcomes.postpone(run.credential, error=error, counts=not isinstance(error, hosts.Resting))
    raise error
