"""The user API takes each text as the own-client form does, with the code of the table."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.models import ClientVersion, Flow, Project
from tests import stored
from tests.bad_inputs.doors import Door
from tests.bad_inputs.values import Value, values_at
from tests.portal.visits import Headless

pytestmark = pytest.mark.django_db
ROWS = values_at(Door.USER_API)
SECRET = "canary-of-the-api"


@pytest.fixture
def page(project: Project) -> Headless:
    """A page of the vendor whose flow asks for a client."""
    made = Headless(project)
    made.begin(integration="zendesk")
    return made


def body(value: Value) -> dict[str, Any]:
    good = {
        "client_id": "fake_ok",
        "client_secret": SECRET,
        "settings": {"subdomain": value.text if value.field == "subdomain" else "acme"},
        "scopes": [value.text if value.field == "scopes" else "read"],
    }
    return {**good, value.field: value.text} if value.field.startswith("client") else good


@pytest.mark.parametrize("row", ROWS)
def test_a_text_is_taken_as_the_table_says(page, provider, row):
    for value in ROWS[row]:
        before = stored.rows(*stored.KEPT)
        answer = page.step("pre-options", body(value))
        assert SECRET not in answer.content.decode()
        if value.code:
            assert_refused(answer, value)
            assert stored.rows(*stored.KEPT) == before
        else:
            assert answer.status_code == 200, (value, answer.content)
            assert kept_by(value.field) == value.kept
    assert provider.requests("token") == []


def assert_refused(answer: Any, value: Value) -> None:
    """Check that the field is named with its code, and a secret not repeated."""
    (error,) = answer.json()["errors"]
    assert answer.status_code == (400 if value.unusable else 422), value
    assert error["code"] == ("invalid" if value.unusable else value.code), (value, error)
    assert error["field"].split(".")[-1] == value.field
    if value.field == "client_secret" and value.text.strip():
        assert value.text not in answer.json()["errors"][0]["message"]


def kept_by(field: str) -> str:
    if field == "scopes":
        return " ".join(Flow.objects.get().scopes)
    version = ClientVersion.objects.latest("number")
    if field == "client_secret":
        return version.open_required("client_secret").reveal()
    return version.settings["subdomain"] if field == "subdomain" else version.client_id
