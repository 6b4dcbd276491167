"""Rows 28, 29, 30 and 48: who may show our pages, post our forms and keep our answers."""

from __future__ import annotations

import re

import pytest

from tests.attacks.visit import prepared, somebody
from tests.fakeas import visitor

CSP = "content-security-policy"


def ancestors(reply) -> str:
    """Return who may frame an answer."""
    return next(
        part.strip().removeprefix("frame-ancestors ")
        for part in reply[CSP].split(";")
        if part.strip().startswith("frame-ancestors")
    )


@pytest.mark.row(28)
def test_every_page_of_a_visit_may_be_framed_by_its_own_origin_only(arena, victim):
    paths = ("/portal/manage", "/portal/flow/status", "/portal/options", "/portal/nothing")
    seen = [somebody(arena).open(), *(victim.post(path, {"to": "options"}) for path in paths[:3])]
    assert {ancestors(reply) for reply in seen} == {arena.origin}
    assert {reply["x-frame-options"] for reply in seen} == {""}
    assert {reply["cache-control"] for reply in seen} == {"no-store"}


@pytest.mark.row(28)
def test_everything_else_may_be_framed_by_nobody(arena, victim, bob):
    back = visitor.approve(victim.start())
    seen = [victim.reply, victim.come_back(back)]
    paths = ["/portal/", "/oauth/start", f"/oauth/done/{victim.flow}", "/nothing", "/admin/login/"]
    paths += ["/healthz", "/readyz", "/api/v1/me", "/api/openapi.json", "/static/connect.js"]
    paths += [f"/embed/{arena.mine.project}/open", f"/oauth/callback/{'a' * 26}"]
    seen += [bob.browser.get(f"{arena.url}{path}") for path in paths]
    refused = bob.browser.post(f"{arena.url}/embed/{arena.mine.project}/open", {})
    wrong = bob.browser.post(
        f"{arena.url}/embed/{arena.mine.project}/open", {}, Origin="https://evil.example"
    )
    for reply in [*seen, refused, wrong]:
        assert ancestors(reply) == "'none'", reply.url
        if "/static/" not in reply.url:
            assert reply["x-frame-options"] == "DENY", reply.url


@pytest.mark.row(28)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "{origin}.evil.example", "{origin}/", "*", "{O}"]
)
def test_a_stranger_with_a_real_token_cannot_open_a_visit(arena, bob, origin):
    origin = origin.replace("{origin}", arena.origin).replace("{O}", arena.origin.upper())
    form = {"user_token": arena.mine.token(bob.sub), "integration": "demo-mail"}
    with arena.repelled():
        reply = bob.browser.post(
            f"{arena.url}/embed/{arena.mine.project}/open", form, Origin=origin
        )
    assert (reply.status, ancestors(reply), reply.cookies) == (403, "'none'", {})
    assert "handle" not in reply.page.fields


@pytest.mark.row(28)
@pytest.mark.parametrize("display", ["embed", "page", "window"])
def test_a_visit_is_shown_where_it_said_it_would_be(arena, bob, display):
    wrong = "document" if display == "embed" else "iframe"
    form = {"user_token": arena.mine.token(bob.sub), "integration": "demo-mail", "display": display}
    with arena.repelled():
        reply = bob.browser.post(
            f"{arena.url}/embed/{arena.mine.project}/open",
            form, Origin=arena.origin, Sec_Fetch_Dest=wrong,
        )  # fmt: skip
    assert (reply.status, reply.cookies) == (403, {})


@pytest.mark.row(29)
def test_no_script_of_ours_sends_a_message_to_just_anybody(arena, bob):
    sent = 0
    for name in ("connect.js", "portal.js"):
        script = bob.browser.get(f"{arena.url}/static/{name}")
        assert script.status == 200
        calls = re.findall(r"postMessage\(([^;]*)\)", script.text)
        sent += len(calls)
        assert not any(re.search(r"""["'`]\*["'`]""", call) for call in calls)
        assert "innerHTML" not in script.text
        assert "eval(" not in script.text
    assert sent > 0
    sdk = bob.browser.get(f"{arena.url}/static/connect.js").text
    assert ".origin" in sdk
    assert ".source" in sdk


