"""Opening from a page that may not send forms: our own page in its frame asks for it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from integrations.models import AllowedOrigin, PortalSession
from tests import factories
from tests.portal.test_headers import directives

pytestmark = pytest.mark.django_db
ELSEWHERE = "https://elsewhere.example"
HANDSHAKE = {"Origin": settings.BASE_ORIGIN, "Sec-Fetch-Dest": "iframe"}


def framed(project_id: Any) -> Any:
    """Ask for the page that the frame shows."""
    return Client().get(f"/embed/{project_id}/frame")


def opened(
    project: Any, headers: dict[str, str], *, client: Client | None = None, **fields: str
) -> Any:
    """Post the fields of an opening."""
    usual = {"user_token": factories.user_token(project), "integration": "demo-mail"}
    usual["account_type"] = "user-configured-oauth"
    return (client or Client()).post(
        f"/embed/{project.pk}/open", {**usual, **fields}, headers=headers
    )


def test_only_the_projects_origins_may_frame_the_page(project):
    page = framed(project.pk)
    assert directives(page)["frame-ancestors"] == factories.ORIGIN
    assert "X-Frame-Options" not in page
    assert f'data-origins="{factories.ORIGIN}"' in page.content.decode()
    assert page.cookies == {}


def test_a_project_without_origins_is_framed_by_nobody(project):
    AllowedOrigin.objects.filter(project=project).delete()
    assert directives(framed(project.pk))["frame-ancestors"] == "'none'"


def test_an_unknown_or_switched_off_project_has_no_such_page(project):
    assert framed(uuid4()).status_code == 404
    type(project).objects.filter(pk=project.pk).update(is_active=False)
    assert framed(project.pk).status_code == 404


def test_the_page_opens_for_the_origin_around_it(project):
    page = opened(project, HANDSHAKE, host_origin=factories.ORIGIN)
    assert page.status_code == 200
    assert directives(page)["frame-ancestors"] == factories.ORIGIN
    assert PortalSession.objects.get().origin == factories.ORIGIN


@pytest.mark.parametrize("claimed", [ELSEWHERE, "null", settings.BASE_ORIGIN, ""])
def test_it_opens_for_no_origin_that_the_project_does_not_list(project, claimed):
    page = opened(project, HANDSHAKE, host_origin=claimed)
    assert page.status_code == 403
    assert "'none'" in page["Content-Security-Policy"].split("frame-ancestors")[1]
    assert not PortalSession.objects.exists()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_elsewhere_cannot_claim_another_origin(project, site):
    headers = {"Origin": ELSEWHERE, "Sec-Fetch-Site": site}
    assert opened(project, headers, host_origin=factories.ORIGIN).status_code == 403
    headers = {"Origin": settings.BASE_ORIGIN, "Sec-Fetch-Site": site}
    assert opened(project, headers, host_origin=factories.ORIGIN).status_code == 403
    assert not PortalSession.objects.exists()


@pytest.mark.parametrize(
    ("display", "opener"), [("window", "unsafe-none"), ("page", "same-origin")]
)
def test_only_a_window_stays_tied_to_the_page_that_opened_it(project, display, opener):
    client, headers = Client(), {"Origin": factories.ORIGIN, "Sec-Fetch-Dest": "document"}
    answer = opened(project, headers, client=client, display=display)
    assert answer.status_code == 303
    assert answer["Cross-Origin-Opener-Policy"] == opener
    page = client.get(answer["Location"])
    assert (page.status_code, page["Cross-Origin-Opener-Policy"]) == (200, opener)
