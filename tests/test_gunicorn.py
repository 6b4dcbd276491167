"""The web server as it is configured: too large is refused, and who is slow stops nobody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
THREADS = 2


def echo(environ, start_response):
    """Answer with the length of the body: an application for these tests."""
    length = len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(length).encode()]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with our configuration, few threads and little patience."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    environment = {
        **os.environ,
        "BIND": f"127.0.0.1:{number}",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": str(THREADS),
        "READ_TIMEOUT": "1",
    }
    command = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "tests.test_gunicorn:echo"]
    server = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(number)
        yield number
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not start")


def answer(port: int, head: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(head + b"\r\n\r\n")
        return link.recv(200)


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close"


def test_a_good_request_is_answered(port: int) -> None:
    fields = b"".join(b"\r\nX-Field-%d: a" % number for number in range(50))
    assert b" 200 OK" in answer(port, GET + fields)
    assert b" 200 OK" in answer(port, GET + b"\r\nCookie: " + b"a" * 8_000)


def test_a_line_that_is_too_long_is_refused(port: int) -> None:
    found = answer(port, b"GET /?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost")
    assert found.split()[1] in (b"400", b"414")


def test_a_field_that_is_too_long_is_refused(port: int) -> None:
    found = answer(port, GET + b"\r\nCookie: " + b"a" * 9_000)
    assert found.split()[1] in (b"400", b"431")


def test_too_many_fields_are_refused(port: int) -> None:
    fields = b"".join(b"\r\nX-Field-%d: a" % number for number in range(70))
    assert answer(port, GET + fields).split()[1] in (b"400", b"431")


@pytest.mark.parametrize(
    "part",
    [
        b"GET / HTTP/1.1\r\nHost: local",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nabc",
    ],
    ids=["headers", "body"],
)
def test_as_many_slow_clients_as_threads_stop_nobody_for_long(port: int, part: bytes) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(THREADS)]
    try:
        for link in slow:
            link.sendall(part)
        time.sleep(0.2)
        began = time.monotonic()
        assert b" 200 OK" in answer(port, GET)
        # Well under the twenty seconds that `answer` would wait, on a busy machine too.
        assert time.monotonic() - began < 12
    finally:
        for link in slow:
            link.close()
