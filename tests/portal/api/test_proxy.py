"""Calls that are passed on: byte for byte where they should be, refused where they must be."""

from __future__ import annotations

import gc
import hashlib
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from integrations import apikeys, proxying
from integrations.catalog import registry
from integrations.catalog.api import Api
from integrations.models import Connection, Credential
from integrations.oauth.streaming import StreamingTransport
from integrations.proxyplaces import Places
from portal.api import proxy
from tests import factories
from tests.portal.api.upstream import (
    Pattern,
    Portal,
    Seen,
    Upstream,
    fixed,
    hang_up,
    in_turn,
    serving,
)

pytestmark = pytest.mark.django_db

TOKEN = "access-token-of-the-test"
ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
LARGE = 50_000_000


@pytest.fixture(scope="module")
def server():
    """The provider's API of these tests."""
    with serving() as upstream:
        yield upstream


@pytest.fixture
def api(server, provider) -> Upstream:
    """The provider's API, below /base at its host."""
    server.reset()
    entry = registry.provider("demo-mail")
    moved = entry.model_copy(update={"api": Api.model_construct(base_url=f"{server.url}/base")})
    registry.install({**{each.slug: each for each in registry.providers()}, "demo-mail": moved})
    return server


@pytest.fixture
def transport(monkeypatch) -> None:
    """Deadlines that a test can wait for."""
    allow = proxying.transport._session.get_adapter("http://")._allow
    quick = StreamingTransport(allow=allow, idle=0.15, deadline=0.3)
    monkeypatch.setattr(proxying, "transport", quick)


@pytest.fixture
def open_connection(api, connection) -> Connection:
    """Dana's connection, for which every call may be made."""
    connection.integration.proxy_rules = [{"methods": ALL, "path": "/**"}]
    connection.integration.save()
    return connection


@pytest.fixture
def portal(project) -> Portal:
    """The vendor's backend, as it calls the running portal."""
    return Portal(f"Bearer {factories.make_api_key(project)}")


@pytest.fixture
def url(open_connection) -> str:
    """Where calls for the connection begin."""
    return f"/api/v1/connections/{open_connection.pk}/proxy"


def test_a_call_and_its_answer_are_passed_on(api, portal, url):
    api.reply = fixed(b'{"a":1}', "Content-Type: application/json", "ETag: x", status="201 Created")
    headers = [("Content-Type", "text/plain"), ("Accept", "a/b"), ("If-Match", "y")]
    answer = portal("POST", f"{url}/v1/me", body=b"hello", headers=[*headers, ("X-Own", "z")])
    assert (answer.status, answer.body) == (201, b'{"a":1}')
    assert (answer.headers["content-type"], answer.headers["etag"]) == ("application/json", "x")
    seen = api.last
    assert (seen.method, seen.target, seen.start) == ("POST", "/base/v1/me", b"hello")
    assert seen.header("Authorization") == f"Bearer {TOKEN}"
    assert [seen.header(name) for name, _ in headers] == ["text/plain", "a/b", "y"]
    assert (seen.header("X-Own"), seen.header("Content-Length")) == ("z", "5")
    assert seen.header("Host") == api.url.removeprefix("http://")


@pytest.mark.parametrize("method", ALL)
def test_every_method_is_passed_on(api, portal, url, method):
    assert portal(method, f"{url}/x").status == 200
    assert api.last.method == method


EXACT = [
    "/a%2Fb/c",
    "/a%2fb",
    "/users('x')/mail:send",
    "/%7Euser/~user",
    "/a;v=1,2/$batch",
    "/end/",
    "/%C3%A4",
    "/x?a=1&a=2&b=%2f%2F+%7e",
    "/x?$filter=a%20eq%20'b'&q=../..",
    "/x?url=https://evil.example/&x=@:;,",
    '/x?q={"a":[1|2]}^`',
    "/x?access_token=theirs",
    "/a%252Fb",
]


@pytest.mark.parametrize("tail", EXACT)
def test_path_and_query_go_out_byte_for_byte(api, portal, url, tail):
    assert portal("GET", f"{url}{tail}").status == 200
    assert api.last.target == f"/base{tail}"


