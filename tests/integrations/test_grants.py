"""What a grant becomes: a new connection, the same one again, or none at all."""

from __future__ import annotations

import pytest

from integrations import tokens
from integrations.models import AuditEvent, Connection, Credential, Flow, Integration
from tests import factories, trips
from tests.fakeas import visitor as person
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

BOB = "bob@example.test"


@pytest.fixture
def project(provider):
    """A project that offers Demo Mail."""
    project = factories.make_project()
    factories.make_integration(project)
    return project


@pytest.fixture
def connection(project):
    """Dana's connection of Alice's account."""
    trips.prepared(project).approve()
    return Connection.objects.get()


def reconnecting(project, connection) -> Visitor:
    """Return Dana, who chose Reconnect and could press Continue now."""
    dana = Visitor(project)
    dana.open(mode="manage")
    dana.post("/portal/reconnect", connection=str(connection.pk))
    dana.enter(client_secret="")
    return dana


def test_reconnecting_keeps_the_id(project, connection):
    before = Credential.objects.get().open_required("access_token")
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    reconnecting(project, connection).approve()
    row = Connection.objects.get()
    assert (row.pk, row.status, row.reason) == (connection.pk, "VALID", "")
    credential = Credential.objects.get()
    assert (credential.generation, credential.open("access_token") == before) == (2, False)
    assert AuditEvent.objects.filter(action="connection.reauthorized").count() == 1


def test_reconnecting_with_another_account_leaves_the_connection_alone(project, connection):
    kept = Credential.objects.get().open_required("access_token")
    dana = reconnecting(project, connection)
    page = dana.approve(account=BOB)
    assert dana.current_flow().error_code == "account_mismatch"
    assert "different account" in page.text
    assert Credential.objects.get().open("access_token") == kept
    assert Connection.objects.get().account_label == "alice@example.test"


def test_reconnecting_without_knowing_the_account_leaves_the_connection_alone(
    project, connection, provider
):
    kept = Credential.objects.get().open_required("access_token")
    provider.configure(profile="demo-mail", identity_status=503)
    dana = reconnecting(project, connection)
    dana.approve()
    assert dana.current_flow().error_code == "identity_unavailable"
    assert Credential.objects.get().open("access_token") == kept


def test_reconnecting_does_not_bring_back_what_was_disconnected_meanwhile(project, connection):
    dana = reconnecting(project, connection)
    back = person.approve(dana.start())
    tokens.disconnect(connection=connection, actor="test")
    dana.come_back(back)
    assert dana.current_flow().error_code == "connection_not_found"
    assert not Credential.objects.exists()
    assert Connection.objects.get().status == Connection.Status.DISCONNECTING


def test_the_same_account_again_is_the_same_connection(project, connection):
    trips.prepared(project).approve()
    assert Connection.objects.get().pk == connection.pk
    assert Credential.objects.get().generation == 2


def test_another_account_is_another_connection(project, connection):
    trips.prepared(project).approve(account=BOB)
    assert Connection.objects.count() == 2


def test_another_person_with_the_same_account_has_a_connection_of_their_own(project, connection):
    trips.prepared(project, "eve").approve()
    assert Connection.objects.count() == 2
    tokens.disconnect(connection=connection, actor="test")
    assert Credential.objects.get().connection.end_user.external_id == "eve"


def test_a_disconnected_account_is_connected_anew(project, connection):
    tokens.disconnect(connection=connection, actor="test")
    trips.prepared(project).approve()
    assert Connection.objects.exclude(pk=connection.pk).get().status == "VALID"


@pytest.mark.parametrize(
    ("granted", "status", "lacking"),
    [
        (["openid", "profile", "mail.read"], "VALID", []),
        (["openid", "profile"], "LIMITED", ["mail.read"]),
        (["mail.read"], "LIMITED", ["profile"]),
    ],
)
def test_required_permissions_that_were_not_granted_limit_it(
    project, provider, granted, status, lacking
):
    Integration.objects.update(required_scopes=["openid", "profile", "mail.read"])
    dana = trips.prepared(project)
    dana.approve(scopes=granted)
    connection = Connection.objects.get()
    assert (connection.status, connection.missing_scopes) == (status, lacking)
    assert connection.scopes == granted
    assert tokens.access_token_for(connection).token


def test_permissions_that_are_not_required_do_not_limit_it(project, provider):
    provider.configure(profile="demo-mail", partial_scopes=1)
    trips.prepared(project).approve()
    connection = Connection.objects.get()
    assert (connection.status, connection.scopes) == ("VALID", ["openid"])


def test_an_answer_without_scope_means_all_that_was_requested(project, provider):
    provider.configure(profile="demo-mail", no_scope_in_answer=True)
    trips.prepared(project).approve()
    assert Connection.objects.get().scopes == ["openid", "profile", "mail.read"]


def test_reconnecting_with_all_permissions_ends_the_limit(project, connection, provider):
    Integration.objects.update(required_scopes=["mail.read"])
    Connection.objects.update(status="LIMITED", missing_scopes=["mail.read"])
    reconnecting(project, connection).approve()
    row = Connection.objects.get()
    assert (row.status, row.missing_scopes) == ("VALID", [])


@pytest.mark.parametrize("required", ["email", "profile"])
def test_gmail_spells_two_permissions_out(provider, required):
    project = factories.make_project()
    factories.make_integration(project, "gmail", required_scopes=[required])
    slot = trips.prepared(project, integration="gmail").current_flow().oauth_client
    app = provider.register_client(
        "gmail", redirect_uris=[slot.redirect_uri()], client_id="fake_ok", client_secret="s"
    )
    secret = {"client_secret": factories.Secret(app.client_secret)}
    trips.prepared(project, integration="gmail", **secret).approve()
    connection = Connection.objects.get()
    assert f"https://www.googleapis.com/auth/userinfo.{required}" in connection.scopes
    assert (connection.status, connection.missing_scopes) == ("VALID", [])


def test_a_database_that_stumbles_does_not_lose_the_grant(project, monkeypatch):
    from django.db import OperationalError

    from integrations import grants

    stored, tries = tokens.store, []

    def stumbling(**given: object) -> Credential:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return stored(**given)

    monkeypatch.setattr(grants.tokens, "store", stumbling)
    dana = trips.prepared(project)
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert (len(tries), Connection.objects.count()) == (3, 1)
