"""Every address by every method: what browsers are told about an answer, and what they are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver

from portal.pages.visit import SESSION_COOKIE
from portal.urls import urlpatterns
from tests import factories, trips
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
FILLINGS = {
    "uuid": "0197b1f0-0000-7000-8000-0000000000aa",
    "int": "1",
    "path": "1",
    "str": "x" * 43,
}
CONVERTER = re.compile(r"<(?:(\w+):)?\w+>")
GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\\.)*\)")
GROUPS = {"slot": "a" * 26}


@dataclass(frozen=True)
class Kind:
    """What browsers are told: COOP, Referrer-Policy, and whether a session's origin may frame."""

    opener: str = "same-origin"
    referrer: frozenset[str] = frozenset({"same-origin"})
    framed: bool = False


PLAIN = Kind()
PAGE = Kind(framed=True)
# Their window was opened by somebody, and the provider must not learn from where. A refusal names
# the host that may frame it, as any page of a visit does.
TRIP = Kind(opener="unsafe-none", referrer=frozenset({"same-origin", "no-referrer"}), framed=True)
# The address is itself a ticket: another site learns the origin at most.
TICKET = Kind(referrer=frozenset({"strict-origin"}))

KINDS = {
    "embed/<uuid:project_id>/open": PAGE,
    "embed/<uuid:project_id>/frame": PAGE,
    "portal/": PAGE,
    "portal/account-type": PAGE,
    "portal/options": PAGE,
    "portal/create": PAGE,
    "portal/aside": PAGE,
    "portal/another-client": PAGE,
    "portal/step": PAGE,
    "portal/flow/status": PAGE,
    "portal/choose": PAGE,
    "portal/cancel": PAGE,
    "portal/check": PAGE,
    "portal/problem": PAGE,
    "portal/manage": PAGE,
    "portal/connect": PAGE,
    "portal/reconnect": PAGE,
    "portal/secret": PAGE,
    "portal/owner": PAGE,
    "portal/hand-off": PAGE,
    "portal/hand-off/end": PAGE,
    "portal/promote": PAGE,
    "portal/activity": PAGE,
    "portal/disconnect": PAGE,
    "portal/end": PAGE,
    "hosted/<str:ticket>": TICKET,
    "handoff/<str:ticket>": TICKET,
    "handoff/form": TICKET,
    "handoff/aside": TICKET,
    "oauth/start": TRIP,
    r"\Aoauth/callback/(?P<slot>[a-z2-7]{26})\Z": TRIP,
    "oauth/done/<uuid:flow_id>": TRIP,
    "look/<uuid:project_id>/<slug:digest>.css": PLAIN,
    "look/<uuid:project_id>/<slug:digest>.png": PLAIN,
    "api/": PLAIN,
    "healthz": PLAIN,
    "readyz": PLAIN,
    "admin/": PLAIN,
}


def addresses() -> Iterator[tuple[str, str]]:
    """Yield the pattern of each entry of urls.py with every address under it."""
    for entry in urlpatterns:
        for route in _routes(entry):
            yield str(entry.pattern), _filled(route)


def _routes(entry: URLPattern | URLResolver) -> Iterator[str]:
    own = str(entry.pattern)
    if isinstance(entry, URLPattern):
        yield own
        return
    for inner in entry.url_patterns:
        for route in _routes(inner):
            yield own + route


def _filled(route: str) -> str:
    text = GROUP.sub(lambda found: GROUPS.get(found[1], "nowhere"), route)
    text = CONVERTER.sub(lambda found: FILLINGS.get(found[1] or "str", FILLINGS["uuid"]), text)
    return "/" + re.sub(r"\\A|\\Z|[\^$]", "", text)


def problems(answer: Any, kind: Kind, framed_by: set[str]) -> Iterator[str]:
    """Yield what is wrong with an answer's headers; `framed_by` are origins that may frame it."""
    policy = directives(answer)
    if policy.get("default-src") != "'none'" or policy.get("base-uri") != "'none'":
        yield "does not begin with nothing allowed"
    if "unsafe-" in str(policy) or "*" in str(policy) or "data:" in policy.get("script-src", ""):
        yield f"allows too much: {policy}"
    ancestors = policy.get("frame-ancestors")
    allowed = {"'none'"} | (framed_by if kind.framed else set())
    if ancestors not in allowed:
        yield f"may be framed by {ancestors}"
    if answer.get("X-Frame-Options") != ("DENY" if ancestors == "'none'" else None):
        yield f"X-Frame-Options {answer.get('X-Frame-Options')}"
    if answer.get("Cross-Origin-Opener-Policy") != kind.opener:
        yield f"COOP {answer.get('Cross-Origin-Opener-Policy')}"
    if answer.get("Referrer-Policy") not in kind.referrer:
        yield f"Referrer-Policy {answer.get('Referrer-Policy')}"
    yield from _everywhere(answer)
    yield from _cookies(answer)


def directives(answer: Any) -> dict[str, str]:
    """Return the answer's Content-Security-Policy as a table."""
    pairs = (each.strip().partition(" ") for each in answer["Content-Security-Policy"].split(";"))
    return {name: value.strip() for name, _, value in pairs if name}


