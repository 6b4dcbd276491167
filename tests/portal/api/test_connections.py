"""Connections over the vendor API: lists, pages, one of them, disconnecting, access tokens."""

from __future__ import annotations

import base64
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.models import ApiKey, AuditEvent, Connection, Credential, Organization
from tests import factories, granted
from tests.portal.api.conftest import Caller, vendor_of

pytestmark = pytest.mark.django_db

LIST = "/v1/connections"


@pytest.fixture
def several(project, connection):
    """Five connections of three people; the last is disconnected."""
    acme = Organization.objects.create(project=project, external_id="acme")
    rows = [connection]
    for number, sub in enumerate(("dana", "erin", "erin", "finn")):
        who = factories.make_end_user(project, sub)
        who.organization = acme if sub == "erin" else None
        who.save()
        (integration,) = project.integrations.all()
        status = "DISCONNECTED" if sub == "finn" else "VALID"
        external_id = f"id-{number}"
        rows.append(
            factories.make_connection(integration, who, status=status, external_id=external_id)
        )
    for minutes, row in enumerate(rows):
        at = timezone.now() + timedelta(minutes=minutes)
        Connection.objects.filter(pk=row.pk).update(created_at=at)
    return rows


def ids(answer) -> list[str]:
    """Return the ids of a page of connections."""
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["connections"]]


def test_a_connection_is_shown_without_its_tokens(vendor, connection):
    answer = vendor("GET", f"{LIST}/{connection.pk}")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    shown = answer.json()
    assert shown["integration"] == "demo-mail"
    assert (shown["user"], shown["organization"], shown["status"]) == ("dana", None, "VALID")
    assert shown["account_label"] == "alice@example.test"
    assert not {name for name in shown if "token" in name or "secret" in name}


def test_the_list_is_newest_first_and_leaves_disconnected_ones_out(vendor, several):
    assert ids(vendor("GET", LIST)) == [str(row.pk) for row in reversed(several[:4])]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("user=dana", [1, 0]),
        ("user=erin", [3, 2]),
        ("user=nobody", []),
        ("user=", []),
        ("org=acme", [3, 2]),
        ("org=acme&user=dana", []),
        ("integration=demo-mail", [3, 2, 1, 0]),
        ("integration=gmail", []),
        ("status=DISCONNECTED", [4]),
        ("status=VALID&user=erin", [3, 2]),
        ("status=INVALID", []),
        ("user=%25", []),
        ("user=dana%27%20OR%201%3D1--", []),
    ],
)
def test_filters_narrow_the_list(vendor, several, query, found):
    assert ids(vendor("GET", f"{LIST}?{query}")) == [str(several[each].pk) for each in found]


@pytest.mark.parametrize(
    "query",
    [
        "project=x",
        "usr=dana",
        "limit=x",
        "limit=1e3",
        "status=valid",
        "status=",
        "cursor=x",
        "cursor=%F0",
        "user=%00",
        "integration=a%00b",
        "org=%ED%A0%80%00",
    ],
)
def test_a_query_that_is_not_understood_is_refused(vendor, query):
    answer = vendor("GET", f"{LIST}?{query}")
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "validation_failed"
    assert answer.json()["errors"]


CURSORS = {
    "no time": "yesterday|" + str(uuid4()),
    "no id": "2026-01-01T00:00:00+00:00|x",
    "one part": "2026-01-01T00:00:00+00:00",
    "three parts": "a|b|c",
    "no zone": "2026-01-01T00:00:00|" + str(uuid4()),
    "before all time": "0001-01-01T00:00:00+23:59|" + str(uuid4()),
    "after all time": "9999-12-31T23:59:59-23:59|" + str(uuid4()),
    "text": "\xff|\xff",
}


@pytest.mark.parametrize("text", CURSORS.values(), ids=CURSORS)
def test_a_cursor_of_ones_own_making_is_refused(vendor, connection, text):
    cursor = base64.urlsafe_b64encode(text.encode("latin-1")).decode()
    answer = vendor("GET", f"{LIST}?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_bring_each_connection_once(vendor, several, limit):
    seen, cursor = [], ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = vendor("GET", f"{LIST}?limit={limit}{after}")
        seen += ids(page)
        assert len(ids(page)) <= limit
        cursor = page.json()["next_cursor"]
    assert seen == [str(row.pk) for row in reversed(several[:4])]


def test_pages_hold_when_all_were_made_in_the_same_moment(vendor, several):
    Connection.objects.update(created_at=timezone.now())
    first = vendor("GET", f"{LIST}?limit=2")
    second = vendor("GET", f"{LIST}?limit=2&cursor={first.json()['next_cursor']}")
    assert len({*ids(first), *ids(second)}) == 4
    assert second.json()["next_cursor"] is None


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (-5, 1), (10_000, 4)])
def test_a_limit_is_kept_within_bounds(vendor, several, limit, count):
    assert len(ids(vendor("GET", f"{LIST}?limit={limit}"))) == count


