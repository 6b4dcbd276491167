"""Rows 24, 42, 43 and 47: keys, limits and the admin."""

from __future__ import annotations

import jwt
import pytest

from tests.attacks.prepare import PASSWORD
from tests.attacks.visit import Visit, prepared, somebody


@pytest.mark.row(24)
def test_a_key_set_at_an_address_inside_is_not_read(abroad, names):
    host = names.answer("keys", ["169.254.169.254"])
    project = abroad.mine.project.replace("-", "")
    columns = [row[1] for row in abroad.rows("PRAGMA table_info(integrations_keyset)")]
    assert {"project_id", "url"} <= set(columns)
    abroad.change(
        "INSERT INTO integrations_keyset (project_id, url, failure) VALUES (?, ?, '')",
        project, f"https://{host}/keys",
    )  # fmt: skip
    before = len(names.seen())
    try:
        for number in range(5):
            token = jwt.encode(
                abroad.mine.claims(), abroad.mine.private_key, "RS256", {"kid": f"new-{number}"}
            )
            assert somebody(abroad).open(user_token=token).status == 401
    finally:
        abroad.change("DELETE FROM integrations_keyset WHERE project_id = ?", project)
    # Asked for once, however many keys are unknown, and never connected to.
    assert names.seen()[before:] == [f"look-up {host}"]


@pytest.mark.row(42)
def test_a_person_who_opens_too_often_is_asked_to_wait_and_nobody_else(abroad):
    bob = somebody(abroad)
    replies = [bob.open("outside") for _ in range(7)]
    assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
    assert 0 < int(replies[-1]["retry-after"]) <= 60
    assert somebody(abroad).open("outside").status == 200


@pytest.mark.row(42)
@pytest.mark.row(43)
def test_guessing_passwords_is_paused_whatever_address_is_claimed(abroad):
    """Each guess claims another address, but only what a proxy of ours says would count."""
    person = somebody(abroad)
    statuses = []
    with abroad.repelled():
        for number in range(14):
            page = person.browser.get(f"{abroad.url}/admin/login/").page
            fields = {"username": f"owner{number % 3}", "password": f"guess {number}"}
            fields["csrfmiddlewaretoken"] = page.fields.get("csrfmiddlewaretoken", "")
            reply = person.browser.post(
                f"{abroad.url}/admin/login/", fields, Origin=abroad.url,
                Referer=f"{abroad.url}/admin/login/", X_Forwarded_For=f"198.51.100.{number}",
            )  # fmt: skip
            statuses.append(reply.status)
            assert "__Host-cp_admin" not in reply.cookies
    assert 429 in statuses
    assert statuses[-1] == 429


@pytest.mark.row(43)
def test_cookies_are_bound_to_our_host_and_hidden_from_scripts(abroad):
    person = prepared(abroad, subdomain="acme")
    person.start()
    full_page = somebody(abroad)
    full_page.open("outside", display="page")
    login = somebody(abroad).browser.get(f"{abroad.url}/admin/login/")
    cookies = {**person.reply.cookies, **full_page.reply.cookies, **login.cookies}
    assert {name[:11] for name in cookies} == {"__Host-cp_f", "__Host-cp_s", "__Host-csrf"}
    for name, cookie in cookies.items():
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", ""), name
        assert cookie["samesite"] in ("Lax", "Strict")
        assert cookie["httponly"] or name == "__Host-csrf"
    assert "max-age=31536000" in login["strict-transport-security"]


@pytest.mark.row(6)
@pytest.mark.row(43)
def test_a_cookie_without_the_prefix_that_keeps_siblings_out_is_not_read(abroad):
    """A sibling of our host can set cookies for the whole domain, but none that begins so."""
    person = prepared(abroad, subdomain="acme")
    person.start()
    ((name, value),) = person.browser.jar.items()
    back = person.answer(iss=None)
    tossed = name.removeprefix("__Host-")
    with abroad.repelled("oauth.refused session_binding_failed high"):
        abroad.browser().get(back, Cookie=f"{tossed}={value}")


def signed_in(arena, name: str) -> Visit:
    """Return an operator in the admin."""
    person = somebody(arena)
    page = person.browser.get(f"{arena.url}/admin/login/").page
    fields = {"username": name, "password": PASSWORD, "next": "/admin/"}
    fields["csrfmiddlewaretoken"] = page.fields["csrfmiddlewaretoken"]
    reply = person.browser.post(f"{arena.url}/admin/login/", fields, Origin=arena.url)
    assert reply.status == 302
    return person


@pytest.mark.row(43)
def test_staff_without_a_role_reach_nothing_and_visits_open_no_admin(arena, victim):
    viewer = signed_in(arena, "viewer")
    pages = ("project", "apikey", "signingkey", "oauthclient", "connection", "auditevent")
    full_page = somebody(arena)
    full_page.open(display="page")
    with arena.repelled():
        for name in pages:
            address = f"{arena.url}/admin/integrations/{name}/"
            assert viewer.browser.get(address).status in (403, 404)
            assert viewer.browser.get(f"{address}add/").status in (403, 404)
            assert full_page.browser.get(address).status in (302, 404)
            assert victim.browser.get(address).status in (302, 404)


@pytest.mark.row(47)
def test_a_key_without_the_right_to_tokens_gets_none(arena):
    person = prepared(arena)
    pk = person.connect()["id"]
    columns = {row[1] for row in arena.rows("PRAGMA table_info(integrations_apikey)")}
    assert "scopes" in columns
    key = "SELECT id, scopes FROM integrations_apikey WHERE project_id = ?"
    ((row, scopes),) = arena.rows(key, arena.mine.project.replace("-", ""))
    narrow = '["connections:read"]'
    arena.change("UPDATE integrations_apikey SET scopes = ? WHERE id = ?", narrow, row)
    try:
        with arena.repelled():
            for call in ("POST /access-token", "DELETE ", "GET /proxy/me", "POST /proxy/me"):
                method, _, path = call.partition(" ")
                reply = arena.api(method, f"connections/{pk}{path}", f"Bearer {arena.mine.api_key}")
                assert reply.status == 403, path
        assert arena.vendor("GET", f"connections/{pk}").status == 200
    finally:
        arena.change("UPDATE integrations_apikey SET scopes = ? WHERE id = ?", scopes, row)


@pytest.mark.row(47)
def test_no_key_gets_a_refresh_token_or_a_client_secret(arena):
    person = prepared(arena)
    pk = person.connect()["id"]
    paths = ("connections", f"connections/{pk}", "integrations")
    seen = [arena.vendor("GET", path) for path in paths]
    seen.append(arena.vendor("POST", f"connections/{pk}/access-token"))
    secrets = {name for reply in seen for name in arena.shown(reply.text)}
    assert {name.partition(" ")[0] for name in secrets} == {"access"}
