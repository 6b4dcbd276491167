"""The audit log is the outbox: its events become deliveries, in order, for each endpoint.

A change and its event are one transaction and the sequence of a project has no gaps, so a cursor
per endpoint is all it takes: no event is missed, and none becomes a delivery twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.models import (
    AuditEvent,
    Connection,
    EndUser,
    Flow,
    OAuthClient,
    WebhookDelivery,
    WebhookEndpoint,
)
from integrations.webhooks import GIVE_UP

EVENTS_AT_ONCE = 200
CONNECTED = ("connection.created", "connection.reauthorized")
REPORTED = "flow.problem_reported"
INVALID = {
    "needs_reauth": "connection.needs_reauth",
    "rotation_lost": "connection.needs_reauth",
    "client_rejected": "connection.client_rejected",
}
SESSIONS = {
    "flow.failed": "session.failed",
    "oauth.refused": "session.failed",
    "flow.abandoned": "session.abandoned",
    "flow.cancelled": "session.abandoned",
    "flow.expired": "session.abandoned",
}
CLIENTS = {
    "client.updated": "client.rotated",
    "client.rotated": "client.rotated",
    "client.expiring": "client.expiring",
    "handoff.sent": "handoff.sent",
    "handoff.completed": "handoff.completed",
}
# The vendor has to know when no more tokens are handed out; ending the grant may take a day.
CONNECTIONS = {
    **{action: action for action in CONNECTED},
    "connection.limited": "connection.limited",
    "connection.disconnecting": "connection.disconnected",
}


@dataclass(frozen=True)
class Rows:
    """What a batch of events speaks of, by id."""

    connections: Mapping[str, Connection]
    flows: Mapping[str, Flow]
    clients: Mapping[str, OAuthClient]


@dataclass(frozen=True)
class Message:
    """What one event says to the vendor; `subject` names what must stay in order."""

    type: str
    subject: str
    data: Mapping[str, Any]


def behind(limit: int) -> list[UUID]:
    """Return endpoints that have not seen all events of their project."""
    rows = WebhookEndpoint.objects.filter(
        is_active=True, project__audit_head__sequence__gt=F("cursor")
    )
    return list(rows.order_by("?").values_list("pk", flat=True)[:limit])


def dispatch(endpoint_id: UUID | str) -> int:
    """Turn an endpoint's next events into deliveries. Returns how many events were looked at."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, is_active=True).first()
    if endpoint is None:
        return 0
    events = list(
        AuditEvent.objects.filter(
            project=endpoint.project_id,
            sequence__gt=endpoint.cursor,
            sequence__lte=endpoint.cursor + EVENTS_AT_ONCE,
        ).order_by("sequence")
    )
    if not events:
        return 0
    deliveries = list(_deliveries(endpoint, events))
    with transaction.atomic():
        # Compared and swapped: of two workers that read the same events, one moves the cursor.
        moved = WebhookEndpoint.objects.filter(
            pk=endpoint.pk, cursor=endpoint.cursor, is_active=True
        ).update(cursor=events[-1].sequence)
        if not moved:
            return 0
        WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    return len(events)


def messages(event: AuditEvent, rows: Rows) -> Iterator[Message]:
    """Yield what an event means to the vendor: nothing, one message or several."""
    if (connection := rows.connections.get(event.object_id)) is not None:
        if kind := _connection_type(event):
            yield Message(kind, event.object_id, _connection_data(connection, event))
        if event.action in CONNECTED and (flow := rows.flows.get(event.data.get("flow", ""))):
            data = _session_data(flow, code="", connection=event.object_id)
            yield Message("session.completed", str(flow.pk), data)
    elif (flow := rows.flows.get(event.object_id)) is not None and event.action in SESSIONS:
        code = event.data.get("code") or event.action.removeprefix("flow.")
        data = _session_data(flow, code=code, connection=None)
        yield Message(SESSIONS[event.action], event.object_id, data)
    elif flow is not None and event.action == REPORTED:
        data = _session_data(flow, code="", connection=None)
        told = {name: event.data.get(name, "") for name in ("seen", "field")}
        yield Message(REPORTED, event.object_id, {**data, "problem": told})
    elif (client := rows.clients.get(event.object_id)) is not None and event.action in CLIENTS:
        yield Message(CLIENTS[event.action], event.object_id, _client_data(client, event))


