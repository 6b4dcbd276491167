"""The page that asks which site, and what it does with answers nobody offered."""

from __future__ import annotations

import pytest

from integrations.models import Connection, Flow
from tests import factories, trips
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
SITES = [
    {"id": "acme-1", "label": "Acme", "hint": "https://acme.atlassian.net"},
    {"id": "beta-2", "label": "<script>alert(1)</script>", "hint": ""},
]


def waiting(project, sub: str = "dana", sites=SITES) -> Visitor:
    """Return somebody whose connection waits for a site."""
    dana = trips.prepared(project, sub, "jira")
    flow = dana.current_flow()
    connection = factories.make_connection(
        flow.integration,
        flow.end_user,
        client=flow.oauth_client,
        status="PENDING",
        post_options=sites,
    )
    Flow.objects.filter(pk=flow.pk).update(status="NEEDS_OPTIONS", connection=connection)
    return dana


@pytest.fixture
def project(provider):
    """A project that offers Jira."""
    project = factories.make_project()
    factories.make_integration(project, "jira")
    return project


@pytest.fixture
def dana(project):
    return waiting(project)


def test_the_sites_are_offered_as_text(dana):
    page = dana.status()
    assert "One more choice" in page.text
    assert "https://acme.atlassian.net" in page.text
    assert "<script>alert" not in page.html
    assert page.form("/portal/choose").submitted.keys() >= {"flow", "handle"}


def test_a_choice_leads_to_the_result(dana):
    page = dana.post("/portal/choose", post_option="beta-2")
    assert "is connected" in page.text
    assert Connection.objects.get().provider_data["cloud_id"] == "beta-2"


def test_pressing_twice_shows_the_result_twice(dana):
    dana.post("/portal/choose", post_option="acme-1")
    assert "is connected" in dana.post("/portal/choose", post_option="beta-2").text
    assert Connection.objects.get().account_id == "acme-1"


def test_it_survives_a_reload(dana, project):
    assert "One more choice" in Visitor(project).open("jira").text


@pytest.mark.parametrize("fields", [{}, {"post_option": ""}, {"post_option": "gamma"}])
def test_no_choice_or_another_one_shows_the_list_again(dana, fields):
    page = dana.post("/portal/choose", **fields)
    assert dana.answers[-1].status_code == 422
    assert "Choose one of the list." in page.text
    assert Connection.objects.get().status == "PENDING"


def test_another_person_cannot_choose(dana, project):
    eve = waiting(project, "eve")
    eve.flow = dana.flow
    eve.post("/portal/choose", post_option="acme-1")
    assert eve.answers[-1].status_code == 404
    assert Connection.objects.get(end_user__external_id="dana").status == "PENDING"


def test_a_page_of_somebody_else_cannot_choose(dana):
    dana.post("/portal/choose", headers={"Origin": "https://evil.example"}, post_option="acme-1")
    assert dana.answers[-1].status_code == 403
    assert Connection.objects.get().status == "PENDING"


def test_a_visit_without_its_handle_cannot_choose(dana):
    dana.post("/portal/choose", handle="", post_option="acme-1")
    assert dana.answers[-1].status_code == 401
    assert Connection.objects.get().status == "PENDING"


def test_many_sites_are_a_list_that_opens(project):
    many = [{"id": f"s{n}", "label": f"Site {n}", "hint": ""} for n in range(200)]
    page = waiting(project, sites=many).status()
    assert page.html.count("<option") == 201
    assert "Choose one of 200" in page.text


def test_cancelling_disconnects_what_was_half_made(dana):
    page = dana.post("/portal/cancel")
    assert "Nothing was connected" in page.text
    assert Connection.objects.get().status == "DISCONNECTED"


def test_a_flow_whose_connection_is_gone_has_nothing_to_choose(dana):
    Connection.objects.update(status="DISCONNECTED", post_options=[])
    dana.post("/portal/choose", post_option="acme-1")
    assert dana.answers[-1].status_code == 400
