"""What each answer of a provider leads to, and what is tried before a person is asked."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from integrations import clients, journal, outcomes, refresh, tokens, versions
from integrations.clients import ClientConfig
from integrations.errors import (
    ClientRejected,
    ConnectionUnusable,
    GrantRevoked,
    ProviderFailure,
    ProviderUnavailable,
)
from integrations.models import AuditEvent, Connection, Credential, RefreshAttempt, Revocation
from integrations.oauth import client as oauth
from integrations.oauth.http import Answer
from integrations.secret import Secret
from tests import factories, granted
from tests.granted import kept, refreshes

pytestmark = pytest.mark.django_db
Status = RefreshAttempt.Status
JSON = {"content-type": "application/json"}


@pytest.fixture
def integration(provider):
    return factories.make_integration(factories.make_project())


@pytest.fixture
def connection(provider, integration):
    """A connection that the provider really granted, whose access token has ended."""
    row = granted.connection(provider, integration)
    factories.expire(row)
    return row


@pytest.fixture
def desk(provider):
    """The same at a provider with strict rotation."""
    integration = factories.make_integration(factories.make_project(), "demo-desk")
    row = granted.connection(provider, integration, settings={"subdomain": "acme"})
    factories.expire(row)
    return row


def attempts(connection) -> list[str]:
    """Return the statuses of the attempts kept, in order."""
    return list(connection.refresh_attempts.order_by("epoch").values_list("status", flat=True))


def answer(status: int = 200, **data: Any) -> Answer:
    return Answer(status, JSON, json.dumps(data).encode())


def tokens_of(number: int) -> dict[str, Any]:
    return {
        "access_token": f"access-{number}",
        "refresh_token": f"refresh-{number}",
        "token_type": "Bearer",
        "expires_in": 3600,
    }


@dataclass
class Script:
    """Answers in order; what was spent is in `spent`."""

    answers: list[Any]
    spent: list[str] = field(default_factory=list)

    def __call__(self, *, provider: Any, client: Any, refresh_token: Secret) -> Answer:
        self.spent.append(refresh_token.reveal())
        now = self.answers.pop(0)
        if callable(now):
            now = now()
        if isinstance(now, Exception):
            raise now
        return now


@pytest.fixture
def scripted(monkeypatch):
    """Let the provider give these answers."""

    def play(*answers: Any) -> Script:
        script = Script(list(answers))
        monkeypatch.setattr(oauth, "refresh", script)
        return script

    return play


VALID, REVOKED, REJECTED = (
    ("VALID", ""),
    ("INVALID", "needs_reauth"),
    ("INVALID", "client_rejected"),
)
LOST = ("INVALID", "rotation_lost")
INVALID_GRANT = {"body": '{"error": "invalid_grant"}'}


def refused(status: int, error: str = "invalid_grant") -> dict[str, Any]:
    return {"token_body": {"body": json.dumps({"error": error}), "status": status}}


# What the provider does, the state it leads to, how often it is asked, the last attempt's status.
ANSWERS: dict[str, tuple[dict[str, Any], tuple[str, str], int, str]] = {
    "tokens": ({}, VALID, 1, "applied"),
    "no refresh token": ({"no_refresh": True}, VALID, 1, "applied"),
    "no lifetime": ({"answer_drop": ["expires_in"]}, VALID, 1, "applied"),
    "another scope": ({"answer_set": {"scope": "contacts.read"}}, VALID, 1, "applied"),
    "byte order mark": ({"token_body": "bom"}, VALID, 1, "applied"),
    "400 invalid_grant": (refused(400), REVOKED, 1, "failed"),
    "401 invalid_grant": (refused(401), REVOKED, 1, "failed"),
    "400 token_revoked": (refused(400, "token_revoked"), REVOKED, 1, "failed"),
    "403 invalid_grant": (refused(403), VALID, 1, "failed"),
    "404 invalid_grant": (refused(404), VALID, 1, "failed"),
    "200 invalid_grant": (refused(200), VALID, 1, "failed"),
    "500 invalid_grant": (refused(500), VALID, 2, "unknown"),
    "401 invalid_client": (refused(401, "invalid_client"), REJECTED, 1, "failed"),
    "400 unauthorized_client": (refused(400, "unauthorized_client"), REJECTED, 1, "failed"),
    "503 invalid_client": (refused(503, "invalid_client"), VALID, 2, "unknown"),
    "401 without an error": ({"token_body": {"body": "{}", "status": 401}}, VALID, 1, "failed"),
    "401 HTML": ({"token_body": {"body": "html", "status": 401}}, VALID, 1, "failed"),
    "400 HTML": ({"token_body": {"body": "html", "status": 400}}, VALID, 1, "failed"),
    "400 invalid_scope": (refused(400, "invalid_scope"), VALID, 1, "failed"),
    "404": ({"token_status": 404}, VALID, 1, "failed"),
    "429": ({"token_status": {"status": 429, "retry_after": 7}}, VALID, 1, "failed"),
    "500": ({"token_status": 500}, VALID, 2, "unknown"),
    "503 with a wish": ({"token_status": {"status": 503, "retry_after": 9}}, VALID, 1, "failed"),
    "HTML": ({"token_body": "html"}, VALID, 2, "unknown"),
    "no token": ({"token_body": "no_token"}, VALID, 2, "unknown"),
    "empty": ({"token_body": "empty"}, VALID, 2, "unknown"),
    "too large": ({"token_body": "huge"}, VALID, 2, "unknown"),
    "redirect": ({"token_redirect": "http://127.0.0.1:1/"}, VALID, 1, "failed"),
    "answer lost": ({"token_lost": True}, VALID, 2, "unknown"),
}


@pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS)
def test_each_answer_leads_to_its_state(connection, provider, case):
    modes, state, calls, last = case
    before = kept(connection, "refresh_token")
    provider.configure(profile="demo-mail", **modes)
    failure = None
    try:
        tokens.access_token_for(connection)
    except (ProviderFailure, ConnectionUnusable) as error:
        failure = error
    connection.refresh_from_db()
    assert (connection.status, connection.reason) == state
    assert refreshes(provider) == calls
    assert attempts(connection)[-1] == last
    assert (failure is None) is (last == "applied")
    assert isinstance(failure, ConnectionUnusable) is (state != VALID)
    if last != "applied":
        assert kept(connection, "refresh_token") == before
    assert not connection.refresh_attempts.filter(answer__isnull=False).exists()
    assert granted.credential(connection).lease_until is None


EVENTS = {
    "connection.refreshed": {},
    "connection.refresh_failed": {"token_status": 500},
    "connection.invalid": refused(400),
}


@pytest.mark.parametrize(("action", "modes"), EVENTS.items(), ids=EVENTS)
def test_every_outcome_is_recorded_with_its_change_or_not_at_all(
    connection, provider, monkeypatch, action, modes
):
    provider.configure(profile="demo-mail", **modes)
    before = _state()
    with monkeypatch.context() as patch:

        def broken(**_: object) -> None:
            raise RuntimeError("no event")

        patch.setattr("integrations.audit.record", broken)
        with pytest.raises(RuntimeError):
            tokens.access_token_for(connection)
    assert _state() == before
    assert not AuditEvent.objects.filter(action=action).exists()
    Credential.objects.update(lease_until=None)
    with suppress(ProviderFailure, ConnectionUnusable):
        tokens.access_token_for(connection)
    assert AuditEvent.objects.filter(action=action).exists()
    assert _state() != before


def _state() -> list[Any]:
    names = ("generation", "failures", "refresh_after", "expires_at", "connection__status")
    return list(Credential.objects.values_list(*names))


def test_a_refused_grant_is_not_asked_for_again(connection, provider):
    provider.revoke_grants(profile="demo-mail")
    for _ in range(3):
        with pytest.raises(ConnectionUnusable) as error:
            tokens.access_token_for(connection)
        assert error.value.code == "needs_reauth"
    assert refreshes(provider) == 1
    assert AuditEvent.objects.filter(action="connection.invalid").count() == 1
    assert granted.credential(connection).refresh_after is None


def test_a_provider_that_has_its_own_word_for_a_grant_that_is_over_is_understood(provider):
    integration = factories.make_integration(factories.make_project(), "jira")
    connection = granted.connection(provider, integration)
    factories.expire(connection)
    for error in ("invalid_grant", "unauthorized_client"):
        provider.configure(profile="jira", **refused(403, error))
        with pytest.raises(ConnectionUnusable) as found:
            tokens.access_token_for(connection)
        assert found.value.code == "needs_reauth"
        type(connection).objects.update(status="VALID", reason="")


def test_an_error_in_a_success_is_believed_where_the_provider_has_no_other_way(provider):
    found = oauth.Answer(200, JSON, b'{"ok": false, "error": "invalid_refresh_token"}')
    integration = factories.make_integration(factories.make_project(), "slack")
    with pytest.raises(GrantRevoked):
        refresh.read(integration.provider, found)


@pytest.mark.parametrize("lost", ["answer lost", "500", "HTML"])
def test_a_strict_provider_that_may_have_acted_is_asked_once_more_and_then_a_person(
    desk, provider, lost
):
    modes = ANSWERS[lost][0]
    provider.configure(profile="demo-desk", times=1, **modes)
    if lost != "answer lost":
        assert tokens.access_token_for(desk).generation == 2
        return
    for _ in range(3):
        with pytest.raises(ConnectionUnusable) as error:
            tokens.access_token_for(desk)
        assert error.value.code == "rotation_lost"
    desk.refresh_from_db()
    assert (desk.status, desk.reason) == LOST
    assert refreshes(provider) == 2
    event = AuditEvent.objects.get(action="connection.invalid")
    assert event.data["reason"] == "rotation_lost"


def test_a_provider_with_grace_heals_a_lost_answer(desk, provider):
    provider.configure(profile="demo-desk", rotation="grace")
    provider.configure(profile="demo-desk", times=1, token_lost=True)
    found = tokens.access_token_for(desk)
    assert granted.works(provider, found.token.reveal())
    assert refreshes(provider) == 2
    assert attempts(desk) == ["unknown", "applied"]


def test_nothing_sent_is_tried_three_times_and_changes_nothing(connection, scripted):
    script = scripted(*(ProviderUnavailable(sent=False) for _ in range(3)))
    with pytest.raises(ProviderUnavailable):
        tokens.access_token_for(connection)
    assert len(script.spent) == 3
    assert attempts(connection) == ["failed"] * 3


def test_a_refused_connection_sends_nothing(connection, provider, monkeypatch):
    client = versions.oauth_client(version=granted.credential(connection).client_version)
    with pytest.raises(ProviderUnavailable) as error:
        oauth.transport.request("POST", "http://127.0.0.1:1/", headers={}, body=b"x")
    assert error.value.sent is False
    provider.configure(profile="demo-mail", token_lost=True)
    with pytest.raises(ProviderUnavailable) as error:
        oauth.refresh(
            provider=connection.integration.provider, client=client, refresh_token=Secret("x")
        )
    assert error.value.sent is True


def test_a_crash_after_the_answer_is_repaired_without_a_call(connection, scripted):
    script = scripted()
    spend = journal.Spend(granted.credential(connection).client_version, Secret("spent"))
    attempt = journal.claim(granted.credential(connection), spend)
    journal.received(attempt, answer(**tokens_of(2)))
    Credential.objects.update(lease_until=None)
    found = tokens.access_token_for(connection)
    assert (found.token.reveal(), found.generation) == ("access-2", 2)
    assert script.spent == []
    assert attempts(connection) == ["applied"]
    assert kept(connection, "refresh_token") == "refresh-2"


def test_a_crash_during_the_call_makes_the_attempt_unknown(connection, scripted):
    scripted(answer(**tokens_of(2)))
    spend = journal.Spend(granted.credential(connection).client_version, Secret("spent"))
    journal.claim(granted.credential(connection), spend)
    Credential.objects.update(lease_until=None)
    tokens.access_token_for(connection)
    assert attempts(connection) == ["unknown", "applied"]


def test_an_answer_that_was_kept_and_says_no_is_dealt_with_after_a_crash(connection, scripted):
    script = scripted(answer(**tokens_of(2)))
    spend = journal.Spend(granted.credential(connection).client_version, Secret("spent"))
    attempt = journal.claim(granted.credential(connection), spend)
    journal.received(attempt, Answer(200, JSON, b"<html>"))
    Credential.objects.update(lease_until=None)
    assert tokens.access_token_for(connection).generation == 2
    assert len(script.spent) == 1


def test_a_candidate_is_tried_once_before_a_person_is_asked(connection, scripted):
    """Somebody's answer came late: the tokens that were stored turn out to be the dead ones."""
    credential = granted.credential(connection)
    _late(credential, answer(**tokens_of(7)))
    _stored(credential, generation=2)
    script = scripted(answer(400, error="invalid_grant"), answer(**tokens_of(8)))
    assert tokens.access_token_for(connection).token.reveal() == "access-8"
    assert script.spent[1] == "refresh-7"
    assert not connection.refresh_attempts.filter(answer__isnull=False).exists()


