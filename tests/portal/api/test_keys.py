"""What an API key may do, from where, until when; and who is told when it reads too much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import apikeys, audit, reads
from integrations.errors import InvalidInput
from integrations.models import ApiKey, AuditEvent, Connection, Project, TokenRead
from integrations.models.projects import API_SCOPES
from portal.api import api
from portal.api.auth import VendorKey
from tests import factories
from tests.portal.api.conftest import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_pending_reads():
    """Begin and end without reads that were not written."""
    reads.forget_pending()
    yield
    reads.forget_pending()


def vendor_operations():
    """Yield method, path, operation of everything that an API key opens."""
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            for operation in view.operations:
                if any(isinstance(each, VendorKey) for each in operation.auth_callbacks):
                    for method in operation.methods:
                        yield method, f"{bound.prefix}/{path}".replace("//", "/"), operation


OPERATIONS = list(vendor_operations())


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS]
)
def test_every_operation_declares_one_known_scope(method, path, operation):
    scopes = [auth.scope for auth in operation.auth_callbacks if isinstance(auth, VendorKey)]
    assert len(scopes) == 1
    assert scopes[0] in API_SCOPES


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [each for each in OPERATIONS if each[0] in ("POST", "DELETE") and "/proxy/" not in each[1]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_change_honours_an_idempotency_key(method, path, operation):
    names = {operation.view_func.__name__}
    honours = getattr(operation.view_func, "honours_idempotency_key", False)
    assert honours or names == {"import_connections"}


def caller(project: Project, **policy: object) -> Caller:
    """Return a backend whose key may do only this."""
    chosen = {"scopes": API_SCOPES, **policy}
    return Caller(f"Bearer {factories.make_api_key(project, apikeys.checked_policy(**chosen))}")


PATHS = {
    "connections:read": ("GET", "/v1/connections"),
    "connections:write": ("DELETE", "/v1/connections/{id}"),
    "tokens:read": ("POST", "/v1/connections/{id}/access-token"),
    "proxy": ("GET", "/v1/connections/{id}/proxy/x"),
    "clients:read": ("GET", "/v1/clients"),
    "events:read": ("GET", "/v1/events"),
    "import": ("POST", "/v1/connections/import"),
}


@pytest.mark.parametrize("scope", PATHS)
def test_a_key_without_the_scope_is_refused(project, connection, scope):
    method, path = PATHS[scope]
    others = [each for each in API_SCOPES if each != scope]
    answer = caller(project, scopes=others)(method, path.format(id=connection.pk))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert answer["Connect-Portal-Error"] == "insufficient_scope"
    assert Connection.objects.get().status == "VALID"


@pytest.mark.parametrize("scope", ["connections:read", "clients:read", "events:read"])
def test_a_key_with_the_scope_is_let_in(project, connection, scope):
    method, path = PATHS[scope]
    assert caller(project, scopes=[scope])(method, path).status_code == 200


def test_an_operation_without_a_scope_is_for_nobody(project):
    key = ApiKey.objects.get(pk=_key(project).pk)
    with pytest.raises(apikeys.NotAllowed):
        apikeys.require(key=key, scope="", address="127.0.0.1")


def test_a_key_is_over_when_its_time_is(project):
    vendor = caller(project, expires_at=timezone.now() + timedelta(hours=1))
    assert vendor("GET", "/v1/connections").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert vendor("GET", "/v1/connections").status_code == 401


def test_a_revoked_key_is_refused_at_once(project):
    vendor = caller(project)
    assert vendor("GET", "/v1/connections").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert vendor("GET", "/v1/connections").status_code == 401


@pytest.mark.parametrize(
    ("networks", "address", "forwarded", "proxies", "status"),
    [
        (["192.0.2.0/24"], "192.0.2.9", "", 0, 200),
        (["192.0.2.9"], "192.0.2.9", "", 0, 200),
        (["2001:db8::/32"], "2001:db8::1", "", 0, 200),
        (["192.0.2.0/24"], "::ffff:192.0.2.9", "", 0, 200),
        (["10.0.0.1", "192.0.2.0/24"], "192.0.2.9", "", 0, 200),
        (["192.0.2.0/24"], "10.0.0.1", "192.0.2.9", 1, 200),
        (["192.0.2.0/24"], "192.0.3.1", "", 0, 403),
        (["192.0.2.0/24"], "10.0.0.1", "192.0.2.9", 0, 403),
        (["192.0.2.0/24"], "10.0.0.1", "192.0.2.9, 198.51.100.1", 1, 403),
        (["192.0.2.0/24"], "192.0.2.9", "198.51.100.1", 1, 403),
        (["192.0.2.0/24"], "10.0.0.1", "not-an-address", 1, 403),
        (["0.0.0.0/0"], "2001:db8::1", "", 0, 403),
        (["192.0.2.0/24"], "", "", 0, 403),
    ],
)
def test_a_key_is_used_from_listed_addresses_only(
    project, settings, networks, address, forwarded, proxies, status
):
    settings.TRUSTED_PROXIES = proxies
    vendor = caller(project, allowed_addresses=networks)
    headers = {**vendor.headers, **({"X-Forwarded-For": forwarded} if forwarded else {})}
    answer = vendor.client.get("/api/v1/connections", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "address_not_allowed"


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
        ({"allowed_addresses": ["192.0.2.1/24"]}, "allowed_addresses"),
        ({"allowed_addresses": ["example.com"]}, "allowed_addresses"),
        ({"allowed_addresses": [""]}, "allowed_addresses"),
        ({"allowed_addresses": [f"10.0.0.{n}" for n in range(51)]}, "allowed_addresses"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(policy, field):
    with pytest.raises(InvalidInput) as caught:
        apikeys.checked_policy(**{"scopes": API_SCOPES, **policy})
    assert [error.field for error in caught.value.errors] == [field]


def test_a_key_made_before_there_were_scopes_has_all(project):
    assert ApiKey(project=project).scopes == list(API_SCOPES)


def read(vendor: Caller, row: Connection) -> int:
    """Ask for a token and return the status."""
    return int(vendor("POST", f"/v1/connections/{row.pk}/access-token").status_code)


def test_a_fresh_token_is_read_in_two_queries(project, connection, settings):
    settings.LIMITS = {"vendor_api": "off", "access_tokens": "off"}
    vendor = caller(project)
    assert read(vendor, connection) == 200
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert read(vendor, connection) == 200
    queries = [each["sql"] for each in captured if "ratecount" not in each["sql"]]
    assert len(queries) == 2, queries


@pytest.fixture
def many(project, connection):
    """Six connections of the project, which is told when a key reads five of them."""
    Project.objects.update(read_alert_limit=5)
    (integration,) = project.integrations.all()
    who = connection.end_user
    rows = [
        factories.make_connection(
            integration, who, client=connection.oauth_client, external_id=f"id-{number}"
        )
        for number in range(5)
    ]
    return [connection, *rows]


def alerts() -> list[AuditEvent]:
    """Return what was reported."""
    return list(AuditEvent.objects.filter(action="api_key.read_alert"))


def test_a_key_that_reads_many_connections_is_reported_once(project, many):
    vendor = caller(project)
    assert [read(vendor, row) for row in many] == [200] * 6
    (alert,) = alerts()
    assert alert.data == {"severity": "high", "connections": 5, "limit": 5, "frozen": False}
    assert alert.object_id == str(ApiKey.objects.get().pk)
    assert audit.verify(project) is None


def test_reading_one_connection_often_is_not_reported(project, many):
    vendor = caller(project)
    assert {read(vendor, many[0]) for _ in range(8)} == {200}
    assert alerts() == []


def test_reads_of_two_keys_are_not_added_up(project, many):
    one, other = caller(project), caller(project)
    assert {read(one, row) for row in many[:3]} | {read(other, row) for row in many[3:]} == {200}
    assert alerts() == []


def test_reads_of_long_ago_do_not_count(project, many):
    vendor = caller(project)
    assert {read(vendor, row) for row in many[:4]} == {200}
    TokenRead.objects.update(read_at=timezone.now() - timedelta(minutes=5, seconds=1))
    assert read(vendor, many[4]) == 200
    assert alerts() == []
    assert reads.forget_old() == 4


def test_a_key_that_reads_many_connections_freezes_if_the_project_wants_that(project, many):
    Project.objects.update(read_alert_freezes=True)
    vendor = caller(project)
    assert [read(vendor, row) for row in many] == [200] * 4 + [403] * 2
    answer = vendor("GET", "/v1/connections")
    assert (answer.status_code, answer.json()["code"]) == (403, "key_frozen")
    apikeys.thaw(key=ApiKey.objects.get(), actor="test")
    assert vendor("GET", "/v1/connections").status_code == 200
    assert AuditEvent.objects.filter(action="api_key.thawed").count() == 1


def test_passed_on_calls_count_as_reads(project, many):
    Project.objects.update(read_alert_freezes=True)
    vendor = caller(project)
    paths = [f"/v1/connections/{row.pk}/proxy/x" for row in many]
    codes = [vendor("GET", path).json()["code"] for path in paths]
    assert codes == ["proxy_off"] * 4 + ["key_frozen"] * 2


def test_what_many_reads_hold_back_is_written_together(project, many, monkeypatch):
    Project.objects.update(read_alert_limit=1000)
    monkeypatch.setattr(reads, "BATCH", 4)
    vendor = caller(project)
    assert {read(vendor, row) for row in many[:3]} == {200}
    assert TokenRead.objects.count() == 0
    assert read(vendor, many[3]) == 200
    assert TokenRead.objects.count() == 4


def test_the_kill_switch_stops_tokens_at_once_and_nothing_else(project, connection):
    vendor = caller(project)
    apikeys.set_tokens_stopped(project=project, stopped=True, actor="test")
    answer = vendor("POST", f"/v1/connections/{connection.pk}/access-token")
    assert (answer.status_code, answer.json()["code"]) == (403, "tokens_stopped")
    assert "access-token-of-the-test" not in answer.content.decode()
    assert vendor("GET", "/v1/connections").status_code == 200
    apikeys.set_tokens_stopped(project=project, stopped=False, actor="test")
    assert read(vendor, connection) == 200
    found = AuditEvent.objects.filter(action__startswith="tokens.").order_by("sequence")
    assert [event.action for event in found] == ["tokens.stopped", "tokens.started"]


def test_the_kill_switch_stops_refreshing(project, connection):
    from integrations import tokens

    factories.expire(connection)
    assert tokens.due() == [connection.pk]
    apikeys.set_tokens_stopped(project=project, stopped=True, actor="test")
    assert tokens.due() == []
    assert tokens.refresh_one(connection.pk) == "failed"


def test_the_kill_switch_of_one_project_is_not_that_of_another(project, connection):
    other = factories.make_project("Globex")
    apikeys.set_tokens_stopped(project=other, stopped=True, actor="test")
    assert read(caller(project), connection) == 200


def test_a_token_is_never_read_through_another_projects_key(project, connection):
    other = caller(factories.make_project("Globex"))
    answer = other("POST", f"/v1/connections/{connection.pk}/access-token")
    assert (answer.status_code, answer.json()["code"]) == (404, "connection_not_found")
    assert reads._pending == {}


def _key(project: Project) -> ApiKey:
    factories.make_api_key(project)
    return ApiKey.objects.filter(project=project).get()
