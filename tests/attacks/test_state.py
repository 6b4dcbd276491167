"""Rows 6, 7 and 11: one answer, once, from the browser that asked, with the proof that it asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.attacks.visit import parameters, prepared
from tests.fakeas import visitor

UNBOUND = "oauth.refused session_binding_failed high"
MALFORMED = "oauth.refused answer_malformed high"


@pytest.mark.row(6)
def test_fifty_callbacks_at_once_make_one_token_request(arena, victim):
    back, many = visitor.approve(victim.start()), 50
    at_once = Barrier(many)

    def deliver(_number: int) -> int:
        at_once.wait(10)
        browser = arena.browser()
        browser.jar.update(victim.browser.jar)
        return browser.get(back).status

    with (
        arena.repelled(
            "connection.created",
            calls={"demo-mail.token": 1, "demo-mail.identity": 1},
            but=("connection", "credential", "oauthclient", "clientversion", "enduser"),
        ),
        ThreadPoolExecutor(many) as pool,
    ):
        assert set(pool.map(deliver, range(many))) == {303}
    assert victim.standing() == ("COMPLETED", "")
    assert len(victim.connections()) == 1


@pytest.mark.row(6)
def test_an_answer_that_was_used_changes_nothing_when_it_is_replayed(arena, victim):
    back = visitor.approve(victim.start())
    jar = dict(victim.browser.jar)
    victim.come_back(back)
    victim.browser.jar.update(jar)
    with arena.repelled():
        reply = victim.come_back(back)
    assert reply["location"] == f"/oauth/done/{victim.flow}"
    assert victim.standing() == ("COMPLETED", "")


@pytest.mark.row(6)
def test_an_answer_after_its_time_is_refused(arena, victim):
    back = visitor.approve(victim.start())
    arena.change(
        "UPDATE integrations_authorizationrequest SET expires_at = '2020-01-01 00:00:00' "
        "WHERE flow_id = ?",
        victim.flow.replace("-", ""),
    )
    with arena.repelled("flow.failed consent_timeout low"):
        victim.come_back(back)
    assert victim.standing() == ("FAILED", "consent_timeout")


@pytest.mark.row(6)
def test_an_answer_without_the_cookie_of_its_browser_is_refused_for_good(arena, victim):
    back = visitor.approve(victim.start())
    jar = dict(victim.browser.jar)
    victim.browser.jar.clear()
    with arena.repelled(UNBOUND):
        victim.come_back(back)
        victim.browser.jar.update(jar)
        victim.come_back(back)
    assert victim.standing() == ("FAILED", "session_binding_failed")


@pytest.mark.row(6)
@pytest.mark.parametrize("value", ["", "x", "x" * 43, "é", "x" * 4000, '""', "a=b"])
def test_a_cookie_of_the_attackers_choice_binds_nothing(arena, victim, value):
    back = visitor.approve(victim.start())
    (name,) = victim.browser.jar
    browser = arena.browser()
    with arena.repelled(UNBOUND):
        browser.send("GET", back, headers={"Cookie": f"{name}={value}".encode().decode("latin-1")})


@pytest.mark.row(6)
def test_the_digest_of_the_cookie_which_a_reader_of_the_database_knows_binds_nothing(arena, victim):
    back = visitor.approve(victim.start())
    (name,) = victim.browser.jar
    ((digest, state),) = arena.rows(
        "SELECT browser_hash, state_hash FROM integrations_authorizationrequest WHERE flow_id = ?",
        victim.flow.replace("-", ""),
    )
    stranger = arena.browser()
    with arena.repelled(UNBOUND):
        assert stranger.get(back.replace(victim.asked["state"], state)).status == 400
        stranger.get(back, Cookie=f"{name}={digest}")


@pytest.mark.row(6)
def test_a_cookie_that_a_sibling_site_tossed_in_spoils_the_trip_but_does_not_steal_it(
    arena, victim, mallory
):
    """The attacker's own cookie under the victim's name comes first, as a longer path makes it."""
    back = visitor.approve(victim.start(), account="bob@example.test")
    mallory.start()
    (name, right), (wrong,) = *victim.browser.jar.items(), mallory.browser.jar.values()
    with arena.repelled(UNBOUND):
        victim.browser.get(back, Cookie=f"{name}={right}; {name}={wrong}")
    assert victim.connections() == []


@pytest.mark.row(6)
def test_a_jar_that_overflows_loses_the_trip_and_answers_without_an_error(arena, victim):
    back = visitor.approve(victim.start())
    flood = "; ".join(f"cp_f_{number:08x}=x" for number in range(180))
    with arena.repelled(UNBOUND):
        assert arena.browser().get(back, Cookie=flood).status == 303
    with arena.repelled():
        assert arena.browser().get(back, Cookie=flood * 20).status in (400, 431)


@pytest.mark.row(6)
def test_states_are_long_random_and_kept_only_as_digests(arena, victim):
    states = set()
    for _ in range(3):
        victim.start()
        states.add(victim.asked["state"])
    assert len(states) == 3
    assert min(len(state) for state in states) >= 43
    kept = repr(arena.rows("SELECT * FROM integrations_authorizationrequest"))
    assert not any(state in kept for state in states)
    assert not any(value in kept for value in victim.browser.jar.values())


@pytest.mark.row(7)
def test_a_stolen_code_is_worthless_in_the_thiefs_own_flow(arena):
    """Both use the vendor's app, so slot, client and redirect URL are the same; PKCE is not."""
    arena.provider.configure(profile="demo-mail", pkce="verified")
    people = []
    for _ in range(2):
        person = prepared(arena)
        person.open(account_type="default")
        people.append(person)
    victim, thief = people
    stolen = parameters(visitor.approve(victim.start(), account="bob@example.test"))["code"]
    thief.start()
    with arena.repelled("flow.failed code_refused low", calls={"demo-mail.token": 1}):
        thief.come_back(thief.answer(code=stolen))
    (asked,) = arena.provider.requests("token")
    assert asked.outcome == "wrong_verifier"
    assert thief.connections() == []


