"""The life of tokens: one refresh whoever asks, margins that fit the lifetime, no dead token."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations import lifetimes, revocation, tokens
from integrations.errors import IntegrityBroken, NotFound, ProviderUnavailable
from integrations.models import AuditEvent, Connection, Credential, Project
from integrations.oauth.answers import TokenAnswer
from integrations.secret import Secret
from integrations.tokens import ConnectionUnusable
from tests import factories, granted, threads
from tests.granted import kept, refreshes

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(provider):
    """A connection that the provider really granted."""
    return granted.connection(provider, factories.make_integration(factories.make_project()))


def grant(token: str, refresh: str | None = "another-refresh-token") -> TokenAnswer:
    """Return what another trip to the provider would have brought."""
    return TokenAnswer(Secret(token), Secret(refresh) if refresh else None, "Bearer", 60, None, {})


def lives(connection: Connection, *, seconds: float, left: float) -> None:
    """Let the token have a life of so many seconds, of which so many are left."""
    end = timezone.now() + timedelta(seconds=left)
    start = end - timedelta(seconds=seconds)
    after = lifetimes.refresh_after(pk=connection.pk, start=start, end=end)
    Credential.objects.update(expires_at=end, refreshed_at=start, refresh_after=after)


def test_a_fresh_token_is_handed_out_without_a_call(connection, provider):
    found = tokens.access_token_for(connection)
    assert (found.token.reveal(), found.token_type) == (kept(connection), "Bearer")
    stored = granted.credential(connection)
    assert (found.expires_at, found.generation) == (stored.expires_at, stored.generation)
    assert refreshes(provider) == 0


@pytest.mark.parametrize(
    ("seconds", "left", "calls"),
    [
        (3600, 601, 0),
        (3600, 299, 1),
        (3600, -1, 1),
        (3600, -86_400, 1),
        (86_400, 601, 0),
        (600, 121, 0),
        (600, 59, 1),
        (60, 58, 0),
        (60, 13, 0),
        (60, 5, 1),
    ],
)
def test_the_margin_is_a_share_of_the_lifetime(connection, provider, seconds, left, calls):
    lives(connection, seconds=seconds, left=left)
    before = kept(connection)
    found = tokens.access_token_for(connection).token.reveal()
    assert found == kept(connection)
    assert (found != before) is bool(calls)
    assert refreshes(provider) == calls


@pytest.mark.parametrize("seconds", [60, 600])
def test_twenty_reads_of_a_token_just_refreshed_make_one_refresh(connection, provider, seconds):
    provider.configure(profile="demo-mail", token_lifetime=seconds)
    factories.expire(connection)
    found = {tokens.access_token_for(connection).token.reveal() for _ in range(20)}
    assert found == {kept(connection)}
    assert refreshes(provider) == 1


def test_connections_made_together_are_not_refreshed_together(connection):
    now = timezone.now()
    end = now + timedelta(hours=1)
    after = {lifetimes.refresh_after(pk=uuid.uuid4(), start=now, end=end) for _ in range(200)}
    assert len(after) > 100
    assert max(after) - min(after) > timedelta(minutes=4)
    assert all(end - timedelta(minutes=10) <= at <= end - timedelta(minutes=5) for at in after)


def test_a_token_without_an_end_is_never_refreshed(connection, provider):
    Credential.objects.update(expires_at=None, refresh_after=None)
    assert tokens.access_token_for(connection).token.reveal() == kept(connection)
    assert refreshes(provider) == 0


def test_the_catalog_says_how_long_a_token_lives_if_the_answer_does_not(connection, provider):
    provider.configure(profile="demo-mail", answer_drop=["expires_in"])
    factories.expire(connection)
    ends = tokens.access_token_for(connection).expires_at
    assert timedelta(minutes=59) < ends - timezone.now() <= timedelta(hours=1)


def test_a_caller_that_was_refused_gets_a_later_token(connection, provider):
    first = tokens.access_token_for(connection)
    second = tokens.access_token_for(connection, seen_generation=first.generation)
    assert (second.generation, refreshes(provider)) == (first.generation + 1, 1)
    assert second.token != first.token
    third = tokens.access_token_for(connection, seen_generation=first.generation)
    assert (third, refreshes(provider)) == (second, 1)


@pytest.mark.django_db(transaction=True)
def test_twenty_callers_that_were_refused_make_one_refresh(connection, provider):
    provider.configure(profile="demo-mail", token_delay=0.2, rotation="strict")
    seen = tokens.access_token_for(connection).generation
    found = threads.at_once(
        20, lambda: tokens.access_token_for(connection, seen_generation=seen).token.reveal()
    )
    assert set(found) == {kept(connection)}
    assert refreshes(provider) == 1


def test_a_refused_caller_never_gets_the_same_token_again(connection, provider):
    seen = tokens.access_token_for(connection).generation
    provider.configure(profile="demo-mail", token_status=503)
    with pytest.raises(ProviderUnavailable):
        tokens.access_token_for(connection, seen_generation=seen)
    Credential.objects.update(refresh_token=None)
    with pytest.raises(ConnectionUnusable):
        tokens.access_token_for(connection, seen_generation=seen)
    connection.refresh_from_db()
    assert connection.status == "VALID", "a caller's word ends no connection"


def test_a_refresh_is_kept_and_recorded(connection, provider):
    factories.expire(connection)
    tokens.access_token_for(connection)
    credential = granted.credential(connection)
    assert (credential.generation, credential.lease_until, credential.failures) == (2, None, 0)
    assert timedelta(minutes=59) < credential.expires_at - timezone.now() <= timedelta(hours=1)
    event = AuditEvent.objects.get(action="connection.refreshed")
    assert (event.actor, event.object_id) == ("system", str(connection.pk))


@pytest.mark.django_db(transaction=True)
def test_twenty_callers_of_an_expired_token_make_one_refresh(connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_delay=0.2, rotation="strict")
    found = threads.at_once(20, lambda: tokens.access_token_for(connection).token.reveal())
    assert set(found) == {kept(connection)}
    assert refreshes(provider) == 1
    assert granted.credential(connection).generation == 2


@pytest.mark.django_db(transaction=True)
def test_callers_do_not_wait_while_the_old_token_still_works(connection, provider):
    factories.expire(connection, left=200)
    old = kept(connection)
    provider.configure(profile="demo-mail", token_delay=0.3)
    found = threads.at_once(8, lambda: tokens.access_token_for(connection).token.reveal())
    assert sorted(found.count(value) for value in {old, kept(connection)}) == [1, 7]
    assert refreshes(provider) == 1


@pytest.mark.django_db(transaction=True)
def test_callers_wait_where_a_refresh_ends_the_old_token(provider):
    integration = factories.make_integration(factories.make_project(), "zendesk")
    connection = granted.connection(provider, integration, settings={"subdomain": "acme"})
    factories.expire(connection, left=200)
    provider.configure(profile="zendesk", token_delay=0.2)
    found = threads.at_once(8, lambda: tokens.access_token_for(connection).token.reveal())
    assert set(found) == {kept(connection)}
    assert all(granted.works(provider, token) for token in found)
    assert refreshes(provider) == 1


def test_another_projects_connection_is_not_there(connection):
    other = factories.make_project("Other")
    named = Connection(pk=connection.pk, project=other)
    with pytest.raises(NotFound):
        tokens.access_token_for(named)
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    with pytest.raises(NotFound):
        tokens.access_token_for(named)
    Project.objects.update(tokens_stopped=True)
    with pytest.raises(NotFound):
        tokens.access_token_for(named)


@pytest.mark.django_db(transaction=True)
def test_a_disconnection_during_a_refresh_brings_no_tokens_back(connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_delay=0.3, rotation="strict")
    found = []
    caller = threading.Thread(
        target=lambda: found.extend(threads.at_once(1, lambda: tokens.access_token_for(connection)))
    )
    caller.start()
    while caller.is_alive() and not refreshes(provider):
        time.sleep(0.01)
    revocation.disconnect(connection=connection, actor="test")
    caller.join()
    assert isinstance(found[0], NotFound)
    assert not Credential.objects.exists()
    late = connection.revocations.get(reason="late_refresh")
    assert granted.works(provider, late.open_required("access_token").reveal())
    assert not connection.refresh_attempts.filter(answer__isnull=False).exists()


def test_an_answer_without_a_refresh_token_keeps_the_old_one(connection, provider):
    before = kept(connection, "refresh_token")
    for generation in (2, 3):
        factories.expire(connection)
        tokens.access_token_for(connection)
        assert kept(connection, "refresh_token") == before
        assert granted.credential(connection).generation == generation
    assert refreshes(provider, "ok") == 2


def test_another_grant_does_not_inherit_a_refresh_token(connection):
    version = granted.credential(connection).client_version
    tokens.store(connection=connection, version=version, answer=grant("newer", refresh=None))
    stored = granted.credential(connection)
    assert (stored.refresh_token, stored.refresh_after) == (None, None)


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
    earlier = bytes(granted.credential(connection).access_token.ciphertext)
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
    monkeypatch.setattr(tokens, "WAIT_SECONDS", 0.1)
    factories.expire(connection)
    Credential.objects.update(lease_until=timezone.now() + timedelta(seconds=60))
    with pytest.raises(ProviderUnavailable) as failed:
        tokens.access_token_for(connection)
    assert (failed.value.code, failed.value.retry_after) == ("refresh_in_progress", 1)
    assert refreshes(provider) == 0


def test_a_token_that_ends_at_once_is_handed_out_and_not_asked_for_again(connection, provider):
    provider.configure(profile="demo-mail", answer_set={"expires_in": 1})
    factories.expire(connection)
    assert tokens.access_token_for(connection).token.reveal() == kept(connection)
    assert refreshes(provider) == 1
