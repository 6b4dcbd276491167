"""An import takes each text as the own-client form does; a bad row keeps no other out."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.models import Connection, Credential, Project
from tests import stored
from tests.bad_inputs.doors import Door
from tests.bad_inputs.values import Value, values_at
from tests.portal.api.conftest import Caller, vendor_of

pytestmark = pytest.mark.django_db
ROWS = values_at(Door.IMPORT)
SECRET = "canary-of-the-import"
APP = {"client_id": "fake_ok", "client_secret": SECRET}
PLACES = {
    "client_id": "client.client_id",
    "client_secret": "client.client_secret",
    "subdomain": "client.settings.subdomain",
    "scopes": "scopes",
    "name": "account_label",
}


@pytest.fixture
def vendor(project: Project) -> Caller:
    """The backend of the project."""
    return vendor_of(project)


def item(value: Value, number: int) -> dict[str, Any]:
    """Return a row that is good but for the value."""
    client: dict[str, Any] = {**APP, "settings": {"subdomain": "acme"}}
    row: dict[str, Any] = {
        "user": "dana",
        "integration": "zendesk",
        "account_type": "user-configured-oauth",
        "account_id": f"account-{number}",
        "refresh_token": f"refresh-token-{number}",
        "scopes": ["read"],
        "client": client,
    }
    if value.field == "subdomain":
        client["settings"] = {"subdomain": value.text}
    elif value.field in client:
        client[value.field] = value.text
    elif value.field == "scopes":
        row["scopes"] = [value.text]
    else:
        row["account_label"] = value.text
    return row


@pytest.mark.parametrize("row", ROWS)
def test_a_text_is_taken_as_the_table_says(vendor, provider, row):
    for number, value in enumerate(ROWS[row]):
        before = stored.rows(*stored.KEPT)
        answer = vendor("POST", "/v1/connections/import", {"rows": [item(value, number)]})
        assert SECRET not in answer.content.decode()
        if value.unusable:
            (error,) = answer.json()["errors"]
            assert (answer.status_code, error["field"]) == (400, f"rows.{PLACES[value.field]}")
        elif value.code:
            (result,) = answer.json()["rows"]
            (error,) = result["errors"]
            found = (result["status"], error["field"], error["code"])
            assert found == ("refused", PLACES[value.field], value.code), value
        else:
            (result,) = answer.json()["rows"]
            assert result["status"] == "imported", (value, result)
            assert kept_by(result["connection_id"], value.field) == value.kept
            continue
        assert stored.rows(*stored.KEPT) == before
    assert provider.requests("token") == []


def kept_by(connection_id: str, field: str) -> str:
    connection = Connection.objects.get(pk=connection_id)
    version = Credential.objects.get(pk=connection_id).client_version
    if field == "client_secret":
        return version.open_required("client_secret").reveal()
    return {
        "client_id": version.client_id,
        "subdomain": version.settings["subdomain"],
        "scopes": " ".join(connection.scopes),
        "name": connection.account_label,
    }[field]
