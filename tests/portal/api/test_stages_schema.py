"""The committed JSON schema of headless stages: up to date, and true of what the API answers."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from integrations.models import Connection, Flow
from tests import factories, stages_schema
from tests.portal.visits import ENTERED, OWN, Headless

pytestmark = pytest.mark.django_db
COMMITTED = json.loads(stages_schema.SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = jsonschema_rs.validator_for(COMMITTED)


@pytest.fixture
def host(project) -> Headless:
    """A page of the vendor that draws its own form for Dana."""
    return Headless(project)


def stage_of(step: dict[str, Any]) -> str:
    """Return the stage of a step that the schema allows."""
    VALIDATOR.validate(step)
    return str(step["stage"])


def test_the_schema_is_that_of_the_api():
    assert stages_schema.schema() == COMMITTED


def test_every_stage_up_to_the_provider_is_described(host):
    step = host.begin(account_type=["default", OWN])
    assert stage_of(step) == "accountType"
    step = host.step("account-type", {"account_type": OWN}).json()
    assert stage_of(step) == "preOptions"
    assert step["instruction"]["content"].startswith("1. ")
    address = step["redirect_url"]
    assert address in step["instruction"]["content"]
    assert {"label": "Copy redirect URL", "copy_text": address}.items() <= step["instruction"][
        "ctas"
    ][-1].items()
    step = host.step("pre-options", ENTERED).json()
    assert stage_of(step) == "oauth"
    assert step["instruction"] is None
    assert stage_of(host.step("cancel").json()) == "done"


def test_a_choice_after_the_approval_is_described(host):
    flow = Flow.objects.get(pk=host.begin()["id"])
    sites = [{"id": "a", "label": "Acme", "hint": "https://acme.example"}]
    connection = factories.make_connection(
        flow.integration, flow.end_user, status=Connection.Status.PENDING, post_options=sites
    )
    Flow.objects.filter(pk=flow.pk).update(status="NEEDS_OPTIONS", connection=connection)
    assert stage_of(host.begin()) == "postOptions"
    answer = host.step("post-options", {"post_option": "a"})
    assert stage_of(answer.json()) == "done"


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "nowhere"},
        {"stage": "done"},
        {"inputs": [{"name": "client_secret", "type": "password", "value": "leaked"}]},
        {"start_ticket": "a ticket before its time"},
        {"instruction": {"content": 1}},
    ],
)
def test_the_schema_refuses_what_the_api_must_not_answer(host, change):
    assert not VALIDATOR.is_valid(host.begin() | change)