def _connection_type(event: AuditEvent) -> str:
    if event.action == "connection.invalid":
        return INVALID.get(event.data.get("reason", ""), "")
    return CONNECTIONS.get(event.action, "")


def _deliveries(endpoint: WebhookEndpoint, events: list[AuditEvent]) -> Iterator[WebhookDelivery]:
    rows, now = _rows(events), timezone.now()
    for event in events:
        for message in messages(event, rows):
            if endpoint.event_types and message.type not in endpoint.event_types:
                continue
            yield WebhookDelivery(
                endpoint=endpoint,
                event=event,
                event_type=message.type,
                message_id=f"msg_{uuid5(event.pk, message.type).hex}",
                sequence=event.sequence,
                subject=message.subject,
                payload=_payload(event, message),
                next_at=now,
                give_up_at=now + GIVE_UP,
            )


def _payload(event: AuditEvent, message: Message) -> str:
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    shared = {"project": str(event.project_id), "sequence": event.sequence}
    document = {"type": message.type, "timestamp": at, "data": {**shared, **message.data}}
    return json.dumps(document, separators=(",", ":"))


def _rows(events: Iterable[AuditEvent]) -> Rows:
    of_kind: dict[str, set[str]] = {"connection": set(), "flow": set(), "oauthclient": set()}
    for event in events:
        of_kind.setdefault(event.object_type, set()).add(event.object_id)
        if event.action in CONNECTED and event.data.get("flow"):
            of_kind["flow"].add(event.data["flow"])
    people = ("end_user__organization", "integration")
    connections = Connection.objects.select_related(*people)
    flows = Flow.objects.select_related(*people)
    clients = OAuthClient.objects.select_related(*people, "organization")
    return Rows(
        {str(row.pk): row for row in connections.filter(pk__in=of_kind["connection"])},
        {str(row.pk): row for row in flows.filter(pk__in=of_kind["flow"])},
        {str(row.pk): row for row in clients.filter(pk__in=of_kind["oauthclient"])},
    )


def _connection_data(row: Connection, event: AuditEvent) -> dict[str, Any]:
    # Status and reason are those of the event; the row may have moved on.
    status = event.data.get("status")
    if event.action == "connection.invalid":
        status = Connection.Status.INVALID
    elif event.action == "connection.disconnecting":
        status = Connection.Status.DISCONNECTING
    return {
        "connection": {
            "id": str(row.pk),
            "integration": row.integration.slug,
            "account_type": row.account_type,
            "external_id": row.external_id,
            "status": str(status or row.status),
            "reason": event.data.get("reason", "") if event.action == "connection.invalid" else "",
            "scopes": row.scopes,
            "missing_scopes": row.missing_scopes,
        },
        **_person(row.end_user),
    }


def _session_data(row: Flow, *, code: str, connection: str | None) -> dict[str, Any]:
    return {
        "session": {
            "flow": str(row.pk),
            "integration": row.integration.slug,
            "account_type": row.account_type,
            "external_id": row.external_id,
            "code": code,
            "connection": connection or (str(row.connection_id) if row.connection_id else None),
        },
        **_person(row.end_user),
    }


def _client_data(row: OAuthClient, event: AuditEvent) -> dict[str, Any]:
    return {
        "client": {
            "id": str(row.pk),
            "integration": row.integration.slug,
            "owner": row.owner,
            "version": event.data.get("version"),
            "secret_expires_on": event.data.get("expires_on"),
            "days_left": event.data.get("days_left"),
        },
        **_person(row.end_user, organization=row.organization),
    }


def _person(user: EndUser | None, *, organization: Any = None) -> dict[str, Any]:
    organization = organization or (user.organization if user else None)
    return {
        "user": user.external_id if user else None,
        "organization": organization.external_id if organization else None,
    }
