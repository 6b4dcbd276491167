"""The day a secret ends, in flows without our pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.models import ClientVersion
from tests import factories
from tests.portal.visits import ENTERED, Headless

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date()
DAY = (TODAY + timedelta(days=90)).isoformat()
FIELD = "secret_expires_on"


@pytest.fixture
def host(db: None) -> Headless:
    """A page of the vendor, before the form of a provider whose secrets end."""
    project = factories.make_project()
    for slug in ("outlook", "gmail"):
        factories.make_integration(project, slug)
    made = Headless(project)
    made.begin(integration="outlook")
    return made


def asked(step: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item for item in step["inputs"]}


def stored() -> str:
    end = ClientVersion.objects.latest("number").secret_expires_on
    return end.isoformat() if end else ""


def test_the_input_is_described(host):
    assert asked(host.begin(integration="outlook"))[FIELD] == {
        "type": "text",
        "name": FIELD,
        "title": "Expires on",
        "help": "If your secret has a last day, we remind Acme CRM before it.",
        "required": False,
        "value": "",
        "placeholder": "2027-03-14",
        "prefix": "",
        "suffix": "",
    }


def test_it_is_not_asked_for_where_secrets_do_not_end(host):
    assert FIELD not in asked(host.begin(integration="gmail"))


@pytest.mark.parametrize("day", [DAY, ""])
def test_it_is_stored(host, day):
    assert host.step("pre-options", {**ENTERED, FIELD: day}).status_code == 200
    assert stored() == day


def test_left_out_it_stays_with_its_secret_and_goes_with_another(host):
    host.step("pre-options", {**ENTERED, FIELD: DAY})
    assert host.step("pre-options", {"client_id": "fake_ok"}).status_code == 200
    assert stored() == DAY
    assert host.step("pre-options", {**ENTERED, "client_secret": "another"}).status_code == 200
    assert stored() == ""


def test_empty_it_is_taken_from_a_kept_secret(host):
    host.step("pre-options", {**ENTERED, FIELD: DAY})
    assert host.step("pre-options", {"client_id": "fake_ok", FIELD: ""}).status_code == 200
    assert stored() == ""


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("tomorrow", "invalid"),
        ("2027-02-30", "invalid"),
        ("2001-01-01", "past"),
        ((TODAY + timedelta(days=732)).isoformat(), "too_far"),
    ],
)
def test_no_good_day_is_refused_at_its_field(host, typed, code):
    answer = host.step("pre-options", {**ENTERED, FIELD: typed})
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(FIELD, code)]
    assert not ClientVersion.objects.exists()
    assert asked(host.begin(integration="outlook"))[FIELD]["value"] == typed


@pytest.mark.parametrize("typed", [20270314, ["2027-03-14"], True])
def test_what_is_no_text_is_refused(host, typed):
    assert host.step("pre-options", {**ENTERED, FIELD: typed}).status_code == 400
    assert not ClientVersion.objects.exists()
