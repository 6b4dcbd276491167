"""Rows 3, 4 and 5: a code goes to the server that issued it, or nowhere."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.attacks.arena import Arena
from tests.attacks.visit import Visit, parameters, prepared, somebody
from tests.fakeas import visitor

MIXED_UP = "oauth.refused mixup_blocked high"
WRONG_ISSUER = "oauth.refused issuer_mismatch high"


def lure(arena: Arena, honest: Visit, **at: str) -> None:
    """Let the hostile desk send people on to where the honest person was sent, with their state."""
    link = honest.start()
    names = ("client_id", "redirect_uri", "scope")
    taken = {name: honest.asked[name] for name in names}
    arena.provider.configure(
        profile="demo-desk", mixup_redirect={"url": link.partition("?")[0], **taken, **at}
    )


@pytest.mark.row(3)
@pytest.mark.parametrize("owner", ["another integration", "another project"])
def test_a_hostile_server_that_sends_people_to_an_honest_one_gets_no_code(arena, owner):
    honest = prepared(arena, arena.theirs if owner == "another project" else None)
    lure(arena, honest)
    victim = prepared(arena, subdomain="evil")
    back = visitor.approve(victim.start())
    assert urlsplit(back).path == urlsplit(honest.asked["redirect_uri"]).path
    with arena.repelled(MIXED_UP):
        victim.come_back(back)
    assert victim.standing() == ("FAILED", "mixup_blocked")
    assert honest.standing() == ("WAITING", "")


@pytest.mark.row(5)
@pytest.mark.row(3)
def test_a_hostile_instance_of_the_same_provider_gets_no_code_of_another_instance(arena):
    honest = prepared(arena, subdomain="acme")
    lure(arena, honest, at="evil")
    victim = prepared(arena, subdomain="evil")
    back = visitor.approve(victim.start())
    assert urlsplit(back).path == urlsplit(honest.asked["redirect_uri"]).path
    with arena.repelled(MIXED_UP):
        victim.come_back(back)
    assert victim.connections() == honest.connections() == []


@pytest.mark.row(3)
@pytest.mark.row(5)
def test_an_own_app_of_one_person_at_two_instances_has_two_addresses(arena):
    """The same person, the same provider, two hosts: the second client gets a slot of its own."""
    victim = prepared(arena, subdomain="acme")
    victim.start()
    first = victim.asked["redirect_uri"]
    victim.post("/portal/another-client")
    victim.post("/portal/step", {"to": "options"})
    victim.enter(subdomain="evil")
    victim.start()
    assert victim.asked["redirect_uri"] != first
    with arena.repelled(MIXED_UP):
        victim.come_back(victim.answer(address=first, iss=None))


@pytest.mark.row(3)
def test_the_vendors_own_slot_and_a_persons_slot_are_not_mixed_up(arena):
    vendor = prepared(arena)
    vendor.open(account_type="default")
    vendor.start()
    person = prepared(arena)
    person.start()
    for one, other in ((vendor, person), (person, vendor)):
        with arena.repelled(MIXED_UP):
            one.come_back(one.answer(address=other.asked["redirect_uri"]))


@pytest.mark.row(4)
def test_a_code_of_the_attacker_at_another_slot_is_not_taken_for_the_flow_under_way(arena, victim):
    """The provider is known from two sources, state and address, and both must agree."""
    victim.start()
    attacker = prepared(arena, subdomain="evil")
    code = parameters(visitor.approve(attacker.start()))["code"]
    address = attacker.asked["redirect_uri"]
    with arena.repelled(MIXED_UP):
        victim.come_back(victim.answer(code=code, address=address, iss=None))
    assert victim.standing() == ("FAILED", "mixup_blocked")


@pytest.mark.row(4)
def test_an_address_that_belongs_to_nobody_is_no_way_round_the_comparison(arena, victim):
    victim.start()
    address = f"{arena.url}/oauth/callback/{'a' * 26}"
    with arena.repelled(MIXED_UP):
        victim.come_back(victim.answer(address=address))


@pytest.mark.row(4)
@pytest.mark.parametrize("state", [None, "", "x" * 43])
def test_a_callback_without_the_state_does_not_fall_back_to_the_cookie(arena, victim, state):
    victim.start()
    with arena.repelled():
        reply = victim.come_back(victim.answer(state=state))
    assert reply.status == 400
    assert victim.standing() == ("WAITING", "")


ISSUERS = {
    "another": "https://evil.example",
    "with a slash": "{url}/demo-mail/",
    "in capitals": "{URL}/demo-mail",
    "with a port of its own": "{host}:443/demo-mail",
    "a longer one": "{url}/demo-mail.evil.example",
    "another profile": "{url}/gmail",
    "empty": "",
}


@pytest.mark.row(5)
@pytest.mark.parametrize("iss", ISSUERS.values(), ids=ISSUERS)
def test_an_issuer_is_compared_byte_for_byte(arena, victim, iss):
    victim.start()
    url = arena.provider.url
    words = {"{url}": url, "{URL}": url.upper(), "{host}": url.rpartition(":")[0]}
    for word, value in words.items():
        iss = iss.replace(word, value)
    with arena.repelled(WRONG_ISSUER):
        victim.come_back(victim.answer(iss=iss))


@pytest.mark.row(5)
def test_a_missing_issuer_is_noticed_where_the_provider_always_sends_one(arena, victim):
    arena.provider.configure(iss="missing")
    back = visitor.approve(victim.start())
    with arena.repelled("oauth.refused issuer_missing high"):
        victim.come_back(back)


@pytest.mark.row(5)
def test_two_issuers_are_none(arena, victim):
    arena.provider.configure(iss="duplicate")
    back = visitor.approve(victim.start())
    with arena.repelled("oauth.refused answer_malformed high"):
        assert victim.come_back(back).status == 400


@pytest.mark.row(5)
def test_an_error_from_another_issuer_is_not_believed_either(arena, victim):
    victim.start()
    error = {"code": None, "error": "access_denied", "iss": "https://evil.example"}
    with arena.repelled(WRONG_ISSUER):
        victim.come_back(victim.answer(**error))


@pytest.mark.row(5)
@pytest.mark.parametrize("change", ["client id", "subdomain"])
def test_an_answer_to_a_client_that_was_changed_meanwhile_is_not_used(arena, change):
    typed = {"subdomain": "acme"} if change == "subdomain" else {}
    victim = prepared(arena, **typed)
    back = visitor.approve(victim.start())
    tab = somebody(arena, sub=victim.sub)
    tab.open("demo-desk" if typed else "demo-mail")
    tab.post("/portal/step", {"to": "options"})
    tab.enter(**({"subdomain": "evil"} if typed else {"client_id": "fake_partial"}))
    with arena.repelled("flow.failed settings_changed low"):
        victim.come_back(back)
