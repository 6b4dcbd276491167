"""A stored secret that is not this row's stops the flow, and is on record as such."""

from __future__ import annotations

import pytest

from integrations import clients, journal, tokens
from integrations.clients import ClientConfig
from integrations.errors import IntegrityBroken, InvalidInput
from integrations.models import (
    AuditEvent,
    AuthorizationRequest,
    ClientVersion,
    Connection,
    Flow,
    RefreshAttempt,
)
from integrations.oauth.http import Answer
from tests import factories, granted, trips
from tests.fakeas import visitor as provider_visitor
from tests.portal import visits
from tests.portal.api.conftest import vendor_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(provider):
    made = factories.make_project()
    factories.make_integration(made)
    return made


@pytest.fixture
def dana(project):
    """Dana, who could press Continue now."""
    return trips.prepared(project)


def swap_secrets(project):
    """Give every client the secret of somebody else's, as a writer to the database could."""
    trips.prepared(project, "eve", client_id="another")
    eves = ClientVersion.objects.get(client_id="another")
    ClientVersion.objects.exclude(pk=eves.pk).update(client_secret=eves.client_secret)


def alarm_about(flow: str) -> bool:
    """Return whether the log has one broken seal, about this flow, that is worth a look."""
    event = AuditEvent.objects.get(action="seal.broken")
    assert "fake-secret" not in str(event.data)
    assert (event.data["severity"], event.data["code"]) == ("high", "integrity_error")
    return event.object_id == flow


def test_a_secret_entered_anew_replaces_one_that_cannot_be_trusted(dana, project):
    swap_secrets(project)
    mine = ClientVersion.objects.get(client_id="fake_ok").oauth_client
    for secret in ("fake-secret", "another-secret"):
        factories.replace_secret(mine, secret)
        mine.refresh_from_db()
        assert mine.current_version.open_required("client_secret").reveal() == secret


def test_a_secret_that_cannot_be_trusted_is_not_kept(dana, project):
    swap_secrets(project)
    mine = ClientVersion.objects.get(client_id="fake_ok").oauth_client
    with pytest.raises(InvalidInput) as caught:
        clients.replace_config(client=mine, config=ClientConfig("fake_ok", None, {}), actor="test")
    assert [error.code for error in caught.value.errors] == ["secret_required"]


def test_a_start_with_another_client_s_secret_is_refused_in_words(dana, project, provider):
    swap_secrets(project)
    dana.post("/oauth/start")
    assert dana.last.status_code == 500
    assert "A stored secret cannot be trusted" in dana.page.text
    assert not dana.page.refresh
    assert alarm_about(dana.flow)
    assert not AuthorizationRequest.objects.exists()
    assert provider.requests() == []


def test_a_secret_swapped_during_the_trip_is_not_sent(dana, project, provider):
    back = provider_visitor.approve(dana.start())
    swap_secrets(project)
    dana.come_back(back)
    flow = Flow.objects.get(pk=dana.flow)
    assert (flow.status, flow.error_code) == ("FAILED", "integrity_error")
    assert "A stored secret cannot be trusted" in dana.page.text
    assert alarm_about(dana.flow)
    assert provider.count("token") == 0
    assert not AuthorizationRequest.objects.filter(code_verifier__isnull=False).exists()


def test_a_verifier_of_another_trip_is_not_sent(dana, project, provider):
    back = provider_visitor.approve(dana.start())
    other = trips.prepared(project, "eve")
    other.start()
    (eves,) = AuthorizationRequest.objects.filter(flow=other.flow)
    AuthorizationRequest.objects.filter(flow=dana.flow).update(code_verifier=eves.code_verifier)
    dana.come_back(back)
    assert Flow.objects.get(pk=dana.flow).error_code == "integrity_error"
    assert alarm_about(dana.flow)
    assert provider.count("token") == 0


@pytest.mark.parametrize("column", ["code", "code_verifier"])
def test_a_code_that_waited_and_was_changed_is_not_sent(project, provider, column):
    vendor = vendor_of(project)
    dana, eve = visits.approved(vendor), visits.approved(vendor, "eve")
    theirs = AuthorizationRequest.objects.get(flow=eve.flow)
    stored = {column: getattr(theirs, column)}
    AuthorizationRequest.objects.filter(flow=dana.flow).update(**stored)
    body = visits.confirm(vendor, dana.flow).json()
    assert (body["status"], body["error"]["code"]) == ("FAILED", "integrity_error")
    assert alarm_about(dana.flow)
    assert provider.count("token") == 0
    assert not Connection.objects.exists()


@pytest.mark.parametrize("status", ["got_response", "candidate"])
def test_an_answer_that_was_changed_is_said_once_and_keeps_no_refresh_away(
    project, provider, status
):
    connection = granted.connection(provider, project.integrations.get())
    factories.expire(connection)
    credential = granted.credential(connection)
    spend = journal.Spend(credential.client_version, credential.open_required("refresh_token"))
    attempt = journal.claim(credential, spend)
    journal.received(attempt, Answer(200, {}, b"{}"))
    RefreshAttempt.objects.update(answer=credential.access_token, status=status)
    granted.pass_time(journal.LEASE.total_seconds() + 1)
    if status == "candidate":
        provider.configure(profile="demo-mail", times=1, token_error="unknown_refresh_token")
    with pytest.raises(IntegrityBroken):
        tokens.access_token_for(connection)
    for _ in range(2):
        assert granted.works(provider, tokens.access_token_for(connection).token.reveal())
    event = AuditEvent.objects.get(action="seal.broken")
    assert (event.object_id, event.data["severity"]) == (str(connection.pk), "high")