KEPT_TOKEN = {name: value for name, value in tokens_of(8).items() if name != "refresh_token"}


def test_a_candidate_s_token_that_is_not_renewed_takes_the_place_of_the_dead_one(
    connection, scripted
):
    credential = granted.credential(connection)
    _late(credential, answer(**tokens_of(7)))
    _stored(credential, generation=2)
    scripted(answer(400, error="invalid_grant"), answer(**KEPT_TOKEN))
    assert tokens.access_token_for(connection).token.reveal() == "access-8"
    assert kept(connection, "refresh_token") == "refresh-7"


def test_so_it_does_if_the_process_died_before_its_answer_was_stored(connection, scripted):
    credential = granted.credential(connection)
    _late(credential, answer(**tokens_of(7)))
    _stored(credential, generation=2)
    credential = granted.credential(connection)
    spend = journal.Spend(credential.client_version, Secret("refresh-7"))
    journal.received(journal.claim(credential, spend), answer(**KEPT_TOKEN))
    Credential.objects.update(lease_until=None)
    script = scripted()
    assert tokens.access_token_for(connection).token.reveal() == "access-8"
    assert (kept(connection, "refresh_token"), script.spent) == ("refresh-7", [])


def test_a_token_saved_from_an_answer_of_no_other_use_is_kept_if_it_is_not_renewed(desk, scripted):
    scripted(answer(**(tokens_of(3) | {"expires_in": "soon"})), answer(**KEPT_TOKEN))
    assert tokens.access_token_for(desk).token.reveal() == "access-8"
    assert kept(desk, "refresh_token") == "refresh-3"


