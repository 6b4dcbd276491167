"""The life of tokens: one refresh whoever asks, and no grant lost or brought back."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations import tokens
from integrations.errors import (
    ClientRejected,
    GrantRevoked,
    IntegrityBroken,
    NotFound,
    ProviderFailure,
    ProviderUnavailable,
)
from integrations.models import AuditEvent, Connection, Credential
from integrations.oauth import client as oauth
from integrations.oauth import http
from integrations.oauth.answers import TokenAnswer
from integrations.secret import Secret
from integrations.tokens import ConnectionUnusable
from tests import factories, threads, trips

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(provider):
    """A connection that the provider really granted; its token was called for once."""
    project = factories.make_project()
    factories.make_integration(project, "demo-mail")
    trips.prepared(project).approve()
    return Connection.objects.get()


def kept(column: str = "access_token") -> str:
    """Return a token as it is stored."""
    return Credential.objects.get().open_required(column).reveal()


def refreshes(provider) -> int:
    """Return how often the provider was asked for a refresh."""
    asked = provider.requests("token")
    return sum(entry.param("grant_type") == "refresh_token" for entry in asked)


def grant(token: str, refresh: str | None = "another-refresh-token") -> TokenAnswer:
    """Return what another trip to the provider would have brought."""
    return TokenAnswer(Secret(token), Secret(refresh) if refresh else None, "Bearer", 60, None, {})


def test_a_fresh_token_is_handed_out_without_a_call(connection, provider):
    found = tokens.access_token_for(connection)
    assert (found.token.reveal(), found.token_type) == (kept(), "Bearer")
    assert found.expires_at == Credential.objects.get().expires_at
    assert refreshes(provider) == 0


@pytest.mark.parametrize(("left", "calls"), [(700, 0), (590, 1), (0, 1), (-86_400, 1)])
def test_a_token_is_refreshed_from_ten_minutes_before_its_end(connection, provider, left, calls):
    factories.expire(connection, left=left)
    before = kept()
    found = tokens.access_token_for(connection).token.reveal()
    assert found == kept()
    assert (found != before) is bool(calls)
    assert refreshes(provider) == calls


def test_a_short_lived_token_is_refreshed_in_the_last_fifth_of_its_life(connection, provider):
    now = timezone.now()
    Credential.objects.update(
        refreshed_at=now - timedelta(seconds=81), expires_at=now + timedelta(seconds=19)
    )
    tokens.access_token_for(connection)
    assert refreshes(provider) == 1


def test_a_token_without_an_end_is_never_refreshed(connection, provider):
    Credential.objects.update(expires_at=None)
    assert tokens.access_token_for(connection).token.reveal() == kept()
    assert refreshes(provider) == 0


def test_a_refresh_is_kept_and_recorded(connection, provider):
    factories.expire(connection)
    tokens.access_token_for(connection)
    credential = Credential.objects.get()
    assert (credential.generation, credential.lease_until) == (2, None)
    assert timedelta(minutes=59) < credential.expires_at - timezone.now() <= timedelta(hours=1)
    event = AuditEvent.objects.get(action="connection.refreshed")
    assert (event.actor, event.object_id) == ("system", str(connection.pk))


@pytest.mark.django_db(transaction=True)
def test_twenty_callers_of_an_expired_token_make_one_refresh(connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_delay=0.2, rotation="strict")
    found = threads.at_once(20, lambda: tokens.access_token_for(connection).token.reveal())
    assert set(found) == {kept()}
    assert refreshes(provider) == 1
    assert Credential.objects.get().generation == 2


@pytest.mark.django_db(transaction=True)
def test_callers_do_not_wait_while_the_old_token_still_works(connection, provider):
    factories.expire(connection, left=300)
    old = kept()
    provider.configure(profile="demo-mail", token_delay=0.3)
    found = threads.at_once(8, lambda: tokens.access_token_for(connection).token.reveal())
    assert sorted(found.count(value) for value in {old, kept()}) == [1, 7]
    assert refreshes(provider) == 1


def test_a_refused_grant_needs_the_person_and_is_not_asked_for_again(connection, provider):
    factories.expire(connection)
    provider.revoke_grants(profile="demo-mail")
    for _ in range(3):
        with pytest.raises(ConnectionUnusable) as refused:
            tokens.access_token_for(connection)
        assert refused.value.code == "needs_reauth"
    connection.refresh_from_db()
    assert (connection.status, connection.reason) == ("INVALID", "needs_reauth")
    assert refreshes(provider) == 1
    assert AuditEvent.objects.filter(action="connection.invalid").count() == 1


def test_a_rejected_client_keeps_the_tokens(connection, provider):
    factories.expire(connection)
    before = kept("refresh_token")
    provider.configure(profile="demo-mail", token_error="wrong_secret")
    with pytest.raises(ConnectionUnusable) as refused:
        tokens.access_token_for(connection)
    assert refused.value.code == "client_rejected"
    connection.refresh_from_db()
    assert (connection.status, connection.reason) == ("INVALID", "client_rejected")
    assert kept("refresh_token") == before


FAULTS = {
    "500": {"token_status": 500},
    "429": {"token_status": {"status": 429, "retry_after": 7}},
    "HTML": {"token_body": "html"},
    "HTML with 400": {"token_body": {"body": "html", "status": 400}},
    "answer lost": {"token_lost": True},
    "redirect": {"token_redirect": "http://127.0.0.1:1/"},
    "no token": {"token_body": "no_token"},
    "another error": {"token_error": "bad_request"},
    "500 that says invalid_grant": {
        "token_body": {"body": '{"error": "invalid_grant"}', "status": 500}
    },
}


@pytest.mark.parametrize("modes", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_provider_condemns_nothing(connection, provider, modes):
    provider.configure(profile="demo-mail", **modes)
    factories.expire(connection, left=60)
    old = kept()
    assert tokens.access_token_for(connection).token.reveal() == old
    factories.expire(connection)
    with pytest.raises(ProviderFailure) as failed:
        tokens.access_token_for(connection)
    assert not isinstance(failed.value, GrantRevoked | ClientRejected)
    connection.refresh_from_db()
    assert (connection.status, kept()) == ("VALID", old)
    provider.reset(keep_tokens=True)
    assert tokens.access_token_for(connection).token.reveal() == kept() != old


def test_the_providers_wish_to_wait_is_passed_on(connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_status={"status": 429, "retry_after": 7})
    with pytest.raises(ProviderUnavailable) as failed:
        tokens.access_token_for(connection)
    assert failed.value.retry_after == 7


@pytest.mark.django_db(transaction=True)
def test_a_disconnection_during_a_refresh_brings_no_tokens_back(connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_delay=0.4)
    found = []
    caller = threading.Thread(
        target=lambda: found.extend(threads.at_once(1, lambda: tokens.access_token_for(connection)))
    )
    caller.start()
    while caller.is_alive() and not refreshes(provider):
        time.sleep(0.01)
    tokens.disconnect(connection=connection, actor="test")
    caller.join()
    assert isinstance(found[0], NotFound)
    assert not Credential.objects.exists()
    connection.refresh_from_db()
    assert connection.status == Connection.Status.DISCONNECTED


@pytest.mark.parametrize("outcome", [grant("late"), GrantRevoked(), ClientRejected()], ids=str)
def test_a_late_answer_does_not_touch_a_newer_grant(connection, monkeypatch, outcome):
    factories.expire(connection)
    version = Credential.objects.get().client_version

    def slow(**_: object) -> TokenAnswer:
        tokens.store(connection=connection, version=version, answer=grant("newer"))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(oauth, "refresh", slow)
    assert tokens.access_token_for(connection).token.reveal() == "newer" == kept()
    connection.refresh_from_db()
    assert (connection.status, connection.reason) == ("VALID", "")


def test_an_answer_without_a_refresh_token_keeps_the_old_one(connection, provider):
    before = kept("refresh_token")
    for generation in (2, 3):
        factories.expire(connection)
        tokens.access_token_for(connection)
        assert kept("refresh_token") == before
        assert Credential.objects.get().generation == generation
    assert all(entry.outcome == "ok" for entry in provider.requests("token"))


def test_another_grant_does_not_inherit_a_refresh_token(connection):
    version = Credential.objects.get().client_version
    tokens.store(connection=connection, version=version, answer=grant("newer", refresh=None))
    assert Credential.objects.get().refresh_token is None


def test_an_expired_token_without_refresh_token_needs_the_person(connection, provider):
    Credential.objects.update(refresh_token=None)
    factories.expire(connection)
    with pytest.raises(ConnectionUnusable) as refused:
        tokens.access_token_for(connection)
    connection.refresh_from_db()
    assert refused.value.code == connection.reason == "needs_reauth"
    assert refreshes(provider) == 0


def test_a_token_of_an_earlier_generation_is_refused(connection):
    table, key = Credential._meta.db_table, "connection_id"
    earlier = bytes(Credential.objects.get().access_token.ciphertext)
    factories.expire(connection)
    tokens.access_token_for(connection)
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET access_token = %s WHERE {key} = {key}", [earlier])
    with pytest.raises(IntegrityBroken):
        tokens.access_token_for(connection)
    event = AuditEvent.objects.get(action="seal.broken")
    assert event.object_id == str(connection.pk)


def test_a_lease_that_was_left_behind_ends(connection, provider):
    factories.expire(connection)
    Credential.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tokens.access_token_for(connection)
    assert refreshes(provider) == 1


def test_nobody_waits_for_ever_for_somebody_elses_refresh(connection, provider, monkeypatch):
    monkeypatch.setattr(tokens, "WAIT_SECONDS", 0.2)
    factories.expire(connection)
    Credential.objects.update(lease_until=timezone.now() + timedelta(seconds=60))
    with pytest.raises(ProviderUnavailable) as failed:
        tokens.access_token_for(connection)
    assert (failed.value.code, failed.value.retry_after) == ("refresh_in_progress", 1)
    assert refreshes(provider) == 0


def test_a_lease_outlives_the_longest_call():
    assert tokens.LEASE.total_seconds() > http.DEADLINE + http.HOST_WAIT + http.CONNECT_TIMEOUT
    assert tokens.WAIT_SECONDS > http.DEADLINE


def test_disconnecting_erases_the_tokens_and_keeps_the_history(connection):
    for _ in range(2):
        tokens.disconnect(connection=connection, actor="user:dana")
    assert not Credential.objects.exists()
    assert (connection.status, connection.reason) == ("DISCONNECTED", "")
    assert connection.disconnected_at is not None
    assert AuditEvent.objects.filter(action="connection.disconnected").count() == 1
    with pytest.raises(NotFound):
        tokens.access_token_for(connection)


def test_the_background_refreshes_what_ends_soon_and_counts(connection, provider):
    assert tokens.refresh_due() == {"refreshed": 0, "failed": 0}
    factories.expire(connection, left=120)
    assert tokens.refresh_due() == {"refreshed": 1, "failed": 0}
    factories.expire(connection, left=20)
    provider.configure(profile="demo-mail", token_status=500)
    assert tokens.refresh_due() == {"refreshed": 0, "failed": 1}
