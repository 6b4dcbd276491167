"""Rows 20, 21, 45, 46 and 53: tokens that are renewed, raced and ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.attacks.arena import Arena
from tests.attacks.visit import Visit, prepared
from tests.fakeas import visitor

WORK = """
import django; django.setup()
from integrations import revocation
for pk in revocation.due(): print(revocation.attempt(pk))
"""


def connected(arena: Arena, subdomain: str = "") -> tuple[Visit, str]:
    """Return somebody with a connection whose token has just ended."""
    person = prepared(arena, **({"subdomain": subdomain} if subdomain else {}))
    pk = str(person.connect()["id"])
    expire(arena, pk)
    return person, pk


def expire(arena: Arena, pk: str) -> None:
    """Let a connection's access token end a minute ago."""
    moments = ("expires_at", "refresh_after")
    known = {row[1] for row in arena.rows("PRAGMA table_info(integrations_credential)")}
    sets = ", ".join(f"{name} = datetime('now', '-1 minute')" for name in moments if name in known)
    statement = f"UPDATE integrations_credential SET {sets} WHERE connection_id = ?"
    assert arena.change(statement, pk.replace("-", "")) == 1
    arena.provider.advance_clock(3_700)


def token_of(arena: Arena, pk: str):
    return arena.vendor("POST", f"connections/{pk}/access-token")


def refreshes(arena: Arena) -> list[str]:
    """Return the outcomes of all renewals that the provider was asked for."""
    asked = arena.provider.requests("token")
    return [each.outcome for each in asked if each.param("grant_type") == "refresh_token"]


@pytest.mark.row(20)
def test_thirty_callers_at_once_make_one_renewal_and_the_family_lives(arena):
    _, pk = connected(arena, subdomain="acme")
    at_once = Barrier(30)

    def ask(_number: int):
        at_once.wait(20)
        return token_of(arena, pk)

    with ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(ask, range(30)))
    assert refreshes(arena) == ["ok"]
    assert {reply.status for reply in replies} <= {200, 503}
    assert len({reply.data["access_token"] for reply in replies if reply.status == 200}) == 1
    assert [grant["revoked"] for grant in arena.provider.grants()] == [False]


@pytest.mark.row(20)
def test_a_renewal_of_another_process_is_found_and_not_repeated(arena):
    _, pk = connected(arena, subdomain="acme")
    first = token_of(arena, pk)
    again = token_of(arena, pk)
    assert (first.status, again.status) == (200, 200)
    assert first.data["access_token"] == again.data["access_token"]
    assert refreshes(arena) == ["ok"]


KEPT = {
    "an overloaded server": {"token_status": {"status": 429, "retry_after": 1}},
    "a redirect": {"token_redirect": "https://evil.example/"},
    "an unknown error": {"token_body": {"body": '{"error": "temporarily_sad"}', "status": 400}},
    "an error in words": {"token_body": {"body": "invalid_grant", "status": 400}},
    "a page that says so": {
        "token_body": {"body": "<p>invalid_grant", "status": 400, "content_type": "text/html"}
    },
}


@pytest.mark.row(21)
@pytest.mark.parametrize("modes", KEPT.values(), ids=KEPT)
def test_what_is_no_refusal_of_the_grant_drops_nothing(arena, modes):
    person, pk = connected(arena)
    arena.provider.configure(times=3, **modes)
    reply = token_of(arena, pk)
    assert reply.status in (502, 503)
    assert arena.shown(reply.everything) == []
    assert person.connections()[0]["status"] == "VALID"
    arena.provider.configure(**dict.fromkeys(modes))
    rested(arena)
    assert token_of(arena, pk).status == 200


def rested(arena: Arena) -> None:
    """Let every host and connection be asked again at once."""
    tables = {row[0] for row in arena.rows("SELECT name FROM sqlite_master")}
    if "integrations_providerhost" in tables:
        arena.change("DELETE FROM integrations_providerhost")
    arena.change("UPDATE integrations_credential SET lease_until = NULL")


@pytest.mark.row(21)
def test_a_grant_that_is_gone_is_said_once_and_not_asked_for_again(arena):
    person, pk = connected(arena)
    arena.provider.revoke_grants()
    for _ in range(3):
        reply = token_of(arena, pk)
        assert (reply.status, reply.data["code"]) == (409, "needs_reauth")
    assert len(refreshes(arena)) == 1
    assert person.connections()[0]["status"] == "INVALID"


@pytest.mark.row(21)
def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(arena):
    _, pk = connected(arena)
    for _ in range(2):
        assert token_of(arena, pk).status == 200
        expire(arena, pk)
    assert refreshes(arena) == ["ok", "ok"]


@pytest.mark.row(53)
def test_a_renewal_under_way_does_not_bring_a_disconnected_token_back(arena):
    _, pk = connected(arena, subdomain="acme")
    arena.provider.configure(profile="demo-desk", token_delay=0.6)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(token_of, arena, pk)
        end = time.monotonic() + 10
        while not refreshes(arena):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert arena.vendor("DELETE", f"connections/{pk}").status in (202, 204)
        reply = asking.result()
    assert reply.status in (404, 409)
    assert arena.shown(reply.everything) == []
    assert token_of(arena, pk).status in (404, 409)
    kept = arena.rows(
        "SELECT 1 FROM integrations_credential WHERE connection_id = ?", pk.replace("-", "")
    )
    assert kept == []
    arena.provider.configure(profile="demo-desk", token_delay=None)
    worked(arena)
    assert all(grant["revoked"] for grant in arena.provider.grants())


def worked(arena: Arena) -> list[str]:
    """Let the background work on grants happen once; return how each ended."""
    environment = arena.stack.environment
    environment.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    return arena.stack.run("-c", WORK).split()


@pytest.mark.row(45)
def test_a_disconnected_grant_ends_at_once_here_and_then_at_the_provider(arena):
    person = prepared(arena)
    pk = str(person.connect()["id"])
    page = person.post("/portal/disconnect", {"connection": pk, "confirm": "1"})
    assert page.status == 200
    assert token_of(arena, pk).status in (404, 409)
    arena.provider.configure(revocation_status=503)
    worked(arena)
    assert arena.provider.count("revocation") >= 1
    assert [grant["revoked"] for grant in arena.provider.grants()] == [False]
    arena.provider.configure(revocation_status=None)
    rested(arena)
    arena.change("UPDATE integrations_revocation SET due_at = datetime('now', '-1 minute')")
    worked(arena)
    assert [grant["revoked"] for grant in arena.provider.grants()] == [True]
    left = arena.rows(
        "SELECT access_token, refresh_token FROM integrations_revocation WHERE connection_id = ?",
        pk.replace("-", ""),
    )
    assert set(left) == {(None, None)}


@pytest.mark.row(46)
def test_ending_one_connection_leaves_the_other_of_the_same_grant_alive(arena):
    """Two connections of one person, app and account; the provider ends all by one token."""
    person = prepared(arena)
    first = str(person.connect()["id"])
    person.open(external_id="second")
    person.enter(client_secret="")
    person.come_back(visitor.approve(person.start()))
    (second,) = {each["id"] for each in person.connections()} - {first}
    arena.vendor("DELETE", f"connections/{first}")
    worked(arena)
    expire(arena, second)
    assert token_of(arena, second).status == 200
