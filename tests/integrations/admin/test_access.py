"""Who gets in, what can only be looked at, and what is not there at all."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from integrations import clients
from integrations.admin.base import COUNTED_ROWS, BoundedPaginator
from integrations.models import (
    ApiKey,
    AuditEvent,
    AuthorizationRequest,
    ClientVersion,
    Credential,
    Flow,
    Integration,
    PortalSession,
    Project,
)
from integrations.secret import digest
from tests.factories import make_connection, make_end_user
from tests.integrations.admin.pages import project_form, url

pytestmark = pytest.mark.django_db
READ_ONLY = ("oauthclient", "connection", "auditevent", "enduser", "organization", "flow")
LISTS = (*READ_ONLY, "project", "integration")


@pytest.fixture
def flow(gmail: Integration) -> Flow:
    end_user = make_end_user(gmail.project)
    connection = make_connection(gmail, end_user)
    now = connection.created_at
    session = PortalSession.objects.create(
        handle_hash=digest("handle"),
        project=gmail.project,
        end_user=end_user,
        signing_key=gmail.project.signing_keys.get(),
        origin="http://acme.localhost:8001",
        display="embed",
        last_seen_at=now,
        expires_at=now,
    )
    return Flow.objects.create(
        project=gmail.project,
        session=session,
        end_user=end_user,
        integration=gmail,
        account_type="user-configured-oauth",
        status="FAILED",
        error_code="access_denied",
        draft={"client_id": "typed-by-the-user"},
        oauth_client=connection.oauth_client,
        connection=connection,
    )


@pytest.mark.parametrize("model", LISTS)
def test_strangers_are_sent_to_the_login(client: Client, model: str) -> None:
    page = url(f"{model}_changelist")
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer["Location"] == f"/admin/login/?next={page}"


@pytest.mark.parametrize("model", LISTS)
def test_people_who_are_not_staff_are_sent_to_the_login(client: Client, model: str) -> None:
    client.force_login(User.objects.create_user("eve"))
    assert client.get(url(f"{model}_changelist")).status_code == 302


@pytest.mark.parametrize("name", ["project_api_key_add", "project_signing_key_add"])
def test_strangers_make_no_keys(client: Client, project: Project, name: str) -> None:
    answer = client.post(url(name, project.pk), {"name": "mine"})
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("model", LISTS)
def test_staff_without_the_right_are_refused(client: Client, model: str) -> None:
    client.force_login(User.objects.create_user("ivan", is_staff=True))
    assert client.get(url(f"{model}_changelist")).status_code == 403


@pytest.mark.parametrize("model", [Credential, AuthorizationRequest, PortalSession, ClientVersion])
def test_what_holds_secrets_has_no_page(model: Any) -> None:
    assert not admin.site.is_registered(model)


@pytest.mark.parametrize("model", LISTS)
def test_every_list_and_page_opens(admin_client: Client, flow: Flow, model: str) -> None:
    answer = admin_client.get(url(f"{model}_changelist"))
    assert answer.status_code == 200
    for row in answer.context["cl"].result_list:
        assert admin_client.get(url(f"{model}_change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_every_list_can_be_searched(admin_client: Client, flow: Flow, model: str) -> None:
    for text in ("dana", str(flow.pk), "' OR 1=1 --", "\x00"):
        assert admin_client.get(url(f"{model}_changelist"), {"q": text}).status_code in (200, 302)


@pytest.mark.parametrize("model", READ_ONLY)
def test_nothing_is_added_changed_or_deleted(admin_client: Client, flow: Flow, model: str) -> None:
    answer = admin_client.get(url(f"{model}_changelist"))
    pk = next((row.pk for row in answer.context["cl"].result_list), uuid.uuid4())
    pages = [url(f"{model}_add"), url(f"{model}_delete", pk)]
    assert [admin_client.post(page, {"post": "yes"}).status_code for page in pages] == [403, 403]
    assert admin_client.post(url(f"{model}_change", pk), {}).status_code in (302, 403)


def test_an_event_cannot_be_forged_through_its_page(admin_client: Client, project: Project) -> None:
    event = AuditEvent.objects.get(project=project)
    answer = admin_client.post(url("auditevent_change", event.pk), {"action": "nothing.happened"})
    assert answer.status_code == 403
    event.refresh_from_db()
    assert event.action == "project.created"


def test_an_event_links_to_what_it_is_about(admin_client: Client, project: Project) -> None:
    shown = admin_client.get(url("auditevent_changelist")).content.decode()
    assert url("project_change", project.pk) in shown


@pytest.mark.parametrize("query", ["by=%00", "about=%00", "by=nobody", "about=nothing"])
def test_a_filter_that_is_not_offered_chooses_nothing(admin_client: Client, query: str) -> None:
    assert admin_client.get(f"{url('auditevent_changelist')}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "found"), [({"by": "system"}, 1), ({"by": "user:"}, 0), ({"about": "project"}, 1)]
)
def test_events_are_filtered(
    admin_client: Client, project: Project, query: dict[str, str], found: int
) -> None:
    answer = admin_client.get(url("auditevent_changelist"), query)
    assert len(answer.context["cl"].result_list) == found


def test_a_flow_shows_its_stages_and_not_what_was_typed(admin_client: Client, flow: Flow) -> None:
    shown = admin_client.get(url("flow_change", flow.pk)).content.decode()
    assert "The flow was opened" in shown
    assert "Last change: Failed with access_denied" in shown
    assert "typed-by-the-user" not in shown


def test_pages_lead_to_the_connections_of_one_thing(admin_client: Client, flow: Flow) -> None:
    connection = flow.connection
    assert connection
    others = make_connection(flow.integration, make_end_user(flow.project, "someone-else"))
    pages = [
        url("enduser_change", connection.end_user_id),
        url("oauthclient_change", connection.oauth_client_id),
    ]
    for page in pages:
        links = re.findall(
            r'href="([^"]*/connection/\?[^"]+)"', admin_client.get(page).content.decode()
        )
        assert len(links) == 1
        rows = admin_client.get(links[0]).context["cl"].result_list
        assert [row.pk for row in rows] == [connection.pk]
        assert others.pk != connection.pk


def test_keys_cannot_be_forged_through_the_project_page(
    admin_client: Client, project: Project
) -> None:
    form = project_form(project)
    for prefix, values in (
        ("api_keys", {"name": "mine", "key_hash": digest("mine"), "prefix": "cp_live_mine"}),
        ("signing_keys", {"kid": "mine", "alg": "RS256", "public_key": "mine"}),
        ("integrations", {"slug": "mine", "provider_slug": "gmail"}),
    ):
        form[f"{prefix}-TOTAL_FORMS"] = 1
        form |= {f"{prefix}-0-{name}": value for name, value in values.items()}
    admin_client.post(url("project_change", project.pk), form)
    assert not ApiKey.objects.exists()
    assert project.signing_keys.count() == 1
    assert not project.integrations.exists()


def test_pages_carry_no_inline_script_or_style(admin_client: Client, flow: Flow) -> None:
    pages = [
        url("project_change", flow.project_id),
        url("project_signing_key_add", flow.project_id),
        url("integration_change", flow.integration_id),
        url("connection_change", flow.connection_id),
        url("connection_disconnect", flow.connection_id),
        url("flow_change", flow.pk),
    ]
    for page in pages:
        shown = admin_client.get(page).content.decode()
        assert " style=" not in shown
        assert "<style" not in shown
        assert all(
            " src=" in tag for tag in shown.split("<script")[1:] if "application/json" not in tag
        )


def test_an_admin_page_cannot_be_framed(admin_client: Client, project: Project) -> None:
    answer = admin_client.get(url("project_change", project.pk))
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_a_count_stops_at_its_bound() -> None:
    class Rows:
        def __getitem__(self, part: slice) -> Any:
            self.stop = part.stop
            return self

        def count(self) -> int:
            return int(self.stop)

    assert BoundedPaginator(Rows(), 50).count == COUNTED_ROWS


def test_slots_are_never_deleted(admin_client: Client, gmail: Integration) -> None:
    slot = clients.vendor_client(gmail)
    assert admin_client.post(url("oauthclient_delete", slot.pk), {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": str(slot.pk), "post": "yes"}
    admin_client.post(url("oauthclient_changelist"), selected)
    slot.refresh_from_db()