def _everywhere(answer: Any) -> Iterator[str]:
    if "no-store" not in answer.get("Cache-Control", ""):
        yield f"Cache-Control {answer.get('Cache-Control')}"
    if answer.get("X-Content-Type-Options") != "nosniff":
        yield "no nosniff"
    if "camera=()" not in answer.get("Permissions-Policy", ""):
        yield "no Permissions-Policy"
    if not answer.get("X-Request-Id", "").startswith("req_"):
        yield "no request id"
    for name in ("Server", "X-Powered-By", "Via"):
        if name in answer:
            yield f"{name} {answer[name]}"


def _cookies(answer: Any) -> Iterator[str]:
    for name, morsel in answer.cookies.items():
        strict = {"csrf": "Strict", "cp_admin": "Strict", "messages": "Strict"}.get(name, "Lax")
        expired = morsel["max-age"] == 0
        if morsel["path"] != "/" or morsel["domain"]:
            yield f"cookie {name} for {morsel['domain']}{morsel['path']}"
        # Nothing runs a script on our pages to read Django's token; it is in the forms.
        if not expired and not morsel["httponly"] and name != "csrf":
            yield f"cookie {name} is readable by scripts"
        if not expired and morsel["samesite"] != strict:
            yield f"cookie {name} SameSite={morsel['samesite']}"


def crawl(ask: Any, framed_by: set[str]) -> tuple[list[str], list[Any]]:
    """Ask every address by every method; return what is wrong, and the answers."""
    wrong, answers = [], []
    for pattern, path in addresses():
        for method in METHODS if pattern != "admin/" else ("GET", "POST"):
            answer = ask(method, path)
            answers.append(answer)
            # What does not exist is no trip that an opener waits for.
            kind = PLAIN if answer.status_code == 404 and "done" in pattern else KINDS[pattern]
            found = problems(answer, kind, framed_by)
            wrong += [f"{method} {path} {answer.status_code}: {each}" for each in found]
    return wrong, answers


def test_every_address_states_what_it_is():
    assert {str(entry.pattern) for entry in urlpatterns} == set(KINDS)


def test_a_stranger_gets_no_answer_without_its_headers(client):
    wrong, answers = crawl(lambda method, path: client.generic(method, path), set())
    assert wrong == []
    assert len(answers) > 250
    assert {answer.status_code for answer in answers} >= {200, 302, 401, 403, 404, 405}


def test_no_page_of_a_visit_is_framed_by_anybody_but_its_host(dana):
    fields = {"handle": dana.handle, "flow": dana.flow}

    def ask(method: str, path: str) -> Any:
        if path.startswith(("/admin", "/api", "/portal/end", "/portal/cancel")):
            return Client().get("/healthz")
        send = getattr(dana.client, method.lower())
        data = () if method == "TRACE" else (fields,)
        return send(path, *data, headers={"Origin": settings.BASE_ORIGIN})

    wrong, answers = crawl(ask, {factories.ORIGIN})
    assert wrong == []
    framed = [each for each in answers if directives(each)["frame-ancestors"] == factories.ORIGIN]
    assert len(framed) >= 6


def test_a_visit_that_fills_the_window_is_framed_by_nobody(project):
    person, opened = Visitor(project), trips.visit(project, display="page")
    person.client.cookies[SESSION_COOKIE] = opened.handle.reveal()

    def ask(method: str, path: str) -> Any:
        if path.startswith(("/admin", "/api", "/portal/end")):
            return Client().get("/healthz")
        return person.client.generic(method, path, headers={"Origin": settings.BASE_ORIGIN})

    wrong, answers = crawl(ask, set())
    assert wrong == []
    assert sum(answer.status_code == 200 for answer in answers) > 10


def test_an_administrators_pages_are_framed_by_nobody(client, admin_user):
    client.force_login(admin_user)
    asked = [path for pattern, path in addresses() if pattern == "admin/" and "logout" not in path]
    wrong = []
    for path in asked:
        answer = client.get(path)
        found = problems(answer, PLAIN, set())
        wrong += [f"{path} {answer.status_code}: {each}" for each in found]
    assert wrong == []
    assert len(asked) > 30


@pytest.mark.parametrize(
    "path",
    [
        "/portal/x.css",
        "/portal/manage;a.js",
        "/portal/manage%0a",
        "/portal/manage/",
        "/portal/%2e%2e/admin",
        "/healthz/",
        "/oauth/start/",
        f"/oauth/callback/{'a' * 26}%0a",
        f"/oauth/done/{FILLINGS['uuid']}/x.js",
        "/embed/open",
        "/api/v1/me.css",
    ],
)
def test_an_address_with_something_behind_it_is_no_address(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert list(problems(answer, PLAIN, set())) == []


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:8000.evil.example"]
)
def test_a_form_posted_from_another_site_is_refused_and_framed_by_nobody(dana, origin):
    fields = {"handle": dana.handle, "flow": dana.flow}
    for pattern, path in addresses():
        if not pattern.startswith(("portal/", "oauth/start")):
            continue
        answer = dana.client.post(path, fields, headers={"Origin": origin})
        assert answer.status_code in (403, 405), path
        assert list(problems(answer, KINDS[pattern], set())) == []


@pytest.mark.parametrize("header", ["Content-Security-Policy", "X-Frame-Options", "Cache-Control"])
def test_the_search_sees_a_header_that_is_missing(client, header):
    answer = client.get("/healthz")
    assert list(problems(answer, PLAIN, set())) == []
    answer.headers[header] = "default-src 'none'; script-src 'unsafe-inline'"
    assert list(problems(answer, PLAIN, set()))