def test_disconnecting_erases_the_tokens_and_says_who_did_it(vendor, connection):
    answer = vendor("DELETE", f"{LIST}/{connection.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Credential.objects.exists()
    assert Connection.objects.get().status == "DISCONNECTING"
    event = AuditEvent.objects.get(action="connection.disconnecting")
    assert event.actor == f"api_key:{ApiKey.objects.get().prefix}"
    assert vendor("DELETE", f"{LIST}/{connection.pk}").status_code == 204
    assert AuditEvent.objects.filter(action="connection.disconnecting").count() == 1


def test_an_access_token_is_handed_out_and_not_kept_anywhere(vendor, connection, caplog):
    caplog.set_level("DEBUG")
    answer = vendor("POST", f"{LIST}/{connection.pk}/access-token")
    assert answer.json() == {
        "access_token": "access-token-of-the-test",
        "token_type": "Bearer",
        "expires_at": None,
        "generation": 1,
    }
    assert answer["Cache-Control"] == "no-store"
    assert "access-token-of-the-test" not in caplog.text


def test_a_backend_that_was_refused_gets_a_later_token(vendor, project, provider):
    integration = factories.make_integration(project, "demo-desk")
    connection = granted.connection(provider, integration, settings={"subdomain": "acme"})
    address = f"{LIST}/{connection.pk}/access-token"
    first = vendor("POST", address, {}).json()
    second = vendor("POST", address, {"seen_generation": first["generation"]}).json()
    assert second["generation"] == first["generation"] + 1
    assert second["access_token"] == granted.kept(connection) != first["access_token"]
    assert vendor("POST", address, {"seen_generation": first["generation"]}).json() == second
    assert granted.refreshes(provider) == 1


@pytest.mark.parametrize("seen", [0, -1, "1", 1.5, True, 2**63, [1]])
def test_a_generation_that_cannot_be_is_refused(vendor, connection, seen):
    answer = vendor("POST", f"{LIST}/{connection.pk}/access-token", {"seen_generation": seen})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_access_token_is_asked_for_by_a_post(vendor, connection, method):
    assert vendor(method, f"{LIST}/{connection.pk}/access-token").status_code == 405


def test_a_connection_that_needs_a_person_says_so(vendor, connection):
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    answer = vendor("POST", f"{LIST}/{connection.pk}/access-token")
    assert (answer.status_code, answer.json()["code"]) == (409, "needs_reauth")


def test_a_disconnected_connection_gives_no_token(vendor, connection):
    vendor("DELETE", f"{LIST}/{connection.pk}")
    answer = vendor("POST", f"{LIST}/{connection.pk}/access-token")
    assert (answer.status_code, answer.json()["code"]) == (404, "connection_disconnected")


def test_a_provider_that_is_down_is_said_to_be_down(vendor, connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_status={"status": 503, "retry_after": 9})
    answer = vendor("POST", f"{LIST}/{connection.pk}/access-token")
    assert (answer.status_code, answer["Retry-After"]) == (503, "9")
    assert answer.json()["code"] == "provider_unreachable"


def test_the_projects_integrations_are_listed(vendor, project):
    (shown,) = vendor("GET", "/v1/integrations").json()["integrations"]
    assert (shown["type"], shown["name"]) == ("demo-mail", "Demo Mail")
    project.integrations.update(is_active=False)
    assert vendor("GET", "/v1/integrations").json() == {"integrations": []}


PATHS = [
    ("GET", LIST),
    ("GET", LIST + "/{id}"),
    ("DELETE", LIST + "/{id}"),
    ("POST", LIST + "/{id}/access-token"),
    ("GET", "/v1/integrations"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_is_let_in_without_a_live_key(project, connection, vendor, method, path):
    path = path.format(id=connection.pk)
    key = vendor.headers["Authorization"]
    tries = [None, "", "Bearer", "Bearer ", "Bearer x", f"{key}x", key[:-1], key.upper()]
    tries += [key.replace("Bearer", "Basic"), key.replace("Bearer ", ""), f"CP {key[7:]}"]
    tries += [f"Bearer {factories.user_token(project)}", f"Bearer {'x' * 9_000}", "Bearer \xff"]
    answers = [Caller(each)(method, path) for each in tries]
    ApiKey.objects.update(revoked_at=timezone.now())
    answers.append(vendor(method, path))
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(401, "unauthorized")}
    assert all(each["WWW-Authenticate"] == "Bearer" for each in answers)
    assert Credential.objects.exists()


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_key_of_a_closed_project_is_not_taken(project, connection, vendor, method, path):
    project.is_active = False
    project.save()
    assert vendor(method, path.format(id=connection.pk)).status_code == 401


def test_a_key_in_the_address_is_not_read(vendor, connection):
    key = vendor.headers["Authorization"].removeprefix("Bearer ")
    for name in ("key", "api_key", "authorization", "access_token"):
        assert Caller(None)("GET", f"{LIST}?{name}={key}").status_code == 401


def test_another_projects_key_finds_nothing(connection):
    other = vendor_of(factories.make_project("Globex"))
    assert ids(other("GET", LIST)) == []
    for method, path in PATHS[1:4]:
        answer = other(method, path.format(id=connection.pk))
        assert (answer.status_code, answer.json()["code"]) == (404, "connection_not_found")
    assert Connection.objects.get().status == "VALID"


def test_the_use_of_a_key_is_noted(vendor):
    assert ApiKey.objects.get().last_used_at is None
    vendor("GET", LIST)
    first = ApiKey.objects.get().last_used_at
    vendor("GET", LIST)
    assert ApiKey.objects.get().last_used_at == first is not None
