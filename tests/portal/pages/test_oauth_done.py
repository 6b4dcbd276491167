"""The page after the trip, and answers that arrive more than once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from integrations.catalog import registry
from integrations.models import (
    AllowedOrigin,
    AuditEvent,
    AuthorizationRequest,
    Connection,
    Credential,
    Flow,
    PortalSession,
)
from tests import factories, threads, trips
from tests.fakeas import visitor as person

pytestmark = pytest.mark.django_db


def test_it_says_how_it_ended_and_nothing_about_whom(dana):
    dana.approve()
    answer = dana.last
    assert "Demo Mail is connected" in dana.page.text
    assert "alice@example.test" not in answer.content.decode()
    assert "Dana" not in answer.content.decode()
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_it_says_why_it_failed(dana):
    dana.deny()
    assert "Demo Mail is not connected" in dana.page.text
    assert "Access was not approved" in dana.page.text


def test_it_says_how_it_ended_when_the_provider_left_the_catalog(dana):
    dana.approve()
    kept = {each.slug: each for each in registry.providers() if each.slug != "demo-mail"}
    registry.install(kept)
    answer = dana.client.get(f"/oauth/done/{dana.flow}")
    assert answer.status_code == 200
    assert "demo-mail is connected" in answer.content.decode()


def test_it_knows_no_flow_of_nobody(client):
    assert client.get(f"/oauth/done/{uuid4()}").status_code == 404
    assert client.get("/oauth/done/x").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_shown(dana, method):
    assert getattr(dana.client, method)(f"/oauth/done/{dana.flow}").status_code == 405


def shown_again(dana) -> str:
    return dana.client.get(f"/oauth/done/{dana.flow}").content.decode()


def test_a_page_visit_has_a_way_on_and_an_embedded_one_has_not(dana, project):
    dana.approve()
    assert "/portal/" not in dana.page.html
    dana.client.cookies["cp_s"] = "anything"
    assert "/portal/" not in shown_again(dana)
    PortalSession.objects.update(display="page")
    assert 'href="/portal/"' in shown_again(dana)


@pytest.mark.parametrize("end", ["approve", "deny"])
def test_a_tab_of_its_own_knows_the_way_back_and_does_not_show_it_at_first(dana, end):
    getattr(dana, end)()
    assert "hidden data-way-back" in dana.page.html
    assert f'href="{factories.ORIGIN}/"' in dana.page.html
    PortalSession.objects.update(return_url=factories.RETURN_URL)
    assert f'href="{factories.RETURN_URL}"' in shown_again(dana)


def test_the_way_back_leads_only_where_the_project_says(dana):
    dana.approve()
    PortalSession.objects.update(return_url="https://evil.example/")
    assert "evil.example" not in shown_again(dana)
    AllowedOrigin.objects.all().delete()
    assert "data-way-back" not in shown_again(dana)


@pytest.mark.parametrize("display", ["page", "window", "headless"])
def test_another_kind_of_visit_has_its_own_way_back(dana, display):
    dana.approve()
    PortalSession.objects.update(display=display)
    assert "data-way-back" not in shown_again(dana)


def test_an_answer_that_is_loaded_again_shows_the_same_end(dana, project, provider):
    back = person.approve(dana.start())
    dana.come_back(back)
    page = dana.come_back(back)
    assert "Demo Mail is connected" in page.text
    assert provider.count("token") == 1
    assert trips.refusals(project) == []
    assert (Connection.objects.count(), Credential.objects.get().generation) == (1, 1)


def test_an_answer_that_another_browser_loads_again_changes_nothing(dana, project, provider):
    back = trips.path_of(person.approve(dana.start()))
    dana.client.get(back)
    answer = Client().get(back)
    assert (answer.status_code, answer["Location"]) == (303, f"/oauth/done/{dana.flow}")
    assert trips.refusals(project) == []
    assert dana.current_flow().status == Flow.Status.COMPLETED


def test_a_failure_that_is_loaded_again_stays_that_failure(dana, project, provider):
    provider.configure(profile="demo-mail", token_status=500)
    back = person.approve(dana.start())
    dana.come_back(back)
    provider.reset()
    page = dana.come_back(back)
    assert "Demo Mail is not connected" in page.text
    assert provider.count("token") == 0
    assert len(trips.refusals(project)) == 1


def test_an_answer_to_a_trip_that_was_started_anew_is_not_taken(dana, provider):
    first = person.approve(dana.start())
    second = person.approve(dana.start())
    dana.come_back(first)
    assert provider.count("token") == 0
    dana.come_back(second)
    assert dana.current_flow().status == Flow.Status.COMPLETED


def test_an_answer_to_a_cancelled_flow_is_not_taken(dana, provider):
    back = person.approve(dana.start())
    dana.post("/portal/cancel")
    page = dana.come_back(back)
    assert "Demo Mail is not connected" in page.text
    assert provider.count("token") == 0
    assert dana.current_flow().status == Flow.Status.CANCELLED


def test_a_cancellation_comes_too_late_for_a_code_that_is_being_exchanged(dana):
    dana.start()
    AuthorizationRequest.objects.update(status="CLAIMED")
    Flow.objects.update(status="EXCHANGING")
    dana.post("/portal/cancel")
    assert dana.current_flow().status == Flow.Status.EXCHANGING


@pytest.mark.django_db(transaction=True)
def test_twenty_answers_at_once_make_one_exchange(dana, provider):
    back = trips.path_of(person.approve(dana.start()))
    provider.configure(profile="demo-mail", token_delay=0.2)
    cookies = dana.client.cookies

    def come_back() -> Any:
        browser = Client()
        browser.cookies = cookies
        return browser.get(back)

    answers = threads.at_once(20, come_back)
    assert [answer.status_code for answer in answers] == [303] * 20
    assert {answer["Location"] for answer in answers} == {f"/oauth/done/{dana.flow}"}
    assert provider.count("token") == 1
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert Connection.objects.count() == 1
    assert AuditEvent.objects.filter(action="connection.created").count() == 1
    assert trips.refusals(dana.project) == []
