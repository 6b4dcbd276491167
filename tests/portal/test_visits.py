"""What ends a visit, what opens one with a ticket, and tokens that open one visit only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from integrations import tickets
from integrations.models import (
    AuthorizationRequest,
    Flow,
    PortalSession,
    UsedToken,
    VisitTicket,
)
from tests import factories, threads, trips
from tests.portal import visits
from tests.portal.api.conftest import Caller, vendor_of
from tests.visitor import Page, Visitor

pytestmark = pytest.mark.django_db


def full_page(project: Any, browser: Client, **fields: str) -> Visitor:
    """Open a full-page visit in a browser and stand at its first page."""
    who = Visitor(project, client=browser)
    who.open(display="page", **fields)
    page = Page(browser.get("/portal/").content.decode())
    who.visit, who.flow, who.page = page.fields["visit"], page.fields.get("flow", ""), page
    return who


def test_a_page_of_an_older_visit_is_told_that_another_took_over(project):
    browser = Client()
    older = full_page(project, browser)
    newer = full_page(project, browser, mode="manage")
    page = older.post("/portal/cancel")
    assert older.last.status_code == 401
    assert "Another page has taken over" in page.text
    assert Flow.objects.get().status == "DRAFT"
    newer.post("/portal/manage")
    assert newer.last.status_code == 200


def test_a_page_of_one_project_does_nothing_in_the_visit_of_another(project):
    other = factories.make_project("Globex")
    factories.make_integration(other, "demo-mail")
    browser = Client()
    acme, _ = full_page(project, browser), full_page(other, browser)
    before = Flow.objects.count()
    acme.post("/portal/connect", integration="demo-mail")
    assert (acme.last.status_code, Flow.objects.count()) == (401, before)


@pytest.mark.parametrize("visit", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_form_that_names_no_visit_or_another_is_refused(project, visit):
    who = full_page(project, Client())
    who.post("/portal/manage", visit=visit)
    assert who.last.status_code == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "nonsense"},
        {"mode": "reconnect"},
        {"integration": "nothing"},
        {"account_type": "sandbox"},
        {"account_type": "default"},
        {"external_id": "  "},
        {"connection_id": "x"},
        {"return_url": "https://evil.example"},
    ],
)
def test_a_visit_that_is_refused_leaves_nothing(project, fields):
    Visitor(project).open(**fields)
    assert not PortalSession.objects.exists()
    assert not Flow.objects.exists()


def test_signing_out_ends_the_visit(project):
    who = full_page(project, Client())
    page = who.post("/portal/end")
    assert (who.last.status_code, who.last["Clear-Site-Data"]) == (200, '"cache"')
    assert (who.last.cookies["cp_s"].value, "You are signed out" in page.text) == ("", True)
    assert PortalSession.objects.get().ended_at
    who.client.cookies["cp_s"] = "x" * 43
    assert who.client.get("/portal/").status_code == 401


def test_an_embedded_visit_ends_by_its_handle(dana):
    dana.post("/portal/end", closed="1")
    assert dana.last["Clear-Site-Data"] == '"cache"'
    answer = dana.client.post(
        "/portal/manage", {"handle": dana.handle}, headers={"Origin": "http://localhost:8000"}
    )
    assert (answer.status_code, answer["Clear-Site-Data"]) == (401, '"cache"')


def test_closing_leaves_a_trip_its_time_and_signing_out_does_not(dana, provider):
    dana.start()
    dana.post("/portal/end", closed="1")
    assert dana.last.status_code == 204
    assert PortalSession.objects.get().ended_at is None
    dana.post("/portal/end")
    assert PortalSession.objects.get().ended_at


def test_a_trip_of_a_visit_that_ended_is_not_taken(dana, provider):
    started = dana.start()
    dana.post("/portal/end")
    dana.come_back(trips.answer(started, provider))
    assert trips.failed(dana, "session_expired", provider)


def test_nobody_ends_the_visit_of_somebody_else(dana, project):
    eve = trips.prepared(project, "eve")
    eve.post("/portal/end")
    open_still = PortalSession.objects.filter(ended_at=None)
    assert [session.end_user.external_id for session in open_still] == ["dana"]
    Visitor(project, handle=dana.handle).post("/portal/end", headers={"Origin": factories.ORIGIN})
    assert open_still.exists()


def test_a_page_of_the_vendor_signs_its_person_out(dana, project):
    trips.prepared(project, "eve")
    token = Caller(f"Bearer {factories.user_token(project)}")
    answer = token("DELETE", "/v1/me/sessions")
    assert (answer.status_code, answer["Clear-Site-Data"]) == (204, '"cache"')
    left = PortalSession.objects.filter(ended_at=None)
    assert [session.end_user.external_id for session in left] == ["eve"]


@pytest.mark.parametrize("revoked", ["signing_keys", "api_keys", "project"])
@pytest.mark.parametrize("by", ["token", "ticket", "link"])
def test_a_visit_ends_with_what_vouches_for_it(project, by, revoked):
    vendor = vendor_of(project)
    if by == "link":
        who = visits.visiting(vendor)
    else:
        who = Visitor(project)
        with_ticket = {"ticket": embed_ticket(vendor), "user_token": ""}
        opened_with(who, **(with_ticket if by == "ticket" else {}))
    if revoked == "project":
        type(project).objects.update(is_active=False)
    else:
        getattr(project, revoked).update(revoked_at=timezone.now())
    who.post("/portal/manage")
    ends = revoked == "project" or (revoked == "signing_keys") == (by == "token")
    assert who.last.status_code == (401 if ends else 200)


def embed_ticket(vendor: Caller, **asked: Any) -> str:
    """Return a new ticket for a page."""
    answer = vendor("POST", "/v1/sessions", {"user": "dana", "kind": "embed", **asked})
    return str(answer.json()["ticket"])


def opened_with(who: Visitor, headers: dict[str, str] | None = None, **fields: str) -> Any:
    """Open an embedded visit with exactly these fields besides the usual."""
    usual = {"user_token": factories.user_token(who.project), "integration": "demo-mail"}
    form = {**usual, "account_type": visits.OWN, "display": "embed", **fields}
    form = {name: value for name, value in form.items() if value}
    path = f"/embed/{who.project.pk}/open"
    answer = who.client.post(path, form, headers=headers or {"Origin": factories.ORIGIN})
    who.answers.append(answer)
    who.page = Page(answer.content.decode())
    who.handle, who.flow = who.page.fields.get("handle", ""), who.page.fields.get("flow", "")
    return answer


def test_a_ticket_opens_what_it_names_in_place_of_a_token(project, provider):
    ticket = embed_ticket(vendor_of(project), integration="demo-mail", account_type=[visits.OWN])
    who = Visitor(project)
    opened_with(who, user_token="", integration="other", ticket=ticket)
    session = PortalSession.objects.get()
    assert (session.binding, session.display, session.signing_key) == ("strong", "embed", None)
    assert Flow.objects.get().integration.slug == "demo-mail"
    who.enter()
    who.approve()
    assert Flow.objects.get().status == "COMPLETED"


def test_a_ticket_opens_once(project):
    ticket = embed_ticket(vendor_of(project))
    assert opened_with(Visitor(project), user_token="", ticket=ticket).status_code == 200
    again = opened_with(Visitor(project), user_token="", ticket=ticket)
    assert again.status_code == 401
    assert PortalSession.objects.count() == 1


def test_a_ticket_without_an_integration_shows_the_list(project):
    who, ticket = Visitor(project), embed_ticket(vendor_of(project))
    opened_with(who, user_token="", integration="", account_type="", ticket=ticket)
    assert "Your connections" in who.page.text


@pytest.mark.parametrize("change", ["origin", "used", "old", "link", "project", "both", "unknown"])
def test_a_ticket_is_refused_as_a_token_would_be(project, change):
    vendor, headers, form = vendor_of(project), {"Origin": factories.ORIGIN}, {"user_token": ""}
    ticket, who = embed_ticket(vendor), Visitor(project)
    if change == "origin":
        headers = {"Origin": "https://evil.example"}
    elif change == "used":
        VisitTicket.objects.update(used_at=timezone.now())
    elif change == "old":
        VisitTicket.objects.update(expires_at=timezone.now())
    elif change == "link":
        ticket = visits.link_for(vendor).rsplit("/", 1)[1]
    elif change == "project":
        who = Visitor(factories.make_project("Globex"))
    elif change == "both":
        form = {}
    else:
        ticket = "x" * 43
    answer = opened_with(who, headers=headers, ticket=ticket, **form)
    assert answer.status_code == (403 if change == "origin" else 401)
    assert not PortalSession.objects.exists()
    assert ticket not in answer.content.decode()


def test_a_ticket_is_used_up_only_by_a_visit_that_opens(project):
    who, ticket = Visitor(project), embed_ticket(vendor_of(project))
    refused = opened_with(who, user_token="", integration="nothing", ticket=ticket)
    assert refused.status_code == 404
    assert opened_with(who, user_token="", ticket=ticket).status_code == 200


def test_a_visit_has_exactly_one_key(dana, project):
    vendor_of(project)
    for columns in ({"signing_key": None}, {"api_key": project.api_keys.get()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PortalSession.objects.update(**columns)


def test_a_code_is_only_kept_while_it_is_held(project):
    visits.approved(vendor_of(project))
    with pytest.raises(IntegrityError), transaction.atomic():
        AuthorizationRequest.objects.update(status="FAILED")


@pytest.fixture
def strict(project):
    """The project, where each token opens one visit only."""
    project.require_jti = True
    project.save()
    return project


def test_a_token_opens_one_visit_where_the_project_says_so(strict):
    token = factories.user_token(strict, jti="one")
    first, second = Visitor(strict), Visitor(strict)
    first.open(user_token=token)
    second.open(user_token=token)
    assert (first.last.status_code, second.last.status_code) == (200, 401)
    assert "was used already" in second.page.text
    assert PortalSession.objects.count() == 1
    assert UsedToken.objects.get().jti_hash != "one"


@pytest.mark.parametrize("jti", [None, "", 7, ["x"], " ", "x" * 256])
def test_a_token_without_an_id_is_refused_there(strict, jti):
    who = Visitor(strict)
    who.open(user_token=factories.user_token(strict, jti=jti))
    assert who.last.status_code == 401
    assert not PortalSession.objects.exists()


def test_elsewhere_a_token_may_open_another_visit(project):
    token = factories.user_token(project, jti="one")
    for who in (Visitor(project), Visitor(project)):
        who.open(user_token=token)
        assert who.last.status_code == 200
    assert not UsedToken.objects.exists()


def test_the_api_reads_with_a_token_that_opened_a_visit(strict):
    token = factories.user_token(strict, jti="one")
    Visitor(strict).open(user_token=token)
    caller = Caller(f"Bearer {token}", Origin=factories.ORIGIN)
    assert caller("GET", "/v1/me").status_code == 200
    begin = {"integration": "demo-mail", "account_type": [visits.OWN]}
    answer = caller("POST", "/v1/me/flows", begin)
    assert (answer.status_code, answer.json()["code"]) == (401, "user_token_used")


def test_a_visit_that_is_refused_does_not_use_its_token_up(strict):
    token, who = factories.user_token(strict, jti="one"), Visitor(strict)
    who.open("nothing", user_token=token)
    assert who.last.status_code == 404
    who.open(user_token=token)
    assert who.last.status_code == 200


def test_used_tokens_are_kept_until_they_have_expired(strict):
    Visitor(strict).open(user_token=factories.user_token(strict, jti="one"))
    assert tickets.drop_stale_tickets() == 0
    ends = UsedToken.objects.get().expires_at
    assert ends >= timezone.now() + timedelta(seconds=300)
    UsedToken.objects.update(expires_at=timezone.now())
    assert tickets.drop_stale_tickets() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_openings_with_one_token_at_once_are_one_visit(strict):
    token = factories.user_token(strict, jti="one")

    def opening() -> int:
        who = Visitor(strict)
        who.open(user_token=token)
        return int(who.last.status_code)

    assert sorted(threads.at_once(10, opening)) == [200] + [401] * 9
    assert PortalSession.objects.count() == 1
