"""Rows 31 to 34, 36, 39 and 40: what is shown, logged or believed.

A whole visit is searched for its secrets, in a browser, in tests/browser/test_leaks.py.
"""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote, urlsplit

import pytest

from tests.attacks.arena import Arena
from tests.attacks.browser import Reply
from tests.attacks.prepare import PASSWORD
from tests.attacks.visit import Visit, prepared, somebody
from tests.fakeas import visitor

CANARY = "canary-secret-7f3a91-of-the-attacks"


def registered(arena: Arena) -> Visit:
    """Return somebody whose client has the canary as its secret, one click before the provider."""
    person = somebody(arena)
    page = person.open().page
    (uri,) = set(re.findall(rf"{arena.url}/oauth/callback/[a-z2-7]+", page.html))
    arena.provider.register_client(
        "demo-mail", redirect_uris=[uri], client_id="canary-client", client_secret=CANARY
    )
    person.enter(client_id="canary-client", client_secret=CANARY)
    assert person.status == 200
    return person


def written(arena: Arena) -> str:
    """Return everything the portal's processes wrote, but the database."""
    kept = [path for path in arena.stack.folder.glob("*") if path.is_file()]
    logs = [path for path in kept if path.suffix != ".pem" and "sqlite" not in path.name]
    return "".join(path.read_text(errors="replace") for path in logs)


@pytest.mark.row(31)
def test_codes_states_tokens_and_handles_are_in_no_log(arena):
    person = registered(arena)
    jar = person.browser.jar
    back = visitor.approve(person.start())
    cookie = next(iter(jar.values()))
    token = person.tenant.token(person.sub)
    person.open(user_token=token)
    person.come_back(back)
    (asked,) = arena.provider.requests("token")
    secrets = [asked.param("code"), asked.param("code_verifier"), person.asked["state"], cookie]
    secrets += [person.handle, token, CANARY, person.tenant.api_key]
    # The line is written after the answer was sent.
    path, end = urlsplit(person.asked["redirect_uri"]).path, time.monotonic() + 5
    while path not in (log := written(arena)) and time.monotonic() < end:
        time.sleep(0.02)
    assert path in log
    assert [secret for secret in secrets if secret in log] == []
    assert arena.shown(log) == []


@pytest.mark.row(31)
def test_the_end_of_a_trip_is_a_clean_address_that_tells_nobody_where_it_came_from(arena, victim):
    back = visitor.approve(victim.start())
    reply = victim.come_back(back)
    assert (reply.status, reply["location"]) == (303, f"/oauth/done/{victim.flow}")
    assert (reply["referrer-policy"], reply["cache-control"]) == ("no-referrer", "no-store")
    assert reply.text == ""
    done = victim.browser.get(f"{arena.url}{reply['location']}")
    assert done["referrer-policy"] == "no-referrer"
    assert 'src="http' not in done.text
    # A window that was turned into the page itself needs the way back to the page that opened it.
    assert set(re.findall(r'href="(http[^"]*)"', done.text)) == {f"{arena.origin}/"}
    assert "alice" not in done.text
    assert victim.sub not in done.text


SPOILED = {
    "token 500": {"token_status": 500},
    "token 503": {"token_status": {"status": 503, "retry_after": 7}},
    "token refused": {"token_error": "wrong_secret"},
    "token cut": {"token_lost": True},
    "token echo": {"token_body": {"status": 400, "body": f'{{"error": "{CANARY}"}}'}},
    "token echo in words": {
        "token_body": {"status": 400, "body": f'{{"error": "x", "error_description": "{CANARY}"}}'}
    },
    "token html": {"token_body": {"body": f"<p>{CANARY}</p>", "content_type": "text/html"}},
    "token type": {"answer_set": {"token_type": CANARY}},
    "token shape": {"answer_set": {"access_token": [CANARY]}},
    "lifetime": {"answer_set": {"expires_in": CANARY}},
    "identity 500": {"identity_status": 500},
    "identity echo": {"identity_body": f'{{"error": "{CANARY}"}}'},
    "identity deep": {"identity_body": "deep"},
    "callback error": {"callback_error": CANARY},
    "callback extras": {"extra_callback_params": {"error_description": CANARY, "hint": CANARY}},
}