def test_a_kept_refusal_of_one_version_says_nothing_about_another(provider, scripted):
    integration = factories.make_integration(factories.make_project(), "slack")
    connection = granted.connection(provider, integration)
    slot = connection.oauth_client
    spend = journal.Spend(slot.current_version, Secret("spent"))
    attempt = journal.claim(granted.credential(connection), spend)
    journal.received(attempt, answer(ok=False, error="bad_client_secret"))
    Credential.objects.update(lease_until=None)
    new = ClientConfig(slot.current_version.client_id, Secret("the-next-secret"), {})
    second = clients.replace_config(client=slot, config=new, actor="test").version
    script = scripted(answer(ok=True, **tokens_of(2)))
    assert refresh.accepts(granted.credential(connection), second) is True
    assert len(script.spent) == 1


def test_what_a_connection_has_is_kept_while_only_its_client_is_refused(connection, scripted):
    credential = granted.credential(connection)
    _late(credential, answer(**tokens_of(7)))
    type(connection).objects.update(status="INVALID", reason="client_rejected")
    granted.pass_time(3600)
    outcomes.settle()
    assert attempts(connection) == ["candidate"]
    assert not Revocation.objects.exists()
    type(connection).objects.update(status="INVALID", reason="needs_reauth")
    outcomes.settle()
    assert Revocation.objects.get().reason == "late_refresh"


