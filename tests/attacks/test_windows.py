"""Rows 8, 9 and 10: how the browser is led away and back, and never anywhere else.

The browser's side of it runs in tests/browser/test_embedding.py.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest

from tests.fakeas import visitor

POLICY, CSP = "cross-origin-opener-policy", "content-security-policy"


@pytest.mark.row(8)
def test_no_page_of_the_trip_cuts_the_window_from_its_opener(arena, victim):
    link = victim.start()
    assert victim.reply[POLICY] == "unsafe-none"
    callback = victim.come_back(visitor.approve(link))
    done = victim.browser.get(f"{arena.url}{callback['location']}")
    refused = victim.browser.get(f"{victim.asked['redirect_uri']}?state=x")
    assert {reply[POLICY] for reply in (callback, done, refused)} == {"unsafe-none"}


@pytest.mark.row(8)
def test_the_result_is_learned_by_asking_and_only_by_the_person(arena, victim, mallory):
    """No message has to arrive; another visit that knows the flow's public id learns nothing."""
    victim.come_back(visitor.approve(victim.start()))
    with arena.repelled():
        poll = victim.post("/portal/flow/status")
    assert "Demo Mail is connected" in poll.text
    mallory.flow = victim.flow
    with arena.repelled():
        assert mallory.post("/portal/flow/status").status == 404


@pytest.mark.row(9)
def test_the_way_out_is_an_answer_that_forms_and_scripts_cannot_leave(arena, victim):
    link = victim.start()
    reply = victim.reply
    assert (reply.status, reply["location"], reply["cache-control"]) == (200, "", "no-store")
    policy = dict(part.strip().partition(" ")[::2] for part in reply[CSP].split(";"))
    locked = ("default-src", "script-src", "form-action", "frame-ancestors", "base-uri")
    assert {policy[name] for name in locked} == {"'none'"}
    assert reply["referrer-policy"] == "no-referrer"
    assert link.startswith(f"{arena.provider.url}/demo-mail/oauth/authorize?")


@pytest.mark.row(9)
def test_a_sign_in_at_a_second_host_does_not_break_the_trip(arena, victim):
    arena.provider.configure(sso_hop=arena.provider.url.replace("127.0.0.1", "localhost"))
    link = victim.start()
    assert visitor.fetch(link).location.startswith("http://localhost:")
    victim.come_back(visitor.approve(link))
    assert victim.standing() == ("COMPLETED", "")


ELSEWHERE = (
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil",
    "https:evil.example", "https:/evil.example", "http://evil.example", "javascript:alert(1)",
    "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "blob:x", "about:blank", "{origin}@evil.example/return",
    "{origin}.evil.example/return", "{origin}/return@evil.example", "{origin}/return/../evil",
    "{origin}/return/", "{origin}/return?next=https://evil.example", "{origin}/return#x",
    "{origin}/RETURN", "{origin}/return%0d%0aSet-Cookie:x=y", "{origin}/return%00",
    "{origin}\\@evil.example/return", "{ORIGIN}/return", "{https}/return", "{origin}0/return",
    "{origin}/", "{origin}", "/return", "return", "?x", "#x", "{origin}//return",
    "http://xn--cme-8cd.localhost/return", "{origin}/re\u200bturn", "{origin}/return\u3002",
    "x" * 600,
)  # fmt: skip


@pytest.mark.row(10)
def test_a_return_address_that_is_not_registered_is_refused(arena, bob):
    words = {"{origin}": arena.origin, "{ORIGIN}": arena.origin.upper()}
    words["{https}"] = arena.origin.replace("http:", "https:")
    assert bob.open(display="page", return_url=f"{arena.origin}/return").status == 303
    with arena.repelled():
        for address in ELSEWHERE:
            for word, value in words.items():
                address = address.replace(word, value)
            reply = bob.open(display="page", return_url=address)
            assert (reply.status, reply["location"], reply.cookies) == (403, "", {}), address


@pytest.mark.row(10)
def test_no_parameter_of_an_address_decides_where_a_redirect_goes(arena, victim):
    back = visitor.approve(victim.start())
    names = ("next", "return_url", "return_to", "redirect_uri", "redirect", "url", "continue", "to")
    evil = "".join(f"&{name}={quote('https://evil.example')}" for name in names)
    paths = ["/portal/", "/oauth/start", "/admin/login/", f"/oauth/done/{victim.flow}", "/nothing"]
    replies = [victim.come_back(back + evil)]
    replies += [victim.browser.get(f"{arena.url}{path}?{evil[1:]}") for path in paths]
    for reply in replies:
        target = urlsplit(reply["location"])
        assert target.netloc in ("", urlsplit(arena.url).netloc)
        assert 'href="https://evil' not in reply.text
        assert "url=https://evil" not in reply.text
    assert victim.standing() == ("COMPLETED", "")