@pytest.mark.row(32)
@pytest.mark.parametrize("modes", SPOILED.values(), ids=SPOILED)
def test_a_failure_says_nothing_secret_to_anybody(arena, modes):
    person = registered(arena)
    logged = len(written(arena))
    arena.provider.configure(**modes)
    newest = arena.newest_alarm()
    link = person.start()
    answered = len(arena.answers)
    back = visitor.approve(link)
    reply = person.come_back(back)
    seen = [reply, person.browser.get(f"{arena.url}/oauth/done/{person.flow}")]
    seen.append(person.post("/portal/flow/status"))
    seen.append(arena.api("GET", f"flows/{person.flow}", f"CP {person.handle}"))
    assert not any(CANARY in each.everything.removeprefix(each.url) for each in seen)
    assert len(arena.answers) > answered
    assert CANARY not in written(arena)[logged:]
    assert "Traceback" not in written(arena)[logged:]
    assert CANARY not in repr(
        arena.rows("SELECT data FROM integrations_auditevent WHERE rowid > ?", newest)
    )
    kept = arena.rows("SELECT * FROM integrations_connection") + arena.rows(
        "SELECT * FROM integrations_flow"
    )
    assert CANARY not in repr(kept)


def signed_in(arena: Arena, name: str = "owner") -> Visit:
    """Return an operator in the admin."""
    person = somebody(arena)
    page = person.browser.get(f"{arena.url}/admin/login/").page
    fields = {"username": name, "password": PASSWORD, "next": "/admin/"}
    fields["csrfmiddlewaretoken"] = page.fields["csrfmiddlewaretoken"]
    reply = person.browser.post(f"{arena.url}/admin/login/", fields, Origin=arena.url)
    assert reply.status == 302, reply.page.text
    return person


@pytest.mark.row(33)
def test_a_saved_secret_is_shown_to_nobody_again(arena):
    """Person, vendor and operator look at everything there is after it was saved."""
    person = registered(arena)
    person.come_back(visitor.approve(person.start()))
    (connection,) = person.connections()
    seen: list[Reply] = [person.post("/portal/manage"), person.post("/portal/flow/status")]
    again = somebody(arena, sub=person.sub)
    seen.append(again.open())
    seen.append(again.enter(client_id="bad id", client_secret=CANARY))
    assert again.status == 422
    seen.append(again.post("/portal/disconnect", {"connection": connection["id"]}))
    vendor, user = f"Bearer {arena.mine.api_key}", f"Bearer {arena.mine.token(person.sub)}"
    paths = ("connections", f"connections/{connection['id']}", "integrations")
    seen += [arena.api("GET", path, vendor) for path in paths]
    paths = ("me", "me/integrations", "me/clients", f"flows/{person.flow}")
    seen += [arena.api("GET", path, user) for path in paths]
    seen += crawled(arena)
    assert len(seen) > 25
    shown = [each.url for each in seen if CANARY in each.text or arena.shown(each.text)]
    assert shown == []


def crawled(arena: Arena) -> list[Reply]:
    """Return the admin's pages: its lists, and the newest rows of each."""
    operator = signed_in(arena)
    home = operator.browser.get(f"{arena.url}/admin/")
    lists = {link for link in links(home) if link.startswith("/admin/integrations/")}
    found = [home]
    for path in sorted(link for link in lists if link.count("/") == 4):
        page = operator.browser.get(f"{arena.url}{path}")
        assert page.status == 200, path
        rows = sorted(link for link in links(page) if link.endswith("/change/"))[:2]
        found += [
            page,
            *(operator.browser.get(f"{arena.url}{path}{row.removeprefix(path)}") for row in rows),
        ]
    assert len(found) > 10
    return found


def links(page: Reply) -> set[str]:
    return {part.partition('"')[0].partition("?")[0] for part in page.text.split('href="')[1:]}


SCRIPTS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)",
    "{{7*7}}", "{% debug %}", "${7*7}", "</title><svg/onload=alert(1)>", "%(x)s{0.__class__}",
    "\u202egpj.exe", "=HYPERLINK(1)",
)  # fmt: skip