def test_a_candidate_that_is_dead_as_well_is_erased(connection, scripted):
    credential = granted.credential(connection)
    _late(credential, answer(**tokens_of(7)))
    _stored(credential, generation=2)
    script = scripted(*[answer(400, error="invalid_grant")] * 2)
    with pytest.raises(ConnectionUnusable):
        tokens.access_token_for(connection)
    assert len(script.spent) == 2
    assert not connection.refresh_attempts.filter(answer__isnull=False).exists()


def test_a_success_erases_the_candidates_of_earlier_generations(connection, scripted):
    credential = granted.credential(connection)
    _late(credential, answer(**tokens_of(7)))
    _stored(credential, generation=2)
    scripted(answer(**tokens_of(8)))
    tokens.access_token_for(connection)
    assert attempts(connection) == ["applied"]


def _late(credential: Credential, late: Answer) -> None:
    spend = journal.Spend(credential.client_version, Secret("spent"))
    attempt = journal.claim(credential, spend)
    journal.received(attempt, late)
    journal.end(attempt, Status.CANDIDATE)


def _stored(credential: Credential, *, generation: int) -> None:
    """Store tokens as somebody else's refresh would have."""
    credential.generation = generation
    credential.seal(access_token=Secret("stored"), refresh_token=Secret("stored-refresh"))
    credential.lease_until = credential.refresh_after = None
    credential.save()


