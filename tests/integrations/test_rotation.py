"""A replaced secret: tried before it takes over, and nobody has to connect again."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, transaction
from django.db import connection as database
from django.utils import timezone

from integrations import apikeys, audit, clients, refresh, rotation, tokens, versions
from integrations.clients import ClientConfig
from integrations.errors import ConnectionUnusable, InvalidInput, NotAllowed, ProviderFailure
from integrations.models import AuditEvent, ClientVersion, Connection, OAuthClient
from integrations.secret import Secret
from tests import factories, granted

pytestmark = pytest.mark.django_db
NEW = "the-new-secret-of-the-app"


@pytest.fixture
def integration(provider):
    return factories.make_integration(factories.make_project(), "demo-mail")


@pytest.fixture
def connection(provider, integration):
    return granted.connection(provider, integration)


@pytest.fixture
def slot(connection) -> OAuthClient:
    return connection.oauth_client


def at_provider(provider, slot: OAuthClient, secret: str = NEW) -> None:
    """Let the provider accept only this secret for the app."""
    slot.refresh_from_db()
    known = provider.world.store.clients
    key = (slot.integration.provider_slug, slot.current_version.client_id)
    known[key] = replace(known[key], client_secret=secret)


def replaced(slot: OAuthClient, secret: str = NEW, **changed) -> rotation.Replaced:
    slot.refresh_from_db()
    return rotation.replace_secret(client=slot, secret=secret, actor="test", **changed)


def secret_of(slot: OAuthClient) -> str:
    slot.refresh_from_db()
    assert slot.current_version is not None
    return slot.current_version.open_required("client_secret").reveal()


def actions(slot: OAuthClient) -> list[str]:
    events = AuditEvent.objects.filter(project=slot.integration.project).order_by("sequence")
    return list(events.values_list("action", flat=True))


def status(connection: Connection) -> tuple[str, str]:
    connection.refresh_from_db()
    return connection.status, connection.reason


def test_a_secret_that_the_provider_takes_is_proven_on_a_live_grant(provider, connection, slot):
    at_provider(provider, slot)
    done = replaced(slot)
    assert (done.checked, done.connections) == (True, 1)
    assert secret_of(slot) == NEW
    assert granted.credential(connection).client_version == done.version
    assert granted.works(provider, granted.kept(connection))
    assert actions(slot)[-1] == "client.rotated"


def test_a_secret_that_the_provider_refuses_changes_nothing(provider, connection, slot):
    with pytest.raises(InvalidInput) as caught:
        replaced(slot, "a-secret-that-is-wrong")
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("client_secret", "invalid_client")
    assert "a-secret-that-is-wrong" not in error.message
    assert secret_of(slot) == granted.SECRET
    assert slot.versions.count() == 1
    assert status(connection) == ("VALID", "")
    assert granted.works(provider, granted.kept(connection))
    assert "client.rotated" not in actions(slot)


def test_all_connections_of_the_app_go_over_to_it(provider, integration, connection, slot):
    others = [second_grant(provider, connection) for _ in range(2)]
    at_provider(provider, slot)
    done = replaced(slot)
    assert done.connections == 3
    for other in others:
        granted.pass_time(3700)
        tokens.access_token_for(other)
        assert granted.credential(other).client_version == done.version
    assert granted.refreshes(provider, "wrong_client_secret") == 0


def second_grant(provider, connection: Connection) -> Connection:
    """Connect another person with the same app, by pointing a new grant at it."""
    slot = connection.oauth_client
    other = granted.connection(
        provider, connection.integration, sub=f"person-{Connection.objects.count()}"
    )
    store = provider.world.store
    app = store.clients[("demo-mail", slot.current_version.client_id)]
    theirs = store.live_access_token(granted.kept(other)).grant
    theirs.authorization = replace(theirs.authorization, client=app)
    credential = granted.credential(other)
    with transaction.atomic():
        Connection.objects.filter(pk=other.pk).update(oauth_client=slot)
        type(credential).objects.filter(pk=other.pk).update(client_version=slot.current_version)
    other.refresh_from_db()
    return other


def test_a_provider_that_is_down_leaves_both_secrets_to_be_tried(provider, connection, slot):
    provider.configure(profile="demo-mail", token_status=503, times=2)
    done = replaced(slot)
    assert not done.checked
    assert done.version.proved_at is None
    granted.pass_time(3700)
    tokens.access_token_for(connection)
    assert granted.credential(connection).client_version.number == 1
    at_provider(provider, slot)
    granted.pass_time(3700)
    tokens.access_token_for(connection)
    done.version.refresh_from_db()
    assert granted.credential(connection).client_version == done.version
    assert done.version.proved_at is not None


def test_without_a_grant_it_takes_over_unproven(provider, integration):
    slot = factories.make_client(integration, factories.make_end_user(integration.project))
    done = replaced(slot)
    assert (done.checked, done.connections) == (False, 0)
    assert secret_of(slot) == NEW


def test_connections_refused_for_the_old_secret_live_again(provider, connection, slot):
    at_provider(provider, slot)
    granted.pass_time(3700)
    with pytest.raises(ConnectionUnusable):
        tokens.access_token_for(connection)
    assert status(connection) == ("INVALID", "client_rejected")
    assert replaced(slot).checked
    assert status(connection) == ("VALID", "")
    assert "connection.reauthorized" in actions(slot)
    assert tokens.access_token_for(connection).token


def test_one_that_lacked_permissions_is_limited_again(provider, connection, slot):
    Connection.objects.filter(pk=connection.pk).update(
        status="INVALID", reason="client_rejected", missing_scopes=["mail.send"]
    )
    at_provider(provider, slot)
    replaced(slot)
    assert status(connection) == ("LIMITED", "")


def test_a_wrong_secret_revives_no_connection(provider, connection, slot):
    at_provider(provider, slot)
    Connection.objects.filter(pk=connection.pk).update(status="INVALID", reason="client_rejected")
    with pytest.raises(InvalidInput):
        replaced(slot, "a-secret-that-is-wrong")
    assert status(connection) == ("INVALID", "client_rejected")
    assert "connection.reauthorized" not in actions(slot)


@pytest.mark.parametrize("reason", ["needs_reauth", "rotation_lost"])
def test_a_connection_that_ended_for_another_reason_stays_ended(provider, slot, connection, reason):
    Connection.objects.filter(pk=connection.pk).update(status="INVALID", reason=reason)
    replaced(slot)
    assert status(connection) == ("INVALID", reason)


def test_a_disconnected_connection_is_not_asked(provider, connection, slot):
    tokens.disconnect(connection=connection, actor="test")
    provider.reset()
    assert not replaced(slot).checked
    assert granted.refreshes(provider) == 0


def test_a_grant_of_another_app_is_not_asked(provider, connection, slot):
    config = ClientConfig("another-app", Secret("another-secret"), {})
    clients.replace_config(client=slot, config=config, actor="test")
    assert not replaced(slot).checked
    assert granted.refreshes(provider) == 0
    assert granted.credential(connection).client_version.number == 1


@pytest.mark.parametrize(
    "typed", ["", "  ", "••••••••", "a\nb", "{'client_secret'", "x" * 4097, "ü"]
)
def test_what_is_no_secret_is_refused_before_anybody_is_asked(provider, connection, slot, typed):
    if typed.startswith("{"):
        typed = '{"client_secret": "x"}'
    with pytest.raises(InvalidInput) as caught:
        replaced(slot, typed)
    assert caught.value.errors[0].field == "client_secret"
    assert granted.refreshes(provider) == 0
    assert slot.versions.count() == 1


def test_a_draft_has_no_secret_to_replace(integration):
    end_user = factories.make_end_user(integration.project)
    draft = clients.draft_client(integration=integration, end_user=end_user)
    with pytest.raises(NotAllowed) as caught:
        replaced(draft)
    assert caught.value.code == "client_is_draft"


def test_a_changed_address_of_the_provider_asks_for_the_whole_form(connection, slot):
    ClientVersion.objects.filter(oauth_client=slot).update(config_hash="0" * 64)
    with pytest.raises(NotAllowed) as caught:
        replaced(slot)
    assert caught.value.code == "settings_changed"


def test_another_app_entered_meanwhile_wins(provider, connection, slot, monkeypatch):
    def meanwhile(credential, version):
        config = ClientConfig("another-app", Secret("another-secret"), {})
        clients.replace_config(client=slot, config=config, actor="test")
        return True

    monkeypatch.setattr(refresh, "accepts", meanwhile)
    with pytest.raises(NotAllowed):
        replaced(slot)
    assert secret_of(slot) == "another-secret"


def test_a_later_secret_wins_over_an_earlier_one(provider, connection, slot, monkeypatch):
    real, calls = refresh.accepts, []

    def meanwhile(credential, version):
        calls.append(version)
        if len(calls) == 1:
            replaced(slot)
        return real(credential, version)

    at_provider(provider, slot)
    monkeypatch.setattr(refresh, "accepts", meanwhile)
    with pytest.raises((NotAllowed, InvalidInput)):
        replaced(slot, "an-earlier-secret")
    assert secret_of(slot) == NEW


def test_the_day_it_ends_is_kept_with_the_secret(provider, connection, slot):
    day = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()
    at_provider(provider, slot)
    assert replaced(slot, expires_on=f" {day} ").version.secret_expires_on.isoformat() == day
    assert replaced(slot).version.secret_expires_on is None


TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    "day",
    [
        (TODAY - timedelta(days=1)).isoformat(),
        (TODAY + timedelta(days=4000)).isoformat(),
        "14.03.2027",
        "2027-02-30",
        "2027-3-1",
        "20270301",
        "soon",
        "2027-W10-1",
    ],
)
def test_a_day_that_cannot_be_is_refused(provider, connection, slot, day):
    with pytest.raises(InvalidInput) as caught:
        replaced(slot, expires_on=day)
    assert caught.value.errors[0].field == "secret_expires_on"
    assert slot.versions.count() == 1


def test_a_provider_s_own_limit_is_kept(integration):
    config = ClientConfig("app", Secret("s" * 30), {}, (TODAY + timedelta(days=800)).isoformat())
    outlook = factories.make_integration(integration.project, "outlook")
    slot = clients.draft_client(
        integration=outlook, end_user=factories.make_end_user(integration.project)
    )
    with pytest.raises(InvalidInput) as caught:
        clients.replace_config(client=slot, config=replace(config, settings={}), actor="test")
    assert [error.code for error in caught.value.errors] == ["too_far"]


def test_a_kept_secret_keeps_its_day_and_a_new_one_has_its_own(integration):
    day = (TODAY + timedelta(days=30)).isoformat()
    slot = clients.draft_client(
        integration=integration, end_user=factories.make_end_user(integration.project)
    )
    for secret, end, kept in (("first", day, day), (None, None, day), ("second", None, None)):
        config = ClientConfig("app", Secret(secret) if secret else None, {}, end)
        clients.replace_config(client=slot, config=config, actor="test")
        slot.refresh_from_db()
        found = slot.current_version.secret_expires_on
        assert (found and found.isoformat()) == kept


def test_it_says_who_must_consent_again_for_another_app(provider, connection, slot):
    config = ClientConfig("another-app", Secret("another-secret"), {})
    version = clients.replace_config(client=slot, config=config, actor="test").version
    assert list(rotation.bound_to_old_app(client=slot, version=version)) == [connection]
    assert granted.works(provider, tokens.access_token_for(connection).token.reveal())


def test_another_secret_binds_nobody_to_the_old_app(provider, connection, slot):
    at_provider(provider, slot)
    version = replaced(slot).version
    assert not rotation.bound_to_old_app(client=slot, version=version).exists()


def test_a_secret_that_nothing_needs_is_erased_after_a_day(provider, connection, slot):
    first = slot.current_version
    at_provider(provider, slot)
    second = replaced(slot).version
    assert rotation.forget_old_secrets(limit=10) == 0
    old = timezone.now() - timedelta(days=2)
    ClientVersion.objects.update(created_at=old)
    assert rotation.forget_old_secrets(limit=10) == 1
    first.refresh_from_db()
    assert first.client_secret is None
    assert secret_of(slot) == NEW
    assert second.pk == slot.current_version_id


def test_a_secret_that_is_being_tried_is_not_erased(provider, connection, slot, monkeypatch):
    def swept_meanwhile(credential, version):
        rotation.forget_old_secrets(limit=10)

    ClientVersion.objects.update(created_at=timezone.now() - timedelta(days=2))
    monkeypatch.setattr(refresh, "accepts", swept_meanwhile)
    replaced(slot)
    assert secret_of(slot) == NEW


def test_nothing_is_refreshed_to_try_a_secret_while_tokens_are_stopped(provider, connection, slot):
    project = connection.project
    apikeys.set_tokens_stopped(project=project, stopped=True, actor="test")
    assert not replaced(slot).checked
    assert granted.refreshes(provider) == 0
    assert granted.credential(connection).generation == 1


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_who_changes_a_refused_connection_and_not_in_a_circle(
    provider, connection, slot, monkeypatch
):
    Connection.objects.filter(pk=connection.pk).update(status="INVALID", reason="client_rejected")
    real, holds, failed = versions.activate, threading.Event(), []

    def change() -> None:
        try:
            with transaction.atomic():
                row = Connection.objects.select_for_update().get(pk=connection.pk)
                holds.set()
                audit.record(project=row.project, actor="test", action="test", subject=row)
        except OperationalError as error:
            failed.append(error)
        finally:
            database.close()

    def activate(**what) -> None:
        real(**what)
        other.start()
        holds.wait(0.3)

    other = threading.Thread(target=change)
    monkeypatch.setattr(versions, "activate", activate)
    monkeypatch.setattr(rotation, "_checked", lambda client, staged: None)
    replaced(slot)
    other.join()
    assert (failed, status(connection)) == ([], ("VALID", ""))


def test_a_secret_that_a_grant_still_needs_is_kept(provider, connection, slot):
    provider.configure(profile="demo-mail", token_status=503)
    replaced(slot)
    ClientVersion.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert rotation.forget_old_secrets(limit=10) == 0


def test_a_grant_that_is_over_does_not_speak_against_a_secret(provider, connection, slot):
    provider.revoke_grants()
    at_provider(provider, slot)
    assert not replaced(slot).checked
    assert secret_of(slot) == NEW


def test_versions_of_another_app_are_not_tried(provider, connection, slot):
    config = ClientConfig("another-app", Secret("another-secret"), {})
    clients.replace_config(client=slot, config=config, actor="test")
    granted.pass_time(3700)
    at_provider_only(provider, connection)
    with pytest.raises((ConnectionUnusable, ProviderFailure)):
        tokens.access_token_for(connection)
    assert {entry.param("client_id") for entry in provider.requests("token")} <= {
        None,
        "",
        granted.credential(connection).client_version.client_id,
    }


def at_provider_only(provider, connection: Connection) -> None:
    """Let the provider refuse the secret that the connection's own app has."""
    known = provider.world.store.clients
    key = ("demo-mail", granted.credential(connection).client_version.client_id)
    known[key] = replace(known[key], client_secret="changed at the provider")


def test_the_order_follows_what_was_proven(provider, connection, slot):
    credential = granted.credential(connection)
    at_provider(provider, slot)
    second = second_version(slot)
    assert [each.number for each in versions.for_refresh(credential)] == [1, 2]
    versions.proved(second)
    credential = granted.credential(connection)
    assert [each.number for each in versions.for_refresh(credential)] == [2, 1]


def second_version(slot: OAuthClient) -> ClientVersion:
    factories.replace_secret(slot, "another")
    slot.refresh_from_db()
    assert slot.current_version is not None
    return slot.current_version