@pytest.mark.row(7)
def test_the_proof_is_new_for_each_trip_and_sent_even_where_nobody_checks_it(arena, victim):
    arena.provider.configure(profile="demo-mail", pkce="ignored")
    challenges = set()
    for _ in range(2):
        link = victim.start()
        challenges.add(victim.asked["code_challenge"])
        assert victim.asked["code_challenge_method"] == "S256"
    victim.come_back(visitor.approve(link))
    (asked,) = arena.provider.requests("token")
    assert len(challenges) == 2
    assert len(asked.param("code_verifier")) >= 43
    verifier = asked.param("code_verifier")
    assert not any(verifier in reply.everything for reply in arena.answers)


POLLUTED = {
    "two states, ours first": "state={state}&state=x&code=c&iss={iss}",
    "two states, ours last": "state=x&state={state}&code=c&iss={iss}",
    "two states alike": "state={state}&state={state}&code=c&iss={iss}",
    "two codes": "state={state}&code=c&code=d&iss={iss}",
    "two codes, one empty": "state={state}&code=&code=d&iss={iss}",
    "two errors": "state={state}&error=a&error=b&iss={iss}",
    "code and error": "state={state}&code=c&error=access_denied&iss={iss}",
    "error and code": "error=access_denied&state={state}&code=c&iss={iss}",
    "neither": "state={state}&iss={iss}",
    "code empty": "state={state}&code=&iss={iss}",
    "two issuers": "state={state}&code=c&iss={iss}&iss=https://evil.example",
    "state in brackets": "state[]={state}&code=c&iss={iss}",
    "state in capitals": "STATE={state}&code=c&iss={iss}",
    "semicolons": "state={state};code=c;iss={iss}",
    "state with NUL": "state={state}%00&code=c&iss={iss}",
    "state with line end": "state={state}%0a&code=c&iss={iss}",
    "state with space": "state={state}%20&code=c&iss={iss}",
    "state with a bad escape": "state={state}%zz&code=c&iss={iss}",
    "state with odd bytes": "state={state}%ff%fe&code=c&iss={iss}",
    "state too long": "state={state}{long}&code=c&iss={iss}",
    "code too long": "state={state}&code={longer}&iss={iss}",
    "issuer too long": "state={state}&code=c&iss={iss}{longer}",
    "query too long": "state={state}&code=c&iss={iss}&x={longer}{longer}",
    "a thousand parameters": "state={state}&code=c&iss={iss}{many}",
    "no query": "",
    "a question mark": "?state={state}&code=c&iss={iss}",
}


@pytest.mark.row(11)
@pytest.mark.parametrize("query", POLLUTED.values(), ids=POLLUTED)
def test_a_polluted_answer_is_refused_and_no_good_one_may_follow(arena, victim, query):
    victim.start()
    query = query.format(
        state=victim.asked["state"],
        iss=f"{arena.provider.url}/demo-mail",
        long="x" * 129,
        longer="x" * 4097,
        many="".join(f"&x{number}=1" for number in range(1000)),
    )
    address, newest = victim.asked["redirect_uri"], arena.newest_alarm()
    kept, called = arena.digest(), arena.called()
    reply = victim.browser.get(f"{address}?{query}")
    # 414: gunicorn refuses a line that is too long before the portal sees it.
    assert reply.status in (400, 414)
    assert victim.flow not in reply.everything
    assert (arena.digest(), arena.called()) == (kept, called)
    # Where the state could be read, its trip is over; else the address said nothing to us.
    spoiled = victim.standing() == ("FAILED", "answer_malformed")
    assert spoiled or victim.standing() == ("WAITING", "")
    assert arena.alarms(newest) == [MALFORMED] * spoiled


@pytest.mark.row(11)
def test_only_a_get_is_an_answer(arena, victim):
    back = visitor.approve(victim.start())
    bare, _, query = back.partition("?")
    with arena.repelled():
        for method in ("POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "get"):
            reply = victim.browser.send(method, back, headers={"Origin": arena.url})
            assert reply.status in (400, 403, 405)
        assert victim.browser.post(bare, dict(parameters(back))).status == 403
        assert victim.browser.post(f"{bare}?{query}", {"code": "x"}).status == 403
    assert victim.standing() == ("WAITING", "")


@pytest.mark.row(11)
@pytest.mark.parametrize("name", ["Sec_Purpose", "Purpose"])
def test_a_prefetch_uses_nothing_up(arena, victim, name):
    back = visitor.approve(victim.start())
    with arena.repelled():
        assert victim.browser.get(back, **{name: "prefetch;prerender"}).status == 204
    victim.come_back(back)
    assert victim.standing() == ("COMPLETED", "")
