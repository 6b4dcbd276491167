"""Rows 1 and 2: links and tickets that people can pass on finish nothing for somebody else."""

from __future__ import annotations

import pytest

from tests.attacks.arena import Arena
from tests.attacks.browser import Browser
from tests.attacks.visit import OWN, Visit, parameters, somebody
from tests.fakeas import visitor

TYPED = {"client_id": "fake_ok", "client_secret": "fake-secret"}


def link_for(arena: Arena, user: str) -> str:
    """Return a link that the vendor's backend made for one of its users."""
    asked = {"user": user, "integration": "demo-mail", "account_type": [OWN], "kind": "hosted"}
    asked["return_url"] = f"{arena.origin}/return"
    reply = arena.api("POST", "sessions", f"Bearer {arena.mine.api_key}", asked)
    assert reply.status == 201, reply.text
    return str(reply.data["url"])


def followed(arena: Arena, link: str, browser: Browser) -> Visit:
    """Press the button of a link's page and enter an own client."""
    assert browser.post(link, {}, Origin=arena.url, Sec_Fetch_Site="same-origin").status == 303
    person = Visit(arena, arena.mine, browser, "")
    person.reply = browser.get(f"{arena.url}/portal/")
    fields = person.page.fields
    person.flow, visit = fields["flow"], {"visit": fields["visit"]}
    shown = person.page.form("/portal/options").submitted
    assert person.post("/portal/options", {**shown, **TYPED, **visit}).status == 200
    person.post("/oauth/start", visit, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    person.asked = parameters(person.page.refresh)
    return person


@pytest.mark.row(1)
def test_a_link_that_was_passed_on_holds_the_code_until_the_vendor_says_who_came_back(arena):
    """Mallory's link, followed and approved by Bob: the vendor sees Bob, and nothing is taken."""
    bob = followed(arena, link_for(arena, "mallory-of-the-link"), arena.browser())
    back = visitor.approve(bob.page.refresh, account="bob@example.test")
    with arena.repelled():
        assert bob.come_back(back).status == 303
    assert bob.standing() == ("AWAITING_CONFIRMATION", "")
    vendor = f"Bearer {arena.mine.api_key}"
    late = "flow.confirm_refused confirmation_not_expected"
    with arena.repelled("oauth.refused confirmation_refused high", late):
        said = arena.api("POST", f"flows/{bob.flow}/confirm", vendor, {"end_user": "bob"})
        assert said.status == 403
        right = {"end_user": "mallory-of-the-link"}
        assert arena.api("POST", f"flows/{bob.flow}/confirm", vendor, right).status == 409
    assert bob.standing() == ("FAILED", "confirmation_refused")


@pytest.mark.row(1)
def test_a_link_opens_one_visit_and_looking_at_it_uses_nothing_up(arena, bob):
    link = link_for(arena, "reader-of-mail")
    with arena.repelled():
        for headers in ({}, {"Sec_Purpose": "prefetch"}, {"User_Agent": "link preview"}):
            reply = bob.browser.get(link, **headers)
            assert reply.cookies == {}
        elsewhere = bob.browser.post(link, {}, Origin="https://evil.example")
        assert (elsewhere.status, elsewhere.cookies) == (403, {})
    first = somebody(arena).browser.post(link, {}, Origin=arena.url)
    assert first.status == 303
    with arena.repelled():
        second = bob.browser.post(link, {}, Origin=arena.url)
        assert (second.status >= 400, second.cookies) == (True, {})


@pytest.mark.row(2)
def test_a_start_ticket_works_from_the_page_it_was_made_for_and_once(arena, bob):
    token = f"Bearer {arena.mine.token(bob.sub)}"
    body = {"integration": "demo-mail", "account_type": [OWN]}
    flow = arena.api("POST", "me/flows", token, body, Origin=arena.origin).data["id"]
    step = arena.api(
        "POST", f"me/flows/{flow}/pre-options", token, TYPED, Origin=arena.origin
    )  # fmt: skip
    ticket = {"start_ticket": step.data["start_ticket"]}
    address = f"{arena.url}/oauth/start"
    with arena.repelled():
        for origin in ("https://evil.example", "null", "", arena.url, f"{arena.origin}/"):
            reply = bob.browser.post(address, ticket, Origin=origin)
            assert (reply.status, reply.cookies) == (403, {}), origin
        framed = bob.browser.post(address, ticket, Origin=arena.origin, Sec_Fetch_Dest="iframe")
        assert framed.status == 403
        query = f"{address}?start_ticket={ticket['start_ticket']}"
        assert bob.browser.get(query, Origin=arena.origin).status == 405
    assert arena.provider.requests() == []
    started = bob.browser.post(address, ticket, Origin=arena.origin)
    assert started.page.refresh.startswith(f"{arena.provider.url}/demo-mail/oauth/authorize?")
    with arena.repelled():
        again = somebody(arena).browser.post(address, ticket, Origin=arena.origin)
        assert (again.status >= 400, again.cookies) == (True, {})
