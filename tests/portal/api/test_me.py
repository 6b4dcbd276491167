"""The user API: an end user sees their own, from pages of their own project."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.models import AllowedOrigin, AuditEvent, Connection, Flow, PortalSession
from tests import factories
from tests.portal.api.conftest import Caller
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

ACME, GLOBEX = factories.ORIGIN, "https://globex.example"


def test_a_person_sees_themselves_and_their_connections(person, connection, project):
    other = factories.make_end_user(project, "eve")
    factories.make_connection(connection.integration, other)
    shown = person("GET", "/v1/me").json()
    assert (shown["user"]["external_id"], shown["user"]["name"]) == ("dana", "Dana Reyes")
    (mail,) = shown["integrations"]
    assert (mail["type"], mail["enabled"]) == ("demo-mail", True)
    assert [each["id"] for each in mail["connections"]] == [str(connection.pk)]


def test_an_integration_is_not_enabled_by_a_dead_connection(person, connection):
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    (mail,) = person("GET", "/v1/me").json()["integrations"]
    assert (mail["enabled"], len(mail["connections"])) == (False, 1)


def test_a_person_disconnects_their_own(person, connection):
    assert person("DELETE", f"/v1/me/connections/{connection.pk}").status_code == 204
    assert Connection.objects.get().status == "DISCONNECTING"
    assert AuditEvent.objects.get(action="connection.disconnecting").actor == "user:dana"
    assert person("DELETE", f"/v1/me/connections/{connection.pk}").status_code == 404


def test_a_person_cannot_disconnect_for_others(project, connection):
    eve = Caller(f"Bearer {factories.user_token(project, 'eve')}")
    answer = eve("DELETE", f"/v1/me/connections/{connection.pk}")
    assert (answer.status_code, answer.json()["code"]) == (404, "connection_not_found")
    assert Connection.objects.get().status == "VALID"


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "cp_live_x", "x" * 9_000, "..", "\xe4", "e30.e30.e30"]
)
def test_a_forged_token_is_refused(token):
    answer = Caller(f"Bearer {token}")("GET", "/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "user_token_invalid")
    assert token not in answer.content.decode() or token == "x"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": 1_000, "iat": 900}, "user_token_expired"),
        ({"iss": str(uuid4())}, "user_token_invalid"),
        ({"aud": "other"}, "user_token_invalid"),
        ({"sub": ""}, "user_token_invalid"),
    ],
)
def test_a_loose_token_is_refused(project, changed, code):
    token = factories.user_token(project, **changed)
    answer = Caller(f"Bearer {token}")("GET", "/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, code)


@pytest.mark.parametrize("closed", ["key", "project"])
def test_a_token_ends_with_its_key_and_its_project(project, person, closed):
    if closed == "key":
        project.signing_keys.update(revoked_at=timezone.now())
    else:
        project.is_active = False
        project.save()
    assert person("GET", "/v1/me").status_code == 401


def test_a_page_of_the_project_may_read_the_answer(person):
    answer = person("GET", "/v1/me", Origin=ACME)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == ACME
    assert "Origin" in answer["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", f"{ACME}/", "http://acme.localhost:8001.evil.example"],
)
def test_another_page_may_not(person, origin):
    answer = person("GET", "/v1/me", Origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer


def test_a_page_of_another_project_may_not(person):
    other = factories.make_project("Globex")
    AllowedOrigin.objects.filter(project=other).update(origin=GLOBEX)
    answer = person("GET", "/v1/me", Origin=GLOBEX)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "dana" not in answer.content.decode()


def test_a_preflight_is_answered_without_a_token_and_without_credentials():
    asked = {"Origin": ACME, "Access-Control-Request-Method": "DELETE"}
    answer = Caller(None)("OPTIONS", "/v1/me", **asked)
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert "Access-Control-Allow-Credentials" not in answer


def test_the_vendor_api_is_not_for_pages(vendor):
    answer = vendor("GET", "/v1/connections", Origin=ACME)
    assert "Access-Control-Allow-Origin" not in answer
    asked = {"Origin": ACME, "Access-Control-Request-Method": "GET"}
    assert "Access-Control-Allow-Origin" not in Caller(None)("OPTIONS", "/v1/connections", **asked)


def test_a_refusal_can_be_read_by_the_page_too(person):
    answer = person("DELETE", f"/v1/me/connections/{uuid4()}", Origin=ACME)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (404, ACME)


@pytest.fixture
def waiting(dana):
    """Dana, whose flow waits for the provider."""
    dana.start()
    return dana


def test_a_flow_is_told_to_its_person_by_token_and_by_handle(waiting, person):
    for caller in (person, Caller(f"CP {waiting.handle}")):
        shown = caller("GET", f"/v1/flows/{waiting.flow}").json()
        assert (shown["id"], shown["status"], shown["stage"]) == (waiting.flow, "WAITING", "oauth")
        assert (shown["error"], shown["connection"]) == (None, None)


def test_a_finished_flow_tells_its_connection(waiting, person):
    waiting.approve()
    shown = person("GET", f"/v1/flows/{waiting.flow}").json()
    assert (shown["status"], shown["stage"]) == ("COMPLETED", "done")
    assert shown["connection"]["account_label"] == "alice@example.test"


def test_a_failed_flow_tells_why(waiting, person):
    waiting.deny()
    shown = person("GET", f"/v1/flows/{waiting.flow}").json()
    assert (shown["status"], shown["error"]["code"]) == ("FAILED", "access_denied")


def test_a_flow_of_somebody_else_is_not_found(waiting, project):
    eve = Visitor(project, "eve")
    eve.open()
    callers = [
        Caller(f"CP {eve.handle}"),
        Caller(f"Bearer {factories.user_token(project, 'eve')}"),
    ]
    for caller in callers:
        answer = caller("GET", f"/v1/flows/{waiting.flow}")
        assert (answer.status_code, answer.json()["code"]) == (404, "flow_not_found")


@pytest.mark.parametrize(
    "credentials", [None, "CP", "CP ", "CP x", "cp {handle}", "Bearer {handle}", "{handle}"]
)
def test_a_flow_is_not_told_without_a_handle(waiting, credentials):
    caller = Caller(credentials and credentials.format(handle=waiting.handle))
    assert caller("GET", f"/v1/flows/{waiting.flow}").status_code == 401


def test_a_flow_is_not_told_to_an_ended_visit(waiting):
    PortalSession.objects.update(ended_at=timezone.now())
    answer = Caller(f"CP {waiting.handle}")("GET", f"/v1/flows/{waiting.flow}")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_expired")


def test_a_flow_is_not_told_to_the_vendors_key(waiting, vendor):
    assert vendor("GET", f"/v1/flows/{waiting.flow}").status_code == 401


def test_a_handle_is_no_key_to_anything_else(waiting, connection):
    caller = Caller(f"CP {waiting.handle}")
    for method, path in (("GET", "/v1/me"), ("DELETE", f"/v1/me/connections/{connection.pk}")):
        assert caller(method, path).status_code == 401
    assert Flow.objects.get().status == "WAITING"