@pytest.mark.row(34)
@pytest.mark.parametrize("script", SCRIPTS)
def test_what_others_name_themselves_is_text_everywhere(arena, bob, script):
    """In the user token, in the account's name at the provider, and in its error."""
    token = arena.mine.token(bob.sub, name=script, email=script, org=None)
    seen = [bob.open(user_token=token)]
    bob.enter()
    arena.provider.configure(identity_body=json.dumps({"sub": bob.sub, "email": script}))
    link = bob.start()
    seen += [bob.reply, bob.come_back(visitor.approve(link))]
    seen += [bob.post("/portal/flow/status"), bob.post("/portal/manage")]
    error = f"?error={quote(script)}&error_description={quote(script)}&state={bob.asked['state']}"
    seen.append(bob.browser.get(f"{bob.asked['redirect_uri']}{error}"))
    for reply in seen:
        assert "49" not in reply.page.text.replace(arena.url, "") or "7*7" not in script
        if "<" in script:
            assert script not in reply.text
        # A name at the provider may turn the reading order round, but only its own.
        assert "\u202e" not in reply.text.replace("<bdi>\u202e", "")
        assert "'unsafe-inline'" not in reply["content-security-policy"]
    assert bob.connections()[0]["status"] == "VALID"


HOSTS = (
    {"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Host": "localhost.evil.example"},
    {"Host": "localhost:1@evil.example"}, {"X_Forwarded_Host": "evil.example"},
    {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https"},
    {"X_Host": "evil.example"}, {"Forwarded": "host=evil.example"},
    {"X_Forwarded_Server": "evil.example"}, {"X_Original_Host": "evil.example"},
    {"X_Forwarded_Port": "666"}, {"X_Forwarded_Prefix": "/evil"}, {"X_Script_Name": "/evil"},
    {"Script_Name": "/evil"},
)  # fmt: skip


@pytest.mark.row(36)
@pytest.mark.parametrize("headers", HOSTS, ids=lambda each: "-".join(each.values()))
def test_the_redirect_url_comes_from_the_settings_and_not_from_the_request(arena, bob, headers):
    form = {"user_token": arena.mine.token(bob.sub), "integration": "demo-mail"}
    form["account_type"] = "user-configured-oauth"
    address = f"{arena.url}/embed/{arena.mine.project}/open"
    reply = bob.browser.post(address, form, Origin=arena.origin, **headers)
    assert reply.status in (200, 400)
    assert "evil" not in reply.text
    assert ":666" not in reply.text
    if reply.status == 200:
        assert f"{arena.url}/oauth/callback/" in reply.text


@pytest.mark.row(39)
def test_links_out_and_windows_give_nobody_a_hold_on_our_pages(arena, victim):
    seen = [somebody(arena).open(), victim.reply]
    names = set()
    for _ in range(3):
        page = victim.post("/portal/step", {"to": "review"})
        seen.append(page)
        names |= {part.partition('"')[0] for part in page.text.split('target="cp-')[1:]}
    assert len(names) == 3
    assert min(len(name) for name in names) >= 16
    for reply in seen:
        for tag in reply.text.split("<a ")[1:]:
            attributes = tag.partition(">")[0]
            if 'target="_blank"' in attributes:
                assert "noopener" in attributes


@pytest.mark.row(40)
def test_whoever_leaves_for_the_provider_reads_for_whom(arena, bob):
    bob.open(user_token=arena.mine.token(bob.sub, name="Dana <b>Reyes</b>"))
    bob.enter()
    assert bob.start()
    text = bob.page.text
    assert "Acme CRM" in text
    assert "Dana <b>Reyes</b>" in text
    assert "<b>Reyes" not in bob.reply.text


@pytest.mark.row(40)
def test_the_last_page_names_the_vendor_and_no_person(arena):
    person = prepared(arena)
    person.come_back(visitor.approve(person.start()))
    done = arena.browser().get(f"{arena.url}/oauth/done/{person.flow}")
    assert "Acme CRM" in done.text
    assert person.sub.title() not in done.text