PATHS = [
    "/..",
    "/../x",
    "/a/../x",
    "/a/..",
    "/./x",
    "/a/.",
    "/%2e%2e/x",
    "/%2E%2E%2Fx",
    "/.%2e/x",
    "/a%2f..%2fx",
    "/%252e%252e/x",
    "/%25252e%25252e%25252fx",
    "/..;/x",
    "/..;a=b/x",
    "/%2e%2e%3b/x",
    "//x",
    "//evil.example/x",
    "/a//x",
    "/a%2f%2fx",
    "/\\x",
    "/a%5cx",
    "/..%5cx",
    "/a%255c..%255cx",
    "/%00",
    "/a%0d%0aX:1",
    "/a%09b",
    "/a b",
    "/a%zz",
    "/a%2",
    "/a#x",
    "/a\x7f",
    "/a\xe4",
    '/a"b',
    "/[x]",
    "/" + "a" * 5000,
    "/%" + "25" * 8 + "2e",
]


@pytest.mark.parametrize("tail", PATHS, ids=range(len(PATHS)))
def test_a_path_that_could_be_read_in_two_ways_is_refused(api, portal, url, tail):
    answer = portal("GET", f"{url}{tail}")
    assert answer.status in (404, 422)
    assert answer.problem() in {"proxy_path_invalid", "not_found"}
    assert api.seen == []


@pytest.mark.parametrize(
    "sent",
    [
        "/api/v1/connections/{id}/pro%78y/x",
        "/api/v1/connections/{id}/proxy/%61",
        "http://evil.example/api/v1/connections/{id}/proxy/x",
        "/api/v1/connections/{id}/proxy/x/../y",
        "*",
    ],
)
def test_a_path_that_two_readers_take_for_different_ones_is_refused(
    api, portal, url, open_connection, sent
):
    raw = sent.format(id=open_connection.pk)
    answer = portal("GET", f"{url}/x", headers=[("RAW_URI", raw)])
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_path_invalid", [])


def test_a_path_that_looks_like_ours_further_on_goes_out_as_a_whole(api, portal, url):
    assert portal("GET", f"{url}/a{url}/b").status == 200
    assert api.last.target == f"/base/a{url}/b"


def test_a_server_that_tells_no_raw_path_is_served_too(api, portal, url):
    answer = portal("GET", f"{url}/a%20b/%25", headers=[("RAW_URI", "")])
    assert (answer.status, api.last.target) == (200, "/base/a%20b/%25")


@pytest.mark.parametrize("query", ["\xe4", "a b", "a\tb", "a\x00"])
def test_a_query_that_is_none_is_refused(api, portal, url, query):
    answer = portal("GET", f"{url}/x?{query}")
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_request_invalid", [])


@pytest.mark.parametrize(
    "query",
    ["_HttpMethod=DELETE", "a=1&_httpmethod=PATCH", "%5Fmethod=put", "a;_method=PUT", "_method"],
)
def test_a_query_that_makes_another_method_of_it_is_refused(api, portal, url, query):
    answer = portal("POST", f"{url}/x?{query}")
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_request_invalid", [])


def test_a_query_that_speaks_of_a_method_in_a_value_is_passed_on(api, portal, url):
    assert portal("GET", f"{url}/x?method=_method&q=_HttpMethod").status == 200
    assert api.last.target == "/base/x?method=_method&q=_HttpMethod"


KEPT_HERE = {
    "Cookie": "sid=1",
    "Origin": "https://acme.example",
    "Referer": "https://acme.example/x",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "Forwarded": "for=10.0.0.1",
    "X-Real-Ip": "10.0.0.1",
    "Via": "1.1 x",
    "Te": "trailers",
    "Trailer": "X-End",
    "Upgrade": "websocket",
    "Keep-Alive": "timeout=5",
    "Proxy-Authorization": "Basic eDp5",
    "Proxy-Connection": "keep-alive",
    "Expect": "100-continue",
    "X-Http-Method-Override": "DELETE",
    "X-Original-Url": "/admin",
    "Sec-Fetch-Site": "cross-site",
    "X-Secret-Hop": "1",
    "Connect-Portal-Error": "x",
}


