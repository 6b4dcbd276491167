"""docs/webhooks.md is the contract: what is sent has the forms and the types it describes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.db import transaction

from integrations import audit, dispatching, webhooks
from integrations.models import AuditEvent, Connection, WebhookDelivery
from tests import factories, trips

pytestmark = pytest.mark.django_db

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "webhooks.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
SCHEMAS = {block["$id"]: block for block in BLOCKS if "$id" in block}
TYPES = dict(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| `([a-z]+)` \|", TEXT, re.MULTILINE))
ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "connection.created": ("connection.created", {"status": "VALID"}),
    "connection.reauthorized": ("connection.reauthorized", {"status": "VALID"}),
    "connection.limited": ("connection.limited", {"status": "LIMITED"}),
    "connection.needs_reauth": ("connection.invalid", {"reason": "rotation_lost"}),
    "connection.client_rejected": ("connection.invalid", {"reason": "client_rejected"}),
    "connection.disconnected": ("connection.disconnecting", {}),
    "client.expiring": (
        "client.expiring",
        {"version": 1, "expires_on": "2026-12-01", "days_left": 9},
    ),
    "client.rotated": ("client.updated", {"version": 2, "client_id": "fake_ok"}),
    "handoff.sent": ("handoff.sent", {"hand_off": "x"}),
    "handoff.completed": ("handoff.completed", {"hand_off": "x", "version": 1}),
    "flow.problem_reported": (
        "flow.problem_reported",
        {"seen": "redirect_uri_mismatch", "field": "redirect_uri"},
    ),
    "session.failed": ("flow.failed", {"code": "access_denied"}),
    "session.abandoned": ("flow.abandoned", {}),
}


def validate(kind: str, data: Any) -> None:
    """Raise ValidationError unless the data has the documented form."""
    jsonschema_rs.validator_for(SCHEMAS[kind], validate_formats=True).validate(data)


@pytest.fixture
def sent(provider) -> list[dict[str, Any]]:
    """A message of every type."""
    project = factories.make_project()
    factories.make_integration(project)
    endpoint = webhooks.create(project=project, url="https://a.example/", actor="test").endpoint
    person = trips.prepared(project)
    person.approve()
    connection, flow = Connection.objects.get(), person.current_flow()
    subjects = {"connection": connection, "client": connection.oauth_client, "session": flow}
    subjects |= {"handoff": connection.oauth_client, "flow": flow}
    for type_, (action, data) in ACTIONS.items():
        subject: Any = subjects[type_.split(".")[0]]
        with transaction.atomic():
            audit.record(project=project, actor="test", action=action, subject=subject, **data)
    while dispatching.dispatch(endpoint.pk):
        pass
    return [json.loads(row.payload) for row in WebhookDelivery.objects.order_by("sequence")]


def test_the_documentation_names_every_type_and_no_other() -> None:
    assert sorted(TYPES) == sorted(webhooks.EVENT_TYPES)
    assert set(TYPES.values()) == set(SCHEMAS)


def test_every_type_is_sent_in_its_documented_form(sent) -> None:
    assert {message["type"] for message in sent} == set(webhooks.EVENT_TYPES)
    for message in sent:
        assert set(message) == {"type", "timestamp", "data"}
        validate(TYPES[message["type"]], message["data"])


def test_the_example_has_the_documented_form() -> None:
    (example,) = (block for block in BLOCKS if "type" in block and "data" in block)
    validate(TYPES[example["type"]], example["data"])


@pytest.mark.parametrize(
    "change", [{"access_token": "x"}, {"user": 5}, {"sequence": 0}, {"project": "acme"}], ids=str
)
def test_another_form_is_not_taken_for_it(sent, change) -> None:
    data = {**sent[0]["data"], **change}
    with pytest.raises(jsonschema_rs.ValidationError):
        validate("connection", data)


def test_the_time_is_the_events(sent) -> None:
    event = AuditEvent.objects.get(sequence=sent[0]["data"]["sequence"])
    assert sent[0]["timestamp"].startswith(f"{event.at:%Y-%m-%dT%H:%M:%S.%f}")
