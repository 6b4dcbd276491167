"""What an API key may do, which calls are passed on, and the switch that stops all tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import ApiKey, AuditEvent, Integration, Project
from integrations.models.projects import API_SCOPES
from tests.factories import make_api_key, make_project
from tests.integrations.admin.pages import integration_form, project_form, url

pytestmark = pytest.mark.django_db


def test_a_key_gets_what_was_ticked(admin_client: Client, project: Project) -> None:
    form = {
        "name": "Reader",
        "scopes": ["tokens:read", "proxy"],
        "expires_at": "2999-01-31 12:00",
        "allowed_addresses": "192.0.2.0/24\n2001:db8::1",
    }
    assert b"cp_live_" in admin_client.post(url("project_api_key_add", project.pk), form).content
    row = ApiKey.objects.get()
    assert row.scopes == ["tokens:read", "proxy"]
    assert row.allowed_addresses == ["192.0.2.0/24", "2001:db8::1/128"]
    assert row.expires_at.isoformat() == "2999-01-31T12:00:00+00:00"
    shown = admin_client.get(url("project_change", project.pk)).content.decode()
    assert "tokens:read, proxy; from 192.0.2.0/24" in shown


def test_a_key_with_nothing_ticked_gets_everything(admin_client: Client, project: Project) -> None:
    admin_client.post(url("project_api_key_add", project.pk), {"name": "All"})
    assert ApiKey.objects.get().scopes == list(API_SCOPES)
    shown = admin_client.get(url("project_change", project.pk)).content.decode()
    assert "everything; from anywhere" in shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["everything"]},
        {"expires_at": "2020-01-01"},
        {"expires_at": "soon"},
        {"allowed_addresses": "example.com"},
        {"allowed_addresses": "192.0.2.1/24"},
    ],
)
def test_a_key_that_cannot_be_meant_is_not_made(
    admin_client: Client, project: Project, wrong: dict[str, object]
) -> None:
    page = url("project_api_key_add", project.pk)
    answer = admin_client.post(page, {"name": "Wrong", **wrong})
    assert b"errorlist" in answer.content
    assert not ApiKey.objects.exists()


@pytest.fixture
def frozen(project: Project) -> ApiKey:
    make_api_key(project)
    ApiKey.objects.update(frozen_at=timezone.now())
    return ApiKey.objects.get()


def test_a_frozen_key_works_again_after_a_question(
    admin_client: Client, project: Project, frozen: ApiKey
) -> None:
    page = url("project_api_key_thaw", project.pk, frozen.pk)
    assert page in admin_client.get(url("project_change", project.pk)).content.decode()
    assert b"Let the API key" in admin_client.get(page).content
    frozen.refresh_from_db()
    assert frozen.frozen_at
    admin_client.post(page)
    frozen.refresh_from_db()
    assert frozen.frozen_at is None
    assert AuditEvent.objects.get(action="api_key.thawed").actor == "admin:admin"


def test_a_key_is_thawed_only_in_its_own_project(admin_client: Client, frozen: ApiKey) -> None:
    other = make_project("Globex")
    assert admin_client.post(url("project_api_key_thaw", other.pk, frozen.pk)).status_code == 404
    frozen.refresh_from_db()
    assert frozen.frozen_at


def test_a_viewer_thaws_nothing(viewer_client: Client, project: Project, frozen: ApiKey) -> None:
    page = url("project_api_key_thaw", project.pk, frozen.pk)
    assert viewer_client.post(page).status_code == 403


def test_the_tokens_of_a_project_are_stopped_and_started(
    admin_client: Client, project: Project
) -> None:
    page = url("project_change", project.pk)
    admin_client.post(page, project_form(project, tokens_stopped="on"))
    project.refresh_from_db()
    assert project.tokens_stopped
    event = AuditEvent.objects.get(action="tokens.stopped")
    assert (event.actor, event.data["severity"]) == ("admin:admin", "high")
    admin_client.post(page, project_form(project))
    project.refresh_from_db()
    assert not project.tokens_stopped


@pytest.mark.parametrize("limit", ["0", "-1", "x", ""])
def test_an_alert_at_nothing_is_refused(admin_client: Client, project: Project, limit: str) -> None:
    page = url("project_change", project.pk)
    answer = admin_client.post(page, project_form(project, read_alert_limit=limit))
    assert b"errorlist" in answer.content
    project.refresh_from_db()
    assert project.read_alert_limit == 1000


def rules(client: Client, gmail: Integration, text: str) -> str:
    """Save the rules and return the page if they were refused."""
    form = integration_form(gmail, proxy_rules=text)
    answer = client.post(url("integration_change", gmail.pk), form)
    gmail.refresh_from_db()
    return "" if answer.status_code == 302 else answer.content.decode()


def test_calls_are_listed_one_on_each_line(admin_client: Client, gmail: Integration) -> None:
    text = "get,POST /gmail/v1/**\n\n DELETE   /gmail/v1/users/*/drafts/*\r\n"
    assert rules(admin_client, gmail, text) == ""
    assert gmail.proxy_rules == [
        {"methods": ["GET", "POST"], "path": "/gmail/v1/**"},
        {"methods": ["DELETE"], "path": "/gmail/v1/users/*/drafts/*"},
    ]
    shown = admin_client.get(url("integration_change", gmail.pk)).content.decode()
    assert "GET,POST /gmail/v1/**" in shown
    assert AuditEvent.objects.filter(data__proxy_rules__isnull=False).exists()


def test_an_empty_list_passes_nothing_on(admin_client: Client, gmail: Integration) -> None:
    rules(admin_client, gmail, "GET /x")
    assert rules(admin_client, gmail, " \n ") == ""
    assert gmail.proxy_rules is None


@pytest.mark.parametrize(
    "text",
    [
        "/gmail/v1/**",
        "GET gmail/v1",
        "FETCH /x",
        "GET /a /b",
        "GET https://evil.example/",
        "GET /a/**/b",
        "GET /a**",
        "GET /a%2Fb",
        "GET /a?b",
        "GET //a",
        "GET, /x",
        "GET /" + "a" * 501,
        "GET /" + "*a" * 21,
        "\n".join(["GET /x"] * 101),
    ],
)
def test_a_line_that_cannot_be_judged_is_refused(
    admin_client: Client, gmail: Integration, text: str
) -> None:
    assert "errorlist" in rules(admin_client, gmail, text)
    assert gmail.proxy_rules is None


def test_a_key_that_is_over_stays_in_the_list(admin_client: Client, project: Project) -> None:
    make_api_key(project)
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "cp_live_" in admin_client.get(url("project_change", project.pk)).content.decode()
