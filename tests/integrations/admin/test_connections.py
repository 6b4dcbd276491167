"""Connections: found, filtered, disconnected; tokens are nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from integrations.models import AuditEvent, Connection, Credential, Integration, Organization
from integrations.models.projects import OWN_CLIENT
from tests.factories import Tokens, make_connection, make_end_user
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db
Status = Connection.Status
TOKENS = Tokens(access="canary-access-token", refresh="canary-refresh-token")


@pytest.fixture
def connection(gmail: Integration) -> Connection:
    end_user = make_end_user(gmail.project)
    return make_connection(gmail, end_user, tokens=TOKENS, account_label="dana@gmail.test")


def make(integration: Integration, name: str, **fields: Any) -> Connection:
    end_user = make_end_user(integration.project, name)
    account_type = fields.pop("account_type", OWN_CLIENT)
    label = f"{name}@mail.test"
    connection = make_connection(integration, end_user, account_label=label, **fields)
    Connection.objects.filter(pk=connection.pk).update(account_type=account_type)
    return connection


def listed(client: Client, **query: str) -> set[str]:
    answer = client.get(url("connection_changelist"), query)
    assert answer.status_code == 200
    return {row.end_user.external_id for row in answer.context["cl"].result_list}


@pytest.fixture
def every_state(gmail: Integration) -> None:
    make(gmail, "valid")
    make(gmail, "pending", status=Status.PENDING)
    make(gmail, "limited", status=Status.LIMITED, missing_scopes=["mail.send"])
    make(gmail, "invalid", status=Status.INVALID, reason="needs_reauth")
    make(gmail, "gone", status=Status.DISCONNECTED)
    make(gmail, "vendor", account_type="default")


@pytest.mark.usefixtures("every_state")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"valid", "pending", "limited", "invalid", "vendor"}),
        ({"status": "attention"}, {"pending", "limited", "invalid"}),
        ({"status": "all"}, {"valid", "pending", "limited", "invalid", "gone", "vendor"}),
        ({"status": "DISCONNECTED"}, {"gone"}),
        ({"status": "LIMITED"}, {"limited"}),
        ({"missing": "yes"}, {"limited"}),
        ({"missing": "no"}, {"valid", "pending", "invalid", "vendor"}),
        ({"app": "default"}, {"vendor"}),
        ({"q": "limited@mail.test"}, {"limited"}),
        ({"q": "invalid"}, {"invalid"}),
        ({"q": "nobody"}, set()),
    ],
)
def test_the_list_is_filtered(admin_client: Client, query: dict[str, str], found: set[str]) -> None:
    assert listed(admin_client, **query) == found


def test_a_connection_is_found_by_its_id(admin_client: Client, connection: Connection) -> None:
    assert listed(admin_client, q=str(connection.pk)) == {"dana"}


@pytest.mark.parametrize("page", ["connection_changelist", "connection_change"])
def test_no_page_shows_a_token(admin_client: Client, connection: Connection, page: str) -> None:
    Connection.objects.update(provider_data={"team.id": "T-provider-data"})
    args = [connection.pk] if page.endswith("change") else []
    shown = admin_client.get(url(page, *args)).content.decode()
    assert "dana@gmail.test" in shown
    for hidden in ("canary-access-token", "canary-refresh-token", "T-provider-data"):
        assert hidden not in shown


def test_the_page_lists_what_happened(admin_client: Client, connection: Connection) -> None:
    admin_client.post(url("connection_disconnect", connection.pk))
    shown = admin_client.get(url("connection_change", connection.pk)).content.decode()
    assert "connection.disconnecting by admin:admin" in shown


def test_text_of_others_cannot_turn_its_surroundings(
    admin_client: Client, gmail: Integration
) -> None:
    connection = make(gmail, "evil")
    Connection.objects.update(account_label="\u202egpj.exe<script>alert(1)</script>")
    for page in (url("connection_changelist"), url("connection_change", connection.pk)):
        shown = admin_client.get(page).content.decode()
        assert "<bdi>\u202egpj.exe&lt;script&gt;" in shown
        assert "<script>alert" not in shown


def test_disconnecting_asks_first(admin_client: Client, connection: Connection) -> None:
    shown = admin_client.get(url("connection_disconnect", connection.pk)).content.decode()
    assert "Its tokens are erased now" in shown
    connection.refresh_from_db()
    assert connection.status == Status.VALID


def test_disconnecting_erases_the_tokens_and_is_recorded(
    admin_client: Client, connection: Connection
) -> None:
    answer = admin_client.post(url("connection_disconnect", connection.pk), follow=True)
    assert "was disconnected" in answer.content.decode()
    connection.refresh_from_db()
    assert connection.status == Status.DISCONNECTING
    assert not Credential.objects.filter(pk=connection.pk).exists()
    event = AuditEvent.objects.filter(action="connection.disconnecting").get()
    assert (event.actor, event.object_id) == ("admin:admin", str(connection.pk))


def test_disconnecting_twice_is_one_event(admin_client: Client, connection: Connection) -> None:
    page = url("connection_disconnect", connection.pk)
    admin_client.post(page)
    answer = admin_client.post(page, follow=True)
    assert "disconnected already" in answer.content.decode()
    assert AuditEvent.objects.filter(action="connection.disconnecting").count() == 1


def test_a_disconnected_connection_offers_no_button(
    admin_client: Client, connection: Connection
) -> None:
    page = url("connection_change", connection.pk)
    button = url("connection_disconnect", connection.pk)
    assert button in admin_client.get(page).content.decode()
    admin_client.post(button)
    assert button not in admin_client.get(page).content.decode()


def test_a_viewer_disconnects_nothing(viewer_client: Client, connection: Connection) -> None:
    page = url("connection_change", connection.pk)
    button = url("connection_disconnect", connection.pk)
    assert button not in viewer_client.get(page).content.decode()
    assert viewer_client.post(button).status_code == 403
    connection.refresh_from_db()
    assert connection.status == Status.VALID


def test_an_unknown_connection_is_not_found(admin_client: Client, gmail: Integration) -> None:
    assert admin_client.post(url("connection_disconnect", gmail.pk)).status_code == 404


def test_the_list_asks_as_many_questions_for_many_rows_as_for_few(
    admin_client: Client, gmail: Integration, django_assert_max_num_queries: Any
) -> None:
    organization = Organization.objects.create(project=gmail.project, external_id="globex")
    for number in range(12):
        connection = make(gmail, f"user-{number}")
        connection.end_user.organization = organization
        connection.end_user.save()
    with django_assert_max_num_queries(14):
        assert len(listed(admin_client)) == 12
