"""Clients and events over the vendor API: whole lists, page by page, and nothing secret."""

from __future__ import annotations

import base64
from datetime import date, timedelta

import pytest
from django.utils import timezone

from integrations import audit, clients
from integrations.models import AuditEvent, ClientVersion, Connection, OAuthClient
from tests import factories
from tests.portal.api.conftest import vendor_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def slots(project, connection):
    """The vendor's empty slot, Dana's client and Erin's draft."""
    (integration,) = project.integrations.all()
    clients.vendor_client(integration)
    clients.draft_client(integration=integration, end_user=factories.make_end_user(project, "erin"))
    ClientVersion.objects.update(secret_expires_on=date(2027, 1, 31), last4="cret")
    return list(OAuthClient.objects.order_by("-created_at", "-id"))


def names(answer, kind: str) -> list[str]:
    """Return the ids of a page."""
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()[kind]]


def test_clients_are_listed_with_what_may_be_known(vendor, slots, connection):
    answer = vendor("GET", "/v1/clients?user=dana")
    (shown,) = answer.json()["clients"]
    assert shown == {
        "id": str(connection.oauth_client_id),
        "integration": "demo-mail",
        "owner": "end_user",
        "user": "dana",
        "organization": None,
        "state": "ACTIVE",
        "client_id": "fake_ok",
        "secret_last4": "cret",
        "secret_expires_on": "2027-01-31",
        "redirect_url": connection.oauth_client.redirect_uri(),
        "connections": 1,
        "created_at": shown["created_at"],
    }
    assert "fake-secret" not in answer.content.decode()


def test_a_disconnected_connection_does_not_count(vendor, slots):
    Connection.objects.update(status="DISCONNECTED")
    (shown,) = vendor("GET", "/v1/clients?user=dana").json()["clients"]
    assert shown["connections"] == 0


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("owner=vendor", 1),
        ("owner=end_user", 2),
        ("owner=organization", 0),
        ("state=DRAFT", 2),
        ("state=ACTIVE", 1),
        ("integration=demo-mail", 3),
        ("integration=gmail", 0),
        ("user=erin", 1),
        ("user=%25", 0),
        ("org=acme", 0),
    ],
)
def test_filters_narrow_the_clients(vendor, slots, query, count):
    assert len(names(vendor("GET", f"/v1/clients?{query}"), "clients")) == count


@pytest.fixture
def history(project, connection):
    """Ten more events about the connection."""
    for number in range(10):
        audit.record(
            project=project,
            actor="user:dana" if number % 2 else "system",
            action="connection.refreshed" if number % 2 else "client.updated",
            subject=connection,
            number=number,
        )
    return AuditEvent.objects.filter(project=project)


def test_events_are_newest_first(vendor, history):
    shown = vendor("GET", "/v1/events").json()["events"]
    found = [event["sequence"] for event in shown]
    assert found == sorted(found, reverse=True)
    assert set(shown[0]) == {
        "id",
        "sequence",
        "at",
        "actor",
        "action",
        "object_type",
        "object_id",
        "data",
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("action=connection.refreshed", 5),
        ("action=connection.refreshed&actor=user:dana", 5),
        ("action=connection.refreshed&actor=system", 0),
        ("action=connection.refreshe", 0),
        ("action=%25", 0),
        ("actor=user:dana", 5),
        ("object_id={id}", 10),
        ("object_id={id}&object_type=connection", 10),
        ("object_type=nothing", 0),
        ("since=2999-01-01T00:00:00Z", 0),
        ("until=2000-01-01T00:00:00Z", 0),
        ("action=connection.refreshed&since=2000-01-01T00:00:00Z", 5),
    ],
)
def test_filters_narrow_the_events(vendor, history, connection, query, count):
    path = f"/v1/events?{query.format(id=connection.pk)}"
    assert len(names(vendor("GET", path), "events")) == count


