"""Links: looking at one does nothing, its button works once, and what it opens is confirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import Flow, PortalSession, ReturnUrl, VisitTicket
from tests import factories, threads
from tests.fakeas import visitor as provider_visitor
from tests.portal import visits
from tests.portal.api.conftest import Caller, vendor_of
from tests.visitor import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def vendor(project) -> Caller:
    """The backend of the project."""
    return vendor_of(project)


def ended(answer: Any) -> bool:
    """Return whether a link is refused in the one way there is, and opened nothing."""
    assert answer.status_code == 404
    assert "This link has ended" in answer.content.decode()
    assert not answer.cookies
    return not PortalSession.objects.exists()


def test_its_page_names_who_and_for_what(vendor, project):
    end_user = factories.make_end_user(project)
    end_user.name = "Dana <Reyes>"
    end_user.save()
    answer = Client().get(visits.link_for(vendor))
    page = Page(answer.content.decode())
    assert "Connect Demo Mail to Acme CRM" in page.text
    assert "Dana <Reyes>" in page.text
    assert "Dana <Reyes>" not in answer.content.decode()
    assert answer["Referrer-Policy"] == "strict-origin"
    assert answer["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_looking_uses_nothing_up(vendor):
    path = visits.link_for(vendor)
    for headers in ({}, {"Sec-Purpose": "prefetch"}, {"User-Agent": "Link-Scanner"}):
        assert Client().get(path, headers=headers).status_code == 200
    assert not PortalSession.objects.exists()
    assert visits.press_continue(path).status_code == 303


def test_the_button_opens_a_visit_once(vendor):
    path, browser = visits.link_for(vendor), Client()
    answer = visits.press_continue(path, browser)
    assert (answer.status_code, answer["Location"]) == (303, "/portal/")
    assert (answer.cookies["cp_s"]["httponly"], answer.cookies["cp_s"]["samesite"]) == (True, "Lax")
    session = PortalSession.objects.get()
    assert (session.display, session.binding, session.signing_key) == ("page", "weak", None)
    assert session.return_url == factories.RETURN_URL
    again = visits.press_continue(path)
    assert again.status_code == 404
    assert PortalSession.objects.count() == 1
    assert Client().get(path).status_code == 404
    assert browser.get("/portal/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_ten_buttons_at_once_open_one_visit(vendor):
    path = visits.link_for(vendor)
    answers = threads.at_once(10, lambda: visits.press_continue(path).status_code)
    assert sorted(answers) == [303] + [404] * 9
    assert (PortalSession.objects.count(), Flow.objects.count()) == (1, 1)


@pytest.mark.parametrize("origin", [None, "null", factories.ORIGIN, "https://evil.example"])
def test_a_form_of_another_site_opens_nothing_and_uses_nothing_up(vendor, origin):
    path = visits.link_for(vendor)
    answer = Client().post(path, headers={"Origin": origin} if origin else {})
    assert answer.status_code == 403
    assert not PortalSession.objects.exists()
    assert visits.press_continue(path).status_code == 303


@pytest.mark.parametrize("method", ["head", "put", "delete", "options", "patch"])
def test_other_methods_do_nothing(vendor, method):
    path = visits.link_for(vendor)
    assert getattr(Client(), method)(path).status_code == 405
    assert not PortalSession.objects.exists()


@pytest.mark.parametrize("by", ["get", "post"])
def test_it_ends_after_ten_minutes(vendor, by):
    path = visits.link_for(vendor)
    VisitTicket.objects.update(expires_at=timezone.now())
    assert ended(Client().get(path) if by == "get" else visits.press_continue(path))


@pytest.mark.parametrize("by", ["get", "post"])
@pytest.mark.parametrize("closed", ["revoked", "expired", "frozen", "project"])
def test_it_ends_with_its_key_and_its_project(vendor, project, by, closed):
    path, now = visits.link_for(vendor), timezone.now()
    if closed == "project":
        project.is_active = False
        project.save()
    else:
        column = {"revoked": "revoked_at", "expired": "expires_at", "frozen": "frozen_at"}[closed]
        project.api_keys.update(**{column: now - timedelta(seconds=1)})
    assert ended(Client().get(path) if by == "get" else visits.press_continue(path))


@pytest.mark.parametrize("name", ["x", "x" * 43, "x" * 5_000, "%00", "a%0a", "\u00e9"])
def test_a_link_of_nobody_is_refused_alike(project, name):
    assert ended(Client().get(f"/hosted/{name}"))


def test_a_ticket_for_a_page_is_no_link(vendor):
    made = vendor("POST", "/v1/sessions", {"user": "dana", "kind": "embed"}).json()
    assert ended(Client().get(f"/hosted/{made['ticket']}"))


def test_a_visit_ends_with_the_key_that_asked_for_it(vendor, project):
    dana = visits.visiting(vendor)
    project.api_keys.update(revoked_at=timezone.now())
    assert dana.client.get("/portal/").status_code == 401


def test_a_link_to_the_list_shows_it(vendor):
    dana = visits.visiting(vendor, integration=None, account_type=[])
    assert "Your connections" in dana.page.text
    assert not Flow.objects.exists()


def test_what_is_approved_is_not_exchanged_before_it_is_confirmed(vendor, provider):
    dana = visits.approved(vendor)
    assert provider.count("token") == 0
    back = f"{factories.RETURN_URL}?cp_flow={dana.flow}"
    assert "One more step" in dana.page.text
    assert (dana.page.refresh, f'href="{back}"' in dana.page.html) == (back, True)
    waiting = Page(dana.client.get("/portal/").content.decode())
    assert "One more step" in waiting.text
    assert back in waiting.html


def test_it_sends_nobody_to_an_address_that_is_registered_no_more(vendor):
    dana = visits.approved(vendor)
    ReturnUrl.objects.all().delete()
    page = Page(dana.client.get(f"/oauth/done/{dana.flow}").content.decode())
    assert "One more step" in page.text
    assert (page.refresh, "/return" in page.html) == ("", False)


def test_a_link_that_is_passed_on_connects_nobody(vendor, project, provider):
    """Mallory sends her link to Bob, who approves; she has to learn the flow's id and cannot."""
    bob = visits.visiting(vendor, "mallory")
    bob.enter()
    started = bob.start()
    mallory = visits.visiting(vendor, "mallory")
    assert mallory.flow not in ("", bob.flow)
    bob.come_back(provider_visitor.approve(started))
    assert Flow.objects.get(pk=bob.flow).status == "AWAITING_CONFIRMATION"
    for page in (mallory.post("/portal/manage"), mallory.status()):
        assert bob.flow not in page.html
    assert visits.confirm(vendor, bob.flow, "bob").status_code == 403
    assert provider.count("token") == 0


def test_a_visit_by_link_cannot_start_a_flow_that_nobody_would_confirm(vendor, dana, provider):
    linked = visits.visiting(vendor)
    linked.post("/oauth/start", flow=dana.flow)
    assert linked.last.status_code == 404
    dana.post("/oauth/start", flow=linked.flow)
    assert dana.last.status_code == 404
