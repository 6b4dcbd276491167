"""Rows 1 and 2: a flow that one person begins is not finished by another."""

from __future__ import annotations

import pytest

from tests.attacks.visit import prepared
from tests.fakeas import visitor

UNBOUND = "oauth.refused session_binding_failed high"


@pytest.mark.row(1)
def test_an_authorization_link_sent_to_somebody_else_connects_nothing(arena, mallory, bob):
    arena.provider.configure(auto_approve="bob@example.test")
    link = mallory.start()
    with arena.repelled(UNBOUND):
        reply = bob.come_back(visitor.fetch(link).location)
    assert (reply.status, reply["location"]) == (303, f"/oauth/done/{mallory.flow}")
    assert mallory.standing() == ("FAILED", "session_binding_failed")
    assert mallory.connections() == []


@pytest.mark.row(1)
def test_a_person_with_a_visit_of_their_own_cannot_be_made_to_finish_anothers(arena, mallory):
    bob = prepared(arena)
    bob.start()
    back = visitor.approve(mallory.start(), account="bob@example.test")
    with arena.repelled(UNBOUND):
        bob.come_back(back)
    assert mallory.connections() == bob.connections() == []


@pytest.mark.row(1)
def test_a_callback_that_the_victim_never_asked_for_connects_the_attackers_account_nowhere(
    arena, mallory, victim
):
    """The forged callback of RFC 6749 section 10.12: their code in the victim's browser."""
    victim.start()
    back = visitor.approve(mallory.start(), account="bob@example.test")
    with arena.repelled(UNBOUND):
        victim.come_back(back)
    assert victim.standing() == ("WAITING", "")


@pytest.mark.row(1)
def test_no_address_that_the_attacker_could_copy_leads_a_stranger_to_the_provider(
    arena, mallory, bob
):
    link = mallory.start()
    mallory.come_back(visitor.deny(link))
    fields = f"handle={mallory.handle}&flow={mallory.flow}"
    paths = ["/oauth/start", "/portal/", "/portal/step", "/portal/flow/status", "/portal/options"]
    addresses = [f"{path}{query}" for path in paths for query in ("", f"?{fields}")]
    addresses += [f"/oauth/done/{mallory.flow}", mallory.asked["redirect_uri"]]
    addresses += [f"/api/v1/flows/{mallory.flow}", f"/embed/{arena.mine.project}/open?{fields}"]
    with arena.repelled():
        for address in addresses:
            reply = bob.browser.get(address if "://" in address else f"{arena.url}{address}")
            assert "/oauth/authorize" not in reply.everything.replace(reply.url, "")
            assert reply.cookies == {}


@pytest.mark.row(1)
def test_a_link_cannot_start_a_flow(arena, mallory, bob):
    query = f"handle={mallory.handle}&flow={mallory.flow}"
    for send in (bob.browser.get, mallory.browser.get):
        with arena.repelled():
            reply = send(f"{arena.url}/oauth/start?{query}", Origin=arena.url)
        assert (reply.status, reply["allow"], reply.cookies) == (405, "POST", {})


ELSEWHERE = {
    "another site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    "another site, old browser": {"Origin": "https://evil.example", "Sec_Fetch_Site": ""},
    "a sandboxed frame": {"Origin": "null", "Sec_Fetch_Site": ""},
    "no origin at all": {"Origin": "", "Sec_Fetch_Site": ""},
    "a subdomain of ours": {"Origin": "http://evil.localhost", "Sec_Fetch_Site": ""},
    "a host that begins like ours": {"Origin": "{url}.evil.example", "Sec_Fetch_Site": ""},
    "our host in another scheme": {"Origin": "https://{netloc}", "Sec_Fetch_Site": ""},
    "our host on another port": {"Origin": "http://localhost:1", "Sec_Fetch_Site": ""},
    "our origin with a slash": {"Origin": "{url}/", "Sec_Fetch_Site": ""},
    "our origin in capitals": {"Origin": "{URL}", "Sec_Fetch_Site": ""},
    "two origins": {"Origin": "{url} https://evil.example", "Sec_Fetch_Site": ""},
    "a look-alike in Cyrillic": {"Origin": "http://xn--lcalhost-8fh:80", "Sec_Fetch_Site": ""},
    "the host page": {"Origin": "{host}", "Sec_Fetch_Site": "same-site"},
    "ours, says the page, but not the browser": {"Sec_Fetch_Site": "cross-site"},
    "a sibling": {"Sec_Fetch_Site": "same-site"},
    "somebody typing": {"Sec_Fetch_Site": "none"},
    "a script": {"Sec_Fetch_Mode": "cors"},
    "a script without CORS": {"Sec_Fetch_Mode": "no-cors"},
    "an iframe": {"Sec_Fetch_Dest": "iframe"},
    "an object": {"Sec_Fetch_Dest": "object"},
}


@pytest.mark.row(2)
@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_form_that_sends_itself_from_elsewhere_starts_nothing(arena, mallory, bob, headers):
    words = {"{url}": arena.url, "{URL}": arena.url.upper(), "{host}": arena.origin}
    words["{netloc}"] = arena.url.partition("//")[2]
    for word, value in words.items():
        headers = {name: text.replace(word, value) for name, text in headers.items()}
    bob.handle, bob.flow = mallory.handle, mallory.flow
    with arena.repelled():
        assert bob.start(**headers) == ""
    assert bob.status == 403
    assert bob.reply.cookies == {}
    assert arena.provider.count("authorization") == 0
    # Nothing was used up: the person themselves can go on.
    assert mallory.start()