def test_a_family_of_actions_is_found_by_its_beginning(vendor, history):
    shown = vendor("GET", "/v1/events?action=connection.").json()["events"]
    assert {event["action"].partition(".")[0] for event in shown} == {"connection"}


@pytest.mark.parametrize("kind", ["clients", "events"])
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_hold_every_row_once(vendor, slots, history, kind, limit):
    whole = names(vendor("GET", f"/v1/{kind}?limit=200"), kind)
    found, cursor = [], ""
    while cursor is not None:
        answer = vendor("GET", f"/v1/{kind}?limit={limit}{cursor and '&cursor=' + cursor}")
        found += names(answer, kind)
        cursor = answer.json()["next_cursor"]
    assert found == whole
    assert len(set(found)) == len(found)


def test_what_comes_while_one_reads_moves_no_page(vendor, project, history, connection):
    first = vendor("GET", "/v1/events?limit=3").json()
    audit.record(project=project, actor="x", action="y", subject=connection)
    then = vendor("GET", f"/v1/events?limit=3&cursor={first['next_cursor']}").json()
    sequences = [event["sequence"] for event in first["events"] + then["events"]]
    assert sequences == list(range(sequences[0], sequences[0] - 6, -1))


@pytest.mark.parametrize("kind", ["clients", "events"])
@pytest.mark.parametrize(
    "query", ["x=1", "limit=x", "cursor=x", "cursor=%F0", "project=x", "limit=1e9"]
)
def test_a_query_that_is_not_understood_is_refused(vendor, kind, query):
    answer = vendor("GET", f"/v1/{kind}?{query}")
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "path",
    [
        "clients?owner=somebody",
        "clients?state=active",
        "events?since=yesterday",
        "events?since=2026-01-01T00:00:00",
        "events?actor=%00",
        "clients?user=a%0ab",
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(vendor, path):
    answer = vendor("GET", f"/v1/{path}")
    assert answer.status_code in (400, 422)
    field = answer.json()["errors"][0]["field"]
    assert path.split("?")[1].split("=")[0] in field


@pytest.mark.parametrize("text", ["#", "#-1", "#1e3", "#" + "9" * 40, "1", "#\u0661", "|", "a|b"])
def test_a_cursor_of_ones_own_making_is_refused(vendor, history, text):
    cursor = base64.urlsafe_b64encode(text.encode()).decode()
    for kind in ("clients", "events"):
        assert vendor("GET", f"/v1/{kind}?cursor={cursor}").status_code == 422


def test_a_cursor_of_another_project_shows_nothing_of_it(vendor, slots, history):
    other = vendor_of(factories.make_project("Globex"))
    for kind in ("clients", "events"):
        cursor = vendor("GET", f"/v1/{kind}?limit=1").json()["next_cursor"]
        shown = names(other("GET", f"/v1/{kind}?cursor={cursor}"), kind)
        assert not set(shown) & set(names(vendor("GET", f"/v1/{kind}?limit=200"), kind))


def test_events_hold_no_secret(vendor, slots, history, connection):
    text = vendor("GET", "/v1/events?limit=200").content.decode()
    secrets = ("access-token-of-the-test", "refresh-token-of-the-test", "fake-secret", "cp_live_")
    assert not [secret for secret in secrets[:3] if secret in text]
    assert vendor.headers["Authorization"].removeprefix("Bearer ") not in text


def test_a_page_of_events_costs_few_queries(vendor, history, django_assert_max_num_queries):
    vendor("GET", "/v1/events")
    with django_assert_max_num_queries(3):
        vendor("GET", f"/v1/events?since={(timezone.now() - timedelta(days=1)).date()}T00:00:00Z")


def test_a_page_of_clients_costs_few_queries(vendor, slots, django_assert_max_num_queries):
    vendor("GET", "/v1/clients")
    with django_assert_max_num_queries(3):
        vendor("GET", "/v1/clients")
