"""Grants that a flow leaves behind are ended, and those still in use are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import endings, revocation, tokens
from integrations.models import AuditEvent, Connection, Credential, Flow, Revocation
from integrations.oauth import client as oauth
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


def end_all() -> list[str]:
    """Try each grant that waits once, and return the outcomes."""
    return [revocation.attempt(pk) for pk in revocation.due()]


def standing(provider) -> list[str]:
    """Return whose grants still stand at the provider."""
    return [each["account"] for each in provider.grants("demo-mail") if not each["revoked"]]


def test_another_account_s_grant_is_ended_and_the_old_one_serves_on(project, connection, provider):
    dana = reconnecting(project, connection)
    dana.approve(account=BOB)
    assert dana.current_flow().error_code == "account_mismatch"
    row = Revocation.objects.get()
    assert (row.connection, row.reason) == (None, "account_mismatch")
    assert end_all() == ["revoked"]
    assert standing(provider) == ["alice@example.test"]
    factories.expire(connection)
    assert tokens.access_token_for(connection).token
    assert AuditEvent.objects.filter(action="grant.revoked", object_id=row.pk).count() == 1


def test_the_refusal_names_the_account_expected_and_the_one_that_came(project, connection):
    dana = reconnecting(project, connection)
    page = dana.approve(account=BOB)
    assert "alice@example.test" not in page.text, "the page in the provider's window names nobody"
    shown = dana.status()
    assert "alice@example.test" in shown.text
    assert BOB in shown.text


def test_a_grant_whose_connection_was_disconnected_meanwhile_is_ended(
    project, connection, provider
):
    dana = reconnecting(project, connection)
    back = person.approve(dana.start())
    revocation.disconnect(connection=connection, actor="test")
    dana.come_back(back)
    assert end_all() == ["revoked", "revoked"]
    assert standing(provider) == []


def test_a_grant_that_could_not_be_stored_is_ended(project, provider, monkeypatch):
    dana = trips.prepared(project)
    back = person.approve(dana.start())
    monkeypatch.setattr(tokens, "store", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dana.come_back(back)
    assert Revocation.objects.get().reason == "not_stored"
    assert end_all() == ["revoked"]
    assert standing(provider) == []


def test_a_grant_for_an_external_id_that_was_taken_meanwhile_is_ended(project, provider):
    dana = trips.prepared(project)
    Flow.objects.update(external_id="crm-1")
    back = person.approve(dana.start())
    mail, user = project.integrations.get(), factories.make_end_user(project)
    factories.make_connection(mail, user, external_id="crm-1")
    dana.come_back(back)
    assert dana.current_flow().error_code == "external_id_taken"
    assert end_all() == ["revoked"]


def test_a_grant_that_arrives_after_its_flow_was_given_up_is_ended(project, provider, monkeypatch):
    dana = trips.prepared(project)
    back = person.approve(dana.start())
    exchange = oauth.exchange

    def slow(**call):
        answer = exchange(**call)
        Flow.objects.update(updated_at=timezone.now() - timedelta(minutes=5))
        endings.end_if_stale(Flow.objects.get())
        return answer

    monkeypatch.setattr(oauth, "exchange", slow)
    dana.come_back(back)
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == ("FAILED", "interrupted")
    assert not Connection.objects.exists()
    assert end_all() == ["revoked"]
    assert standing(provider) == []


def test_reconnecting_ends_the_old_grant_once_the_new_one_is_kept(project, connection, provider):
    dana = reconnecting(project, connection)
    back = person.approve(dana.start())
    assert tokens.access_token_for(connection).token
    dana.come_back(back)
    assert end_all() == ["revoked"]
    assert len(standing(provider)) == 1
    factories.expire(connection)
    assert tokens.access_token_for(connection).token
    connection.refresh_from_db()
    assert (connection.status, connection.revocation) == ("VALID", "")


def test_reconnecting_lets_the_old_grant_be_where_the_new_one_would_end_with_it(
    project, connection, catalog, monkeypatch
):
    from integrations.catalog import registry

    mail = catalog["demo-mail"]
    ends = mail.revocation.model_copy(update={"ends": "account"})
    changed = mail.model_copy(update={"revocation": ends})
    registry.install({**catalog, "demo-mail": changed})
    reconnecting(project, connection).approve()
    assert end_all() == ["shared"]
    factories.expire(connection)
    assert tokens.access_token_for(connection).token


def test_the_very_same_tokens_again_are_not_ended(project, connection, provider):
    kept = Credential.objects.get().open_required("refresh_token").reveal()
    provider.configure(profile="demo-mail", answer_set={"refresh_token": kept})
    reconnecting(project, connection).approve()
    assert not Revocation.objects.exists()


def test_the_very_same_tokens_refused_are_not_ended_either(project, connection, provider):
    kept = Credential.objects.get().open_required("refresh_token").reveal()
    provider.configure(profile="demo-mail", answer_set={"refresh_token": kept})
    reconnecting(project, connection).approve(account=BOB)
    assert not Revocation.objects.exists()


def test_a_renewal_waiting_to_be_ended_does_not_speak_for_a_later_disconnection(
    project, connection, provider
):
    provider.configure(profile="demo-mail", revocation_status=503, times=1)
    reconnecting(project, connection).approve()
    assert end_all() == [""]
    revocation.disconnect(connection=connection, actor="test")
    (pk,) = revocation.due()
    assert revocation.attempt(pk) == "revoked"
    connection.refresh_from_db()
    assert (connection.status, connection.revocation) == ("DISCONNECTED", "revoked")
