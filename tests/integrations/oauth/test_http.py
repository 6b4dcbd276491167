"""The one door to the outside: what may come back through it, and for how long."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from integrations.errors import ProviderFailure, ProviderUnavailable
from integrations.oauth import http
from integrations.oauth.http import Transport
from tests import threads

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


Reply = Callable[[socket.socket], None]


@contextmanager
def server(reply: Reply) -> Iterator[tuple[str, list[bytes]]]:
    """Serve `reply` to every connection on the loopback; yield the address and what was sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(sock,), daemon=True).start()

    def answer(sock: socket.socket) -> None:
        with sock:
            received.append(sock.recv(65_536))
            with suppress(OSError):
                reply(sock)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", received
    finally:
        listener.close()


def fixed(body: bytes, *headers: str, status: str = "200 OK") -> Reply:
    """Return a reply of these bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda sock: sock.sendall(head + body)


def dripping(where: str) -> Reply:
    """Return a reply that sends one byte at a time, for ever, in this part of the answer."""
    parts = {"status": b"HTTP/1.1 2", "header": b"HTTP/1.1 200 OK\r\nX: ", "body": b""}
    parts["body"] = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"
    parts["chunk"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def reply(sock: socket.socket) -> None:
        sock.sendall(parts[where])
        for _ in range(200):
            sock.sendall(b"1\r\nx\r\n" if where == "chunk" else b"0")
            time.sleep(0.02)

    return reply


def get(url: str, *, deadline: float = 5, **headers: str) -> http.Answer:
    """Make a call to the loopback."""
    return Transport(allow=LOOPBACK, deadline=deadline).request("GET", url, headers=headers)


def failure(reply: Reply, **kwargs: Any) -> str:
    """Return the code with which a call to this reply fails."""
    with server(reply) as (url, _), pytest.raises(ProviderFailure) as failed:
        get(url, **kwargs)
    return failed.value.code


def test_an_answer_is_returned_whole():
    with server(fixed(b"{}", "X-Name: value", status="404 Not Found")) as (url, received):
        answer = get(url, Accept="text/x")
    assert (answer.status, answer.body, answer.headers["x-name"]) == (404, b"{}", "value")
    assert b"Accept: text/x\r\n" in received[0]
    assert b"Accept-Encoding: identity\r\n" in received[0]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("header", ["Location: http://127.0.0.1:1/", "X: y"])
def test_a_redirect_is_not_followed(status, header):
    assert failure(fixed(b"", header, status=f"{status} Moved")) == "provider_redirect"


def test_a_body_is_read_up_to_a_cap():
    with server(fixed(b"x" * http.MAX_BODY)) as (url, _):
        assert len(get(url).body) == 65_536
    assert failure(fixed(b"x" * (http.MAX_BODY + 1))) == "provider_bad_response"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_a_compressed_answer_is_refused(encoding):
    assert failure(fixed(b"x", f"Content-Encoding: {encoding}")) == "provider_bad_response"


@pytest.mark.parametrize(
    "reply",
    [
        lambda sock: None,
        lambda sock: sock.sendall(b"SSH-2.0-OpenSSH\r\n"),
        lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
        lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n"),
        lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"),
        lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ],
    ids=["nothing", "another protocol", "cut", "many headers", "long header", "no chunk"],
)
def test_an_answer_that_is_no_http_is_a_failure(reply):
    assert failure(reply) == "provider_unreachable"


@pytest.mark.parametrize("where", ["status", "header", "body", "chunk"])
def test_a_dripping_answer_is_cut_at_the_deadline(where):
    before = time.monotonic()
    assert failure(dripping(where), deadline=0.3) == "provider_timeout"
    assert time.monotonic() - before < 2


def test_silence_is_cut_at_the_deadline():
    assert failure(lambda sock: time.sleep(1), deadline=0.3) == "provider_timeout"


def test_an_answer_in_time_is_not_cut_later():
    with server(fixed(b"{}")) as (url, _):
        transport = Transport(allow=LOOPBACK, deadline=0.2)
        for _ in range(3):
            assert transport.request("GET", url, headers={}).status == 200
            time.sleep(0.1)


def test_cookies_are_not_kept():
    with server(fixed(b"", "Set-Cookie: a=b; Path=/")) as (url, received):
        transport = Transport(allow=LOOPBACK)
        for _ in range(2):
            transport.request("GET", url, headers={})
    assert len(received) == 2
    assert b"cookie" not in received[1].lower()


def test_the_environment_names_no_proxy_and_no_password(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with server(fixed(b"{}")) as (url, received):
        assert get(url).status == 200
    assert b"authorization" not in received[0].lower()


def test_a_slow_host_takes_no_more_than_its_places(monkeypatch):
    monkeypatch.setattr(http, "MAX_PER_HOST", 2)
    monkeypatch.setattr(http, "HOST_WAIT", 0.1)

    def slow(sock: socket.socket) -> None:
        time.sleep(0.5)
        fixed(b"{}")(sock)

    with server(slow) as (url, received), server(fixed(b"{}")) as (other, _):
        transport = Transport(allow=LOOPBACK)
        results = threads.at_once(6, lambda: transport.request("GET", url, headers={}))
        assert transport.request("GET", other, headers={}).status == 200
    busy = [each for each in results if isinstance(each, ProviderUnavailable)]
    assert (len(received), len(busy)) == (2, 4)
    assert {each.code for each in busy} == {"provider_busy"}


def test_a_host_is_forgotten_with_its_last_call():
    transport = Transport(allow=LOOPBACK)
    with server(fixed(b"{}")) as (url, _):
        transport.request("GET", url, headers={})
    assert not transport._hosts