def test_what_is_ours_or_the_hops_does_not_go_out(api, portal, url):
    named = [("Connection", "close, X-Secret-Hop"), *KEPT_HERE.items()]
    assert portal("GET", f"{url}/x", headers=named).status == 200
    names = {name.lower() for name, _ in api.last.headers}
    assert not names & {name.lower() for name in KEPT_HERE}
    assert "cp_live_" not in str(api.last.headers)


def test_connection_cannot_take_our_own_credential_away(api, portal, url):
    portal("GET", f"{url}/x", headers=[("Connection", "Authorization, Host, Accept-Encoding")])
    assert api.last.header("Authorization") == f"Bearer {TOKEN}"


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\x00b", "a\x7fb"])
def test_a_header_with_control_characters_is_refused(api, portal, url, value):
    answer = portal("GET", f"{url}/x", headers=[("X-Own", value)])
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_request_invalid", [])


def test_a_body_of_two_lengths_is_refused(api, portal, url):
    answer = portal(
        "POST", f"{url}/x", body=b"12345", headers=[("Transfer-Encoding", "chunked")], length="5"
    )
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_request_invalid", [])


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "chunked, chunked", "xchunked"])
def test_a_coding_that_nobody_reads_is_refused(api, portal, url, coding):
    answer = portal(
        "POST", f"{url}/x", body=b"0\r\n", headers=[("Transfer-Encoding", coding)], length=" "
    )
    assert (answer.status, api.seen) == (422, [])


@pytest.mark.parametrize("length", ["-1", "+5", "5, 5", "5 5", "0x5", "\u0665", "9" * 30])
def test_a_length_that_is_no_number_is_refused(api, portal, url, length):
    answer = portal("POST", f"{url}/x", body=b"12345", length=length)
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_request_invalid", [])


@pytest.mark.parametrize("stated", [6, 200_000])
def test_a_body_that_ends_too_early_is_not_taken_for_a_whole_one(api, portal, url, stated):
    body = Pattern(stated - 1)
    answer = portal("POST", f"{url}/x", body=body, length=str(stated))
    assert (answer.status, answer.problem()) == (422, "proxy_body_incomplete")
    assert {seen.digest for seen in api.seen} <= {"incomplete"}


