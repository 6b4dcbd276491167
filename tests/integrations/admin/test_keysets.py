"""The address of a published key set is checked, recorded and kept when it is refused."""

from __future__ import annotations

import pytest
from django.test import Client

from integrations.models import AuditEvent, KeySet, Project
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db
ADDRESS = "https://acme.example/.well-known/jwks.json"


def test_an_address_is_saved_shown_and_recorded(admin_client: Client, project: Project) -> None:
    page = url("project_key_set", project.pk)
    assert admin_client.post(page, {"url": f" {ADDRESS}\n"}).status_code == 302
    assert KeySet.objects.get(project=project).url == ADDRESS
    assert ADDRESS in admin_client.get(page).content.decode()
    event = AuditEvent.objects.filter(project=project).latest("sequence")
    assert (event.action, event.data) == ("key_set.changed", {"used": True})


def test_an_empty_address_stops_the_use_of_published_keys(
    admin_client: Client, project: Project
) -> None:
    page = url("project_key_set", project.pk)
    admin_client.post(page, {"url": ADDRESS})
    admin_client.post(page, {"url": ""})
    assert not KeySet.objects.exists()


@pytest.mark.parametrize(
    "typed", ["http://acme.example/", "https://10.0.0.5/", "https://a:b@acme.example/", "x" * 3000]
)
def test_an_address_that_may_not_be_called_is_refused_and_kept_as_typed(
    admin_client: Client, project: Project, typed: str
) -> None:
    answer = admin_client.post(url("project_key_set", project.pk), {"url": typed})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert typed in answer.content.decode()
    assert not KeySet.objects.exists()


def test_a_viewer_cannot_change_it(viewer_client: Client, project: Project) -> None:
    page = url("project_key_set", project.pk)
    for answer in (viewer_client.get(page), viewer_client.post(page, {"url": ADDRESS})):
        assert answer.status_code == 403
    assert not KeySet.objects.exists()