LATE = {
    "tokens": answer(**tokens_of(9)),
    "refused grant": answer(400, error="invalid_grant"),
    "refused client": answer(401, error="invalid_client"),
    "failure": answer(500),
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_a_late_answer_does_not_touch_a_newer_grant(connection, scripted, late):
    version = granted.credential(connection).client_version

    def slow() -> Answer:
        newer = oauth.token_answer(provider=connection.integration.provider, answer=NEWER)
        tokens.store(connection=connection, version=version, answer=newer)
        return late

    script = scripted(slow)
    assert tokens.access_token_for(connection).token.reveal() == "access-5"
    connection.refresh_from_db()
    assert (connection.status, connection.reason) == VALID
    assert kept(connection) == "access-5"
    assert len(script.spent) == 1
    assert not connection.refresh_attempts.filter(answer__isnull=False).exists()
    assert granted.credential(connection).failures == 0


NEWER = answer(**tokens_of(5))


def test_an_answer_overtaken_by_another_refresh_stays_a_candidate(connection, scripted):
    def slow() -> Answer:
        _stored(granted.credential(connection), generation=2)
        return answer(**tokens_of(9))

    scripted(slow)
    Credential.objects.update(expires_at=None)
    assert tokens.access_token_for(connection, seen_generation=1).token.reveal() == "stored"
    assert attempts(connection) == ["candidate"]


def test_a_late_refusal_is_nothing_if_somebody_refreshed_meanwhile(connection, scripted):
    def slow() -> Answer:
        _stored(granted.credential(connection), generation=2)
        return answer(400, error="invalid_grant")

    scripted(slow)
    Credential.objects.update(expires_at=None)
    assert tokens.access_token_for(connection, seen_generation=1).token.reveal() == "stored"


@pytest.mark.parametrize("status", ["INVALID", "DISCONNECTING", "DISCONNECTED"])
def test_a_connection_that_ended_after_it_was_read_is_not_refreshed(connection, provider, status):
    read = granted.credential(connection)
    reason = Connection.Reason.NEEDS_REAUTH if status == Connection.Status.INVALID else ""
    Connection.objects.update(status=status, reason=reason)
    assert not refresh.refresh(read)
    assert refreshes(provider) == 0
    assert attempts(connection) == []
    assert granted.credential(connection).lease_until is None


def test_who_read_before_another_attempt_does_not_spend_the_token(connection, provider):
    read = granted.credential(connection)
    Credential.objects.update(lease_epoch=read.lease_epoch + 1)
    assert not refresh.refresh(read)
    assert refreshes(provider) == 0


@pytest.mark.parametrize("broken", [{"expires_in": "soon"}, {"token_type": "mac"}, {"scope": 7}])
def test_a_refresh_token_in_an_answer_of_no_other_use_is_not_lost(desk, scripted, broken):
    script = scripted(answer(**(tokens_of(3) | broken)), answer(**tokens_of(4)))
    assert tokens.access_token_for(desk).token.reveal() == "access-4"
    assert script.spent[1] == "refresh-3"


def test_another_version_of_the_client_is_tried_if_one_is_rejected(
    connection, provider, monkeypatch
):
    slot = connection.oauth_client
    first = slot.current_version
    wrong = ClientConfig(first.client_id, Secret("a-secret-that-is-wrong"), {})
    second = clients.replace_config(client=slot, config=wrong, actor="test").version
    monkeypatch.setattr(versions, "for_refresh", lambda credential: (second, first))
    assert tokens.access_token_for(connection).generation == 2
    assert granted.credential(connection).client_version == first
    assert attempts(connection) == ["failed", "applied"]
    assert refreshes(provider) == 2


def test_a_client_that_is_rejected_in_all_versions_keeps_the_tokens(connection, provider):
    before = kept(connection, "refresh_token")
    provider.configure(profile="demo-mail", token_error="wrong_secret")
    with pytest.raises(ConnectionUnusable) as error:
        tokens.access_token_for(connection)
    assert error.value.code == "client_rejected"
    assert kept(connection, "refresh_token") == before


def test_a_rejection_without_a_word_is_no_rejection(provider, integration):
    with pytest.raises(ProviderFailure) as error:
        refresh.read(integration.provider, answer(401))
    assert not isinstance(error.value, ClientRejected)


@pytest.mark.parametrize(("lease", "call", "commit"), [(60, 40, 20), (40, 20, 20), (30, 20, 20)])
def test_a_lease_that_does_not_outlive_a_call_is_refused(lease, call, commit):
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured):
        journal.require_long_lease(lease=lease, call=call, commit=commit)
    journal.require_long_lease(lease=lease + 40, call=call, commit=commit)


def test_a_lease_outlives_the_longest_call_and_its_commit():
    from integrations.oauth import http

    longest = http.HOST_WAIT + http.DEADLINE + journal.COMMIT_SECONDS
    assert journal.LEASE.total_seconds() > longest
    assert sum(journal.COMMIT_PAUSES) < journal.COMMIT_SECONDS


def test_what_attempts_keep_is_sealed_and_not_shown(connection, scripted):
    scripted(answer(**tokens_of(2)))
    spend = journal.Spend(granted.credential(connection).client_version, Secret("spent"))
    attempt = journal.claim(granted.credential(connection), spend)
    journal.received(attempt, answer(**tokens_of(2)))
    row = RefreshAttempt.objects.get()
    assert b"access-2" not in bytes(row.answer.ciphertext)
    assert "access-2" not in f"{row!r}{row.__dict__}{journal.answer_of(row)!r}"
    assert row.fingerprint not in ("", "spent")