class CutShort(Pattern):
    """Chunks that break off, as gunicorn tells by its own exceptions."""

    error: Exception = OSError("no more data")

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, or fail where they are over."""
        if not self.left:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize("error", [OSError("no more data"), TimeoutError(), LookupError("size")])
@pytest.mark.parametrize("size", [0, 5, 200_000])
def test_chunks_that_break_off_are_not_taken_for_a_whole_body(api, portal, url, size, error):
    body = CutShort(size)
    body.error = error
    answer = portal("POST", f"{url}/x", body=body, length=None)
    assert (answer.status, answer.problem()) == (422, "proxy_body_incomplete")
    assert {seen.digest for seen in api.seen} <= {"incomplete"}


NOT_OURS = {
    "Set-Cookie": "sid=1; Path=/",
    "Strict-Transport-Security": "max-age=0",
    "Content-Security-Policy-Report-Only": "default-src *",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Cross-Origin-Embedder-Policy": "unsafe-none",
    "Clear-Site-Data": '"*"',
    "Refresh": "0; url=https://evil.example",
    "Alt-Svc": 'h3=":443"',
    "Service-Worker-Allowed": "/",
    "X-Accel-Redirect": "/internal/secret",
    "Connect-Portal-Error": "needs_reauth",
    "Keep-Alive": "timeout=5",
    "Proxy-Authenticate": "Basic",
    "Upgrade": "h2c",
    "Trailer": "X-End",
    "Expires": "Thu, 01 Jan 2099 00:00:00 GMT",
    "X-Named": "by Connection",
    "Report-To": "{}",
}


def test_what_a_provider_says_about_its_own_site_is_not_said_about_ours(api, portal, url):
    csp, cache = "Content-Security-Policy: default-src *", "Cache-Control: public, max-age=99"
    lines = [f"{name}: {value}" for name, value in NOT_OURS.items()]
    types = ["Content-Type: text/html", "X-Content-Type-Options: sniff", "Connection: X-Named"]
    api.reply = fixed(b"<script>1</script>", csp, cache, *types, *lines)
    answer = portal("GET", f"{url}/x")
    assert answer.body == b"<script>1</script>"
    assert not set(answer.headers) & {name.lower() for name in NOT_OURS}
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"


def test_an_answer_without_a_type_is_not_called_a_page(api, portal, url):
    assert portal("GET", f"{url}/x").headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("status", ["400 Bad", "404 Not Found", "429 Slow", "500 Oops", "503 No"])
def test_a_providers_own_error_is_passed_on_as_it_is(api, portal, url, status):
    lines = ["Content-Type: text/html", "Retry-After: 7"]
    api.reply = fixed(b"<h1>theirs</h1>", *lines, status=status)
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.body) == (int(status[:3]), b"<h1>theirs</h1>")
    assert answer.headers["retry-after"] == "7"
    assert "connect-portal-error" not in answer.headers
    assert len(api.seen) == 1


def test_a_token_that_the_provider_repeats_in_a_header_does_not_come_back(api, portal, url):
    api.reply = fixed(b"ok", f"X-Token: {TOKEN}", f"Link: <https://x/?t={TOKEN}>", "X-Other: kept")
    answer = portal("GET", f"{url}/x")
    assert TOKEN not in str(answer.headers)
    assert answer.headers["x-other"] == "kept"


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/y?a=b", "{url}/y?a=b"),
        ("y", "{url}/base/y"),
        ("{url}/z", "{url}/z"),
        ("https://evil.example/", None),
        ("//evil.example/", None),
        ("http://127.0.0.1:1/", None),
        ("http://x@{host}/", None),
        ("{url}@evil.example/", None),
        ("/\\evil.example", None),
        ("javascript:alert(1)", None),
        ("http://[x", None),
        (f"/?token={TOKEN}", None),
    ],
)
@pytest.mark.parametrize("status", ["302 Found", "201 Created"])
def test_a_redirect_is_passed_on_and_never_followed(api, portal, url, location, kept, status):
    names = {"url": api.url, "host": api.url.removeprefix("http://")}
    line = "Location: " + location.format(**names) if "{" in location else f"Location: {location}"
    api.reply = fixed(b"moved", line, status=status)
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.body) == (int(status[:3]), b"moved")
    assert answer.headers.get("location") == (kept and kept.format(**names))
    assert len(api.seen) == 1


@pytest.fixture
def renewed(monkeypatch) -> list[int | None]:
    """Tokens that a refresh makes anew, and which generations were asked for."""
    real, asked = proxying.tokens.access_token_for, []

    def access_token_for(connection: Connection, *, seen_generation: int | None = None) -> Any:
        asked.append(seen_generation)
        if seen_generation is not None:
            credential = Credential.objects.get(pk=connection.pk)
            assert credential.generation == seen_generation
            credential.generation += 1
            credential.seal(access_token=factories.Secret("second-token"))
            credential.refresh_token = None
            credential.save()
        return real(connection)

    monkeypatch.setattr(proxying.tokens, "access_token_for", access_token_for)
    return asked


DENIED = fixed(b"denied", "WWW-Authenticate: Bearer", status="401 Unauthorized")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_is_refused_is_renewed_once_and_the_call_made_again(
    api, portal, url, renewed, method
):
    api.reply = in_turn(DENIED, fixed(b"fine"))
    body = b"" if method == "GET" else b"x" * 65_536
    answer = portal(method, f"{url}/x", body=body)
    assert (answer.status, answer.body) == (200, b"fine")
    assert [seen.header("Authorization") for seen in api.seen] == [
        f"Bearer {TOKEN}",
        "Bearer second-token",
    ]
    assert {seen.digest for seen in api.seen} == {hashlib.sha256(body).hexdigest()}
    assert renewed == [None, 1]


def test_a_token_that_is_refused_again_is_not_renewed_again(api, portal, url, renewed):
    api.reply = DENIED
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.body) == (401, b"denied")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (len(api.seen), renewed) == (2, [None, 1])


@pytest.mark.parametrize(("pause", "again"), [(60.0, []), (0.0, [2, 3])])
def test_a_path_that_always_refuses_renews_one_token_a_minute(
    api, portal, url, renewed, monkeypatch, pause, again
):
    monkeypatch.setattr(proxying, "RENEWED_FOR", pause)
    api.reply = DENIED
    for body in (b"x" * 65_537, b"", b""):
        answer = portal("POST", f"{url}/x", body=body)
        assert (answer.status, answer.body) == (401, b"denied")
    assert [seen for seen in renewed if seen] == [1, *again]


def test_a_long_body_is_not_sent_again_but_the_token_is_renewed(api, portal, url, renewed):
    api.reply = DENIED
    answer = portal("POST", f"{url}/x", body=b"x" * 65_537)
    assert (answer.status, answer.body) == (401, b"denied")
    assert (len(api.seen), renewed) == (1, [None, 1])


def test_a_refusal_that_no_refresh_can_help_is_passed_on(api, portal, url):
    Credential.objects.update(refresh_token=None)
    api.reply = DENIED
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.body, len(api.seen)) == (401, b"denied", 1)
    assert Connection.objects.get().status == "VALID"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_call_without_an_answer_is_made_again_where_that_is_safe(api, portal, url, method):
    api.reply = in_turn(hang_up, fixed(b"fine"))
    assert portal(method, f"{url}/x").status == 200
    assert len(api.seen) == 2


@pytest.mark.parametrize(("method", "size"), [("POST", 5), ("PATCH", 5), ("PUT", 65_537)])
def test_a_call_is_not_made_twice_where_that_could_do_it_twice(api, portal, url, method, size):
    api.reply = in_turn(hang_up, fixed(b"fine"))
    answer = portal(method, f"{url}/x", body=b"x" * size)
    assert (answer.status, answer.problem()) == (503, "provider_unreachable")
    assert len(api.seen) == 1


def test_a_call_is_made_again_only_once(api, portal, url):
    api.reply = hang_up
    assert portal("GET", f"{url}/x").problem() == "provider_unreachable"
    assert len(api.seen) == 2


def test_a_provider_that_says_nothing_is_given_up(api, portal, url, transport):
    done = threading.Event()
    api.reply = lambda sock, seen: done.wait(2)
    answer = portal("GET", f"{url}/x")
    done.set()
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.problem() in {"provider_unreachable", "provider_timeout"}


def test_a_provider_that_drips_headers_is_given_up(api, portal, url, transport):
    def drip(sock: socket.socket, seen: Seen) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not done.wait(0.05):
            sock.sendall(b"x")

    done, api.reply = threading.Event(), drip
    answer = portal("GET", f"{url}/x")
    done.set()
    assert (answer.status, answer.problem()) == (503, "provider_timeout")


def broken(kind: str) -> Any:
    """Return a reply that breaks off in the middle of its body."""

    def reply(sock: socket.socket, seen: Seen) -> None:
        framings = {"chunk": b"Transfer-Encoding: chunked", "close": b"Connection: close"}
        framing = framings.get(kind, b"Content-Length: 50")
        sock.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        sock.sendall(b"5\r\nhello\r\n" if kind == "chunk" else b"hello")
        while kind in ("drip", "close") and not stop.wait(0.05):
            sock.sendall(b".")
        stop.wait(2 if kind == "silence" else 0)

    stop = threading.Event()
    reply.stop = stop  # type: ignore[attr-defined]
    return reply


@pytest.mark.parametrize("kind", ["length", "chunk", "silence", "drip", "close"])
def test_an_answer_that_breaks_off_does_not_look_whole(api, portal, url, transport, kind):
    api.reply = broken(kind)
    answer = portal("GET", f"{url}/x")
    assert answer.status == 200
    with pytest.raises(ConnectionResetError):
        assert answer.body
    api.reply.stop.set()  # type: ignore[attr-defined]


def test_an_answer_that_nobody_reads_gives_its_place_back(api, portal, url):
    for _ in range(12):
        portal("GET", f"{url}/x").closed()
    assert portal("GET", f"{url}/x").body == b"ok"


def test_a_switch_of_protocols_is_not_passed_on(api, portal, url):
    api.reply = fixed(b"", status="101 Switching Protocols")
    assert portal("GET", f"{url}/x").problem() == "provider_bad_response"


def test_chunks_arrive_while_the_answer_is_still_being_written(api, portal, url):
    def reply(sock: socket.socket, seen: Seen) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        arrived.wait(5)
        sock.sendall(b"data: 2\n\n")

    arrived, api.reply = threading.Event(), reply
    answer = portal("GET", f"{url}/x")
    chunks = iter(answer.chunks)
    assert next(chunks) == b"data: 1\n\n"
    arrived.set()
    assert b"".join(chunks) == b"data: 2\n\n"
    answer.closed()


def test_a_compressed_answer_stays_compressed(api, portal, url):
    bomb = b"\x1f\x8b not really gzip"
    api.reply = fixed(bomb, "Content-Encoding: gzip")
    answer = portal("GET", f"{url}/x", headers=[("Accept-Encoding", "gzip")])
    assert (answer.body, answer.headers["content-encoding"]) == (bomb, "gzip")
    assert api.last.header("Accept-Encoding") == "gzip"


def test_nobody_is_sent_compressed_answers_unasked(api, portal, url):
    portal("GET", f"{url}/x").closed()
    assert api.last.header("Accept-Encoding") == "identity"


def send_large(sock: socket.socket, seen: Seen) -> None:
    """Answer with a large body."""
    sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n".encode())
    body = Pattern(LARGE)
    while chunk := body.read(65_536):
        sock.sendall(chunk)


@pytest.mark.parametrize("length", [str(LARGE), None])
def test_large_bodies_pass_both_ways_without_being_kept(api, portal, url, length):
    api.reply, body = send_large, Pattern(LARGE)
    gc.collect()
    tracemalloc.start()
    answer = portal("POST", f"{url}/x", body=body, length=length)
    got = sum(len(chunk) for chunk in answer.chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answer.closed()
    assert (got, api.last.size, body.left) == (LARGE, LARGE, 0)
    assert answer.headers["content-length"] == str(LARGE)
    assert api.last.header("Transfer-Encoding") == (None if length else "chunked")
    assert peak < 4_000_000


def test_chunks_need_a_server_that_ends_them(api, portal, url):
    portal.terminated = False
    answer = portal("POST", f"{url}/x", body=b"12345", length=None)
    assert (answer.status, answer.problem(), api.seen) == (422, "proxy_length_required", [])


RULES = [{"methods": ["GET", "POST"], "path": "/v1/users/*/mail/**"}]
RULES += [{"methods": ["DELETE"], "path": "/v1/drafts/d-*"}]


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("GET", "/v1/users/me/mail/1"),
        ("GET", "/v1/users/me/mail/1/2/3?x=y"),
        ("GET", "/v1/users/me/mail"),
        ("POST", "/v1/users/%61/mail/"),
        ("DELETE", "/v1/drafts/d-1"),
    ],
)
def test_a_call_on_the_list_is_made(api, portal, url, open_connection, method, tail):
    rules(open_connection, RULES)
    assert portal(method, f"{url}{tail}").status == 200


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("DELETE", "/v1/users/me/mail/1"),
        ("HEAD", "/v1/users/me/mail/1"),
        ("GET", "/v1/users/me/mailx"),
        ("GET", "/v1/users/me%2Fmail/1"),
        ("GET", "/v1/users/a%2Fb/mail/1"),
        ("GET", "/v1/users/a%252Fb%2Fc/mail/1"),
        ("GET", "/v1/users//mail/1"),
        ("GET", "/V1/users/me/mail/1"),
        ("GET", "/v1"),
        ("GET", "/v1/users/me"),
        ("GET", "/x/v1/users/me/mail/1"),
        ("DELETE", "/v1/drafts/e-1"),
        ("DELETE", "/v1/drafts/d-1/x"),
        ("DELETE", "/v1/drafts/d-1%2Fx"),
        ("GET", "/v1/drafts/d-1"),
    ],
)
def test_a_call_not_on_the_list_is_refused(api, portal, url, open_connection, method, tail):
    rules(open_connection, RULES)
    answer = portal(method, f"{url}{tail}", headers=[("X-HTTP-Method-Override", "GET")])
    assert answer.status in (403, 422)
    assert answer.problem() in {"proxy_not_allowed", "proxy_path_invalid"}
    assert api.seen == []


@pytest.mark.parametrize(("value", "code"), [(None, "proxy_off"), ([], "proxy_not_allowed")])
def test_nothing_is_passed_on_unless_it_was_switched_on(
    api, portal, url, open_connection, value, code
):
    rules(open_connection, value)
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (403, code, [])


def test_an_integration_begins_without_any_call(connection):
    assert connection.integration.proxy_rules is None


def rules(connection: Connection, value: Any) -> None:
    """Give the integration this list."""
    connection.integration.proxy_rules = value
    connection.integration.save()


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_a_method_that_is_not_known_is_refused(api, portal, url, method):
    assert (portal(method, f"{url}/x").status, api.seen) == (405, [])


def test_a_connection_of_another_project_is_not_found(api, url):
    other = Portal(f"Bearer {factories.make_api_key(factories.make_project('Globex'))}")
    answer = other("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (404, "connection_not_found", [])


def test_a_connection_that_does_not_exist_is_not_found(api, portal, open_connection):
    answer = portal("GET", f"/api/v1/connections/{uuid4()}/proxy/x")
    assert (answer.status, answer.problem()) == (404, "connection_not_found")


def test_a_key_without_the_scope_is_refused(api, url, project):
    policy = apikeys.checked_policy(scopes=["tokens:read", "connections:read"])
    answer = Portal(f"Bearer {factories.make_api_key(project, policy)}")("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (403, "insufficient_scope", [])


def test_nothing_is_passed_on_once_the_projects_tokens_are_stopped(api, portal, url, project):
    apikeys.set_tokens_stopped(project=project, stopped=True, actor="test")
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (403, "tokens_stopped", [])


def test_a_connection_that_needs_a_person_is_told_so(api, portal, url, open_connection):
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (409, "needs_reauth", [])


def test_a_disconnected_connection_is_told_so(api, portal, url, open_connection):
    Credential.objects.all().delete()
    Connection.objects.update(status="DISCONNECTED")
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (404, "connection_disconnected", [])


def test_a_provider_whose_address_is_not_known_is_told_so(api, portal, url):
    entry = registry.provider("demo-mail").model_copy(update={"api": None})
    registry.install({"demo-mail": entry})
    answer = portal("GET", f"{url}/x")
    assert (answer.status, answer.problem(), api.seen) == (403, "proxy_unsupported", [])


@pytest.fixture(autouse=True)
def _no_answer_left_open() -> Iterator[None]:
    """Collect answers that a test did not read to the end: each holds a place at its host."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _many_places(monkeypatch) -> None:
    """Room for answers that a test looks at without reading them to their end."""
    monkeypatch.setattr(proxy, "places", Places(total=1000, share=1000))


@pytest.fixture
def one_place(_many_places, monkeypatch) -> Places:
    """A portal with one place for calls that are passed on."""
    places = Places(total=1, share=1)
    monkeypatch.setattr(proxy, "places", places)
    return places


def test_a_call_without_a_place_is_refused_at_once(api, portal, url, one_place, project):
    held = one_place.take(project.pk)
    answer = portal("GET", f"{url}/v1/me")
    assert (answer.status, answer.problem()) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "1"
    assert not api.seen
    held.leave()
    assert portal("GET", f"{url}/v1/me").status == 200


def test_a_full_portal_says_that_it_is_busy(api, portal, url, one_place):
    held = one_place.take(uuid4())
    answer = portal("GET", f"{url}/v1/me")
    assert (answer.status, answer.problem()) == (503, "proxy_busy")
    held.leave()


def test_a_call_leaves_its_place_however_it_ends(api, portal, url, one_place):
    for reply in (fixed(b"x"), hang_up, fixed(b"", status="204 No Content")):
        api.reply = reply
        assert portal("GET", f"{url}/v1/me").body is not None
        assert not one_place._taken
    assert portal("GET", f"{url}/v1/../me").problem()
    assert not one_place._taken