FORMS = (
    "/portal/account-type", "/portal/options", "/portal/another-client", "/portal/step",
    "/portal/flow/status", "/portal/cancel", "/portal/manage", "/portal/connect",
    "/portal/reconnect", "/portal/disconnect", "/oauth/start",
)  # fmt: skip


@pytest.mark.row(30)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": ""},
        {"Origin": "", "Sec_Fetch_Site": ""},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=("another site", "a sandbox", "no origin", "the browser says cross-site"),
)
def test_no_form_of_ours_is_taken_from_elsewhere(arena, mallory, headers):
    """With the handle, as in a frame, and with the cookie, as in a full page."""
    full_page = somebody(arena)
    full_page.open(display="page")
    assert full_page.browser.jar
    fields = {"to": "options", "confirm": "1", "integration": "demo-mail", "client_id": "evil"}
    with arena.repelled():
        for path in FORMS:
            for person in (mallory, full_page):
                assert person.post(path, fields, **headers).status == 403, path
    assert mallory.standing()[0] == "DRAFT"


@pytest.mark.row(30)
def test_the_cookie_of_a_full_page_stands_for_no_handle_and_the_other_way_round(arena, mallory):
    full_page = somebody(arena)
    full_page.open(display="page")
    ((name, token),) = full_page.browser.jar.items()
    with arena.repelled():
        full_page.handle, full_page.browser.jar = token, {}
        assert full_page.post("/portal/manage").status == 401
        stranger = arena.browser()
        page = stranger.get(f"{arena.url}/portal/", Cookie=f"{name}={mallory.handle}")
        assert page.status == 401


@pytest.mark.row(30)
def test_the_admin_takes_no_form_without_its_token(arena, bob):
    fields = {"username": "owner", "password": "x"}
    with arena.repelled():
        reply = bob.browser.post(f"{arena.url}/admin/login/", fields, Origin=arena.url)
    assert reply.status == 403


SUFFIXES = (".css", ".js", "/x.css", ";x.js", "%0a", "%00", "%2f", "/", "..", ".png?", "%3f.css")


@pytest.mark.row(48)
def test_no_cache_can_be_made_to_keep_a_page(arena, victim):
    full_page = somebody(arena)
    full_page.open(display="page")
    assert "handle" not in full_page.browser.get(f"{arena.url}/portal/").page.fields
    project = arena.mine.project
    paths = (f"/embed/{project}/open", "/portal/manage", f"/oauth/done/{victim.flow}", "/api/v1/me")
    with arena.repelled():
        for path in paths:
            for suffix in SUFFIXES:
                reply = full_page.browser.get(f"{arena.url}{path}{suffix}")
                if "?" not in suffix:
                    assert reply.status in (400, 404), f"{path}{suffix}"
                assert "no-store" in reply["cache-control"]
                assert full_page.sub not in reply.text


@pytest.mark.row(48)
def test_every_answer_with_something_in_it_forbids_keeping_it(arena, victim):
    answers = [victim.reply, victim.post("/portal/manage"), victim.post("/portal/flow/status")]
    victim.start()
    answers += [victim.reply, victim.come_back(victim.answer())]
    answers.append(victim.browser.get(f"{arena.url}/oauth/done/{victim.flow}"))
    answers.append(arena.api("GET", "me", f"Bearer {arena.mine.token(victim.sub)}"))
    answers.append(arena.api("GET", "connections", f"Bearer {arena.mine.api_key}"))
    assert {reply["cache-control"] for reply in answers} == {"no-store"}
    # A page that needs a frame is not found in an address bar.
    assert prepared(arena).browser.jar == {}
