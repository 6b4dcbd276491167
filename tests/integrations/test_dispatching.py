"""The audit log as the outbox: each public event becomes one delivery for each endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from integrations import audit, dispatching, webhooks
from integrations.models import AuditEvent, Connection, WebhookDelivery, WebhookEndpoint
from integrations.models.clients import OAuthClient
from tests import factories, threads, trips

pytestmark = pytest.mark.django_db

URL = "https://hooks.acme.example/portal"
SECRETS = ("access-token-of-the-test", "refresh-token-of-the-test", "fake-secret")


@pytest.fixture
def project():
    """A project with one integration."""
    project = factories.make_project()
    factories.make_integration(project, "gmail")
    return project


@pytest.fixture
def connection(project):
    """Dana's connection."""
    (integration,) = project.integrations.all()
    return factories.make_connection(
        integration,
        factories.make_end_user(project),
        scopes=["openid", "mail.read"],
        external_id="left-hand",
    )


@pytest.fixture
def endpoint(project, connection):
    """An endpoint that takes every type."""
    return webhooks.create(project=project, url=URL, actor="test").endpoint


def record(subject: Any, action: str, **data: Any) -> AuditEvent:
    """Record an event of the project."""
    owner = getattr(subject, "integration", subject)
    project = getattr(owner, "project", owner)
    with transaction.atomic():
        return audit.record(
            project=project, actor="user:dana", action=action, subject=subject, **data
        )


