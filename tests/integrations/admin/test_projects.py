"""Projects: created with an audit chain, changed with an event, never deleted."""

from __future__ import annotations

import pytest
from django.test import Client

from integrations import audit
from integrations.models import AuditEvent, AuditHead, Project
from tests.integrations.admin.pages import project_form, url

pytestmark = pytest.mark.django_db


def actions(project: Project) -> list[tuple[str, str]]:
    rows = AuditEvent.objects.filter(project=project).order_by("sequence")
    return [(row.action, row.data.get("value", "")) for row in rows]


def test_creating_a_project_makes_its_audit_chain(admin_client: Client) -> None:
    answer = admin_client.post(url("project_add"), {"name": "New CRM"})
    project = Project.objects.get(name="New CRM")
    assert answer.status_code == 302
    assert answer["Location"] == url("project_change", project.pk)
    assert AuditHead.objects.get(project=project).sequence == 1
    assert audit.verify(project) is None
    assert project.open_required("audit_key").reveal()


def test_the_creator_is_named(admin_client: Client) -> None:
    admin_client.post(url("project_add"), {"name": "New CRM"})
    assert AuditEvent.objects.filter(actor="admin:admin", action="project.created").exists()


def test_a_project_needs_a_name(admin_client: Client) -> None:
    answer = admin_client.post(url("project_add"), {"name": " "})
    assert answer.status_code == 200
    assert not Project.objects.exists()
    assert not AuditEvent.objects.exists()


def test_origins_come_and_go_with_an_event(admin_client: Client, project: Project) -> None:
    form = project_form(project)
    form |= {"allowed_origins-TOTAL_FORMS": 2, "allowed_origins-0-DELETE": "on"}
    form |= {"allowed_origins-1-origin": "https://new.example", "allowed_origins-1-id": ""}
    answer = admin_client.post(url("project_change", project.pk), form)
    assert answer.status_code == 302
    assert list(project.allowed_origins.values_list("origin", flat=True)) == ["https://new.example"]
    assert actions(project)[-2:] == [
        ("origin.removed", "http://acme.localhost:8001"),
        ("origin.added", "https://new.example"),
    ]
    assert audit.verify(project) is None


def test_an_edited_return_url_is_one_gone_and_one_new(
    admin_client: Client, project: Project
) -> None:
    form = project_form(project, **{"return_urls-0-url": "https://app.example/back"})
    admin_client.post(url("project_change", project.pk), form)
    assert [action for action, _ in actions(project)][-2:] == [
        "return_url.removed",
        "return_url.added",
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "http://app.example",
        "https://app.example/",
        "https://*.example",
        "https://user@app.example",
        "https://App.example",
        "javascript:alert(1)",
        "null",
    ],
)
def test_a_bad_origin_is_refused_and_nothing_is_recorded(
    admin_client: Client, project: Project, origin: str
) -> None:
    before = actions(project)
    form = project_form(project, **{"allowed_origins-TOTAL_FORMS": 2})
    form |= {"allowed_origins-1-origin": origin, "allowed_origins-1-id": ""}
    answer = admin_client.post(url("project_change", project.pk), form)
    assert answer.status_code == 200
    assert project.allowed_origins.count() == 1
    assert actions(project) == before


def test_saving_nothing_records_nothing(admin_client: Client, project: Project) -> None:
    before = actions(project)
    assert (
        admin_client.post(url("project_change", project.pk), project_form(project)).status_code
        == 302
    )
    assert actions(project) == before


def test_switching_a_project_off_is_recorded(admin_client: Client, project: Project) -> None:
    form = project_form(project, is_active=None)
    admin_client.post(url("project_change", project.pk), form)
    event = AuditEvent.objects.filter(project=project).latest("sequence")
    project.refresh_from_db()
    assert (event.action, event.actor) == ("project.changed", "admin:admin")
    assert event.data == {"fields": ["is_active"], "is_active": False}
    assert not project.is_active


def test_no_event_no_change(admin_client: Client, project: Project) -> None:
    AuditHead.objects.filter(project=project).delete()
    form = project_form(project, name="Renamed")
    with pytest.raises(AuditHead.DoesNotExist):
        admin_client.post(url("project_change", project.pk), form)
    project.refresh_from_db()
    assert project.name == "Acme CRM"


def test_a_project_is_never_deleted(admin_client: Client, project: Project) -> None:
    answer = admin_client.post(url("project_delete", project.pk), {"post": "yes"})
    assert answer.status_code == 403
    assert Project.objects.filter(pk=project.pk).exists()


def test_a_viewer_changes_nothing(viewer_client: Client, project: Project) -> None:
    page = url("project_change", project.pk)
    assert viewer_client.get(page).status_code == 200
    assert viewer_client.post(page, project_form(project, name="Mine")).status_code == 403
    project.refresh_from_db()
    assert project.name == "Acme CRM"