def dispatched(endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
    """Dispatch what there is and return the payloads, in order."""
    dispatching.dispatch(endpoint.pk)
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("sequence", "event_type")
    return [json.loads(row.payload) for row in rows]


CONNECTION_EVENTS = {
    "created": ("connection.created", {"status": "VALID"}, "connection.created"),
    "reauthorized": ("connection.reauthorized", {"status": "VALID"}, "connection.reauthorized"),
    "limited": ("connection.limited", {"status": "LIMITED"}, "connection.limited"),
    "needs_reauth": ("connection.invalid", {"reason": "needs_reauth"}, "connection.needs_reauth"),
    "rotation_lost": ("connection.invalid", {"reason": "rotation_lost"}, "connection.needs_reauth"),
    "client_rejected": (
        "connection.invalid",
        {"reason": "client_rejected"},
        "connection.client_rejected",
    ),
    "disconnected": ("connection.disconnecting", {}, "connection.disconnected"),
}


@pytest.mark.parametrize(
    ("action", "data", "type_"), CONNECTION_EVENTS.values(), ids=CONNECTION_EVENTS
)
def test_what_happens_to_a_connection_is_told(endpoint, connection, action, data, type_):
    event = record(connection, action, **data)
    (payload,) = dispatched(endpoint)
    assert payload["type"] == type_
    told = payload["data"]
    assert (told["project"], told["sequence"]) == (str(connection.project_id), event.sequence)
    assert (told["user"], told["organization"]) == ("dana", None)
    assert told["connection"]["id"] == str(connection.pk)
    assert told["connection"]["external_id"] == "left-hand"
    assert told["connection"]["reason"] == data.get("reason", "")


def test_the_status_is_the_one_at_that_moment(endpoint, connection):
    record(connection, "connection.created", status="VALID")
    record(connection, "connection.invalid", reason="needs_reauth")
    record(connection, "connection.disconnecting")
    Connection.objects.update(status="DISCONNECTED")
    told = [payload["data"]["connection"]["status"] for payload in dispatched(endpoint)]
    assert told == ["VALID", "INVALID", "DISCONNECTING"]


def test_no_payload_holds_a_secret_or_what_the_provider_said(endpoint, connection):
    Connection.objects.update(account_label="dana@private.example", provider_data={"x": "inner"})
    for action, data, _ in CONNECTION_EVENTS.values():
        record(connection, action, **data)
    record(connection.oauth_client, "client.updated", version=2, client_id="fake_ok")
    text = json.dumps(dispatched(endpoint))
    assert not any(word in text for word in (*SECRETS, "dana@private.example", "inner", "fake_ok"))


SILENT = (
    "connection.disconnected",
    "connection.refreshed",
    "connection.pending",
    "seal.broken",
    "project.changed",
    "client.created",
    "api_key.created",
    "webhook.created",
)


@pytest.mark.parametrize("action", SILENT)
def test_what_is_no_public_type_is_not_told(endpoint, connection, action):
    record(connection, action)
    record(connection.project, action)
    record(connection.oauth_client, action)
    assert dispatched(endpoint) == []
    endpoint.refresh_from_db()
    assert endpoint.cursor == endpoint.project.audit_head.sequence


def test_an_invalid_connection_for_a_reason_unknown_here_is_not_told(endpoint, connection):
    record(connection, "connection.invalid", reason="something_new")
    assert dispatched(endpoint) == []


FLOW_EVENTS = {
    "failed": ("flow.failed", {"code": "access_denied"}, "session.failed", "access_denied"),
    "refused": ("oauth.refused", {"code": "mixup_blocked"}, "session.failed", "mixup_blocked"),
    "abandoned": ("flow.abandoned", {}, "session.abandoned", "abandoned"),
    "cancelled": ("flow.cancelled", {}, "session.abandoned", "cancelled"),
    "expired": (
        "flow.expired",
        {"code": "confirmation_timeout"},
        "session.abandoned",
        "confirmation_timeout",
    ),
}


@pytest.fixture
def flow(provider, project):
    """Dana's flow, waiting to be taken further."""
    factories.make_integration(project)
    return trips.prepared(project).current_flow()


@pytest.mark.parametrize(("action", "data", "type_", "code"), FLOW_EVENTS.values(), ids=FLOW_EVENTS)
def test_how_a_flow_ends_is_told(flow, project, action, data, type_, code):
    endpoint = webhooks.create(project=project, url=URL, actor="test").endpoint
    record(flow, action, **data)
    (payload,) = dispatched(endpoint)
    assert payload["type"] == type_
    session = payload["data"]["session"]
    assert (session["flow"], session["code"], session["connection"]) == (str(flow.pk), code, None)


def test_a_finished_flow_is_told_with_its_connection(provider, project):
    factories.make_integration(project)
    endpoint = webhooks.create(project=project, url=URL, actor="test").endpoint
    trips.prepared(project).approve()
    payloads = dispatched(endpoint)
    assert [each["type"] for each in payloads] == ["connection.created", "session.completed"]
    made = Connection.objects.get()
    assert payloads[1]["data"]["session"]["connection"] == str(made.pk)
    assert payloads[0]["data"]["connection"]["scopes"] == made.scopes


def test_a_new_secret_of_a_client_is_told(endpoint, connection):
    record(connection.oauth_client, "client.updated", version=2)
    record(
        connection.oauth_client,
        "client.expiring",
        version=2,
        expires_on="2026-12-01",
        days_left=9,
    )
    rotated, expiring = dispatched(endpoint)
    assert (rotated["type"], expiring["type"]) == ("client.rotated", "client.expiring")
    client = expiring["data"]["client"]
    assert (client["secret_expires_on"], client["days_left"]) == ("2026-12-01", 9)
    assert client["owner"] == OAuthClient.Owner.END_USER


def test_only_the_types_asked_for_are_sent(endpoint, connection):
    types = ["connection.disconnected"]
    webhooks.change(endpoint=endpoint, url="", event_types=types, actor="test")
    record(connection, "connection.created", status="VALID")
    record(connection, "connection.disconnecting")
    assert [each["type"] for each in dispatched(endpoint)] == types


def test_another_projects_events_are_not_sent(endpoint):
    other = factories.make_project("Globex")
    factories.make_integration(other, "gmail")
    (integration,) = other.integrations.all()
    theirs = factories.make_connection(integration, factories.make_end_user(other))
    record(theirs, "connection.created", status="VALID")
    assert dispatched(endpoint) == []


def test_a_stopped_endpoint_gets_nothing(endpoint, connection):
    webhooks.stop(endpoint=endpoint, reason="off", actor="test")
    record(connection, "connection.disconnecting")
    assert dispatching.behind(10) == []
    assert dispatched(endpoint) == []


def test_the_same_event_has_the_same_id_for_every_endpoint_and_another_for_each_type(
    endpoint, project, connection
):
    other = webhooks.create(project=project, url=URL, actor="test").endpoint
    record(connection, "connection.disconnecting")
    record(connection, "connection.limited", status="LIMITED")
    dispatched(endpoint), dispatched(other)
    ids = list(WebhookDelivery.objects.values_list("message_id", flat=True))
    assert (len(ids), len(set(ids))) == (4, 2)


def test_a_worker_killed_after_writing_and_before_moving_on_doubles_nothing(endpoint, connection):
    record(connection, "connection.disconnecting")
    before = endpoint.cursor
    dispatched(endpoint)
    WebhookEndpoint.objects.update(cursor=before)
    dispatched(endpoint)
    assert WebhookDelivery.objects.count() == 1


def test_an_event_goes_where_its_change_goes(endpoint, connection):
    def fail() -> None:
        with transaction.atomic():
            record(connection, "connection.disconnecting")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert dispatching.behind(10) == []
    assert dispatched(endpoint) == []


def test_a_long_backlog_is_taken_in_pieces(endpoint, connection, monkeypatch):
    monkeypatch.setattr(dispatching, "EVENTS_AT_ONCE", 3)
    for _ in range(7):
        record(connection, "connection.disconnecting")
    taken = [dispatching.dispatch(endpoint.pk) for _ in range(4)]
    assert taken == [3, 3, 1, 0]
    assert WebhookDelivery.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_make_one_delivery_of_each_event():
    project = factories.make_project()
    factories.make_integration(project, "gmail")
    (integration,) = project.integrations.all()
    connection = factories.make_connection(integration, factories.make_end_user(project))
    endpoint = webhooks.create(project=project, url=URL, actor="test").endpoint
    for _ in range(5):
        record(connection, "connection.disconnecting")
    found = threads.at_once(6, lambda: dispatching.dispatch(endpoint.pk))
    assert sum(found) == 5
    assert WebhookDelivery.objects.count() == 5
