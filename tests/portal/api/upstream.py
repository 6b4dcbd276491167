"""A provider's API that answers what a test says, and the portal as its server calls it."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    size: int = 0
    digest: str = ""
    start: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """Return the value of the only header of this name, or None."""
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(found) < 2, found
        return found[0] if found else None


Reply = Callable[[socket.socket, Seen], None]


def fixed(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> Reply:
    """Return a reply of these bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return lambda sock, seen: sock.sendall(head + body)


def in_turn(*replies: Reply) -> Reply:
    """Return a reply that is another one each time; the last one stays."""
    left = list(replies)
    return lambda sock, seen: (left.pop(0) if len(left) > 1 else left[0])(sock, seen)


def hang_up(sock: socket.socket, seen: Seen) -> None:
    """Close the connection without a word."""


@dataclass
class Upstream:
    """A provider's API on the loopback."""

    url: str
    reply: Reply = field(default_factory=fixed)
    seen: list[Seen] = field(default_factory=list)

    def reset(self) -> None:
        """Forget what came, and answer plainly."""
        self.reply = fixed()
        self.seen = []

    @property
    def last(self) -> Seen:
        """The one request that came."""
        assert len(self.seen) == 1, self.seen
        return self.seen[0]


@contextmanager
def serving() -> Iterator[Upstream]:
    """Serve until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_one, args=(sock, upstream), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield upstream
    finally:
        listener.close()


def _one(sock: socket.socket, upstream: Upstream) -> None:
    # A request that is cut off late belongs to the test that made it, not to the next one.
    arrived = upstream.seen
    with sock, suppress(OSError, ValueError), sock.makefile("rb") as stream:
        method, target, _ = stream.readline().decode("latin-1").split(" ", 2)
        headers = []
        while line := stream.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(": ")
            headers.append((name, value))
        seen = Seen(method, target, headers)
        hashed, whole = hashlib.sha256(), False
        try:
            for chunk in _body(stream, seen):
                seen.size += len(chunk)
                seen.start = seen.start or chunk
                hashed.update(chunk)
            whole = True
        finally:
            seen.digest = hashed.hexdigest() if whole else "incomplete"
            arrived.append(seen)
        upstream.reply(sock, seen)
        # Read to the end, so that closing does not destroy what is still on its way.
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(0.3)
        while sock.recv(65_536):
            pass


def _body(stream: Any, seen: Seen) -> Iterator[bytes]:
    if seen.header("Transfer-Encoding") == "chunked":
        while size := int(stream.readline(), 16):
            yield stream.read(size)
            stream.readline()
        stream.readline()
        return
    left = int(seen.header("Content-Length") or 0)
    while left:
        chunk = stream.read1(min(left, 65_536))
        if not chunk:
            raise OSError("the body ended too early")
        left -= len(chunk)
        yield chunk


class Pattern(io.RawIOBase):
    """A body of so many bytes that is never in memory as a whole."""

    BLOCK = bytes(range(256)) * 256

    def __init__(self, size: int) -> None:
        self.left, self.largest = size, 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        count = min(self.left, size if size >= 0 else self.left, len(self.BLOCK))
        self.left -= count
        self.largest = max(self.largest, count)
        return self.BLOCK[:count]


@dataclass
class Answer:
    """What the portal answered."""

    status: int
    headers: dict[str, str]
    chunks: Iterable[bytes]
    closed: Callable[[], None]

    @property
    def body(self) -> bytes:
        """The whole body."""
        try:
            return b"".join(self.chunks)
        finally:
            self.closed()

    def problem(self) -> str:
        """Return the code of our own refusal."""
        code = json.loads(self.body)["code"]
        assert self.headers["connect-portal-error"] == code
        return str(code)


@dataclass
class Portal:
    """The portal behind an application server that hands the request over as gunicorn does."""

    authorization: str
    terminated: bool = True
    handler: WSGIHandler = field(default_factory=WSGIHandler)

    def __call__(
        self,
        method: str,
        target: str,
        *,
        body: bytes | io.RawIOBase = b"",
        length: str | None = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """Make a call. A `length` of None means that the body comes in chunks."""
        raw, _, query = target.partition("?")
        source: Any = io.BytesIO(body) if isinstance(body, bytes) else body
        if length == "" and isinstance(body, bytes):
            length = str(len(body)) if body else ""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost:8000",
            "HTTP_AUTHORIZATION": self.authorization,
            "CONTENT_LENGTH": length or "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": source,
            "wsgi.input_terminated": self.terminated,
            "wsgi.errors": io.StringIO(),
        }
        if length is None:
            environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        for name, value in headers:
            key = name.upper().replace("-", "_")
            environ[key if key in {"CONTENT_TYPE", "RAW_URI"} else f"HTTP_{key}"] = value
        started: list[tuple[str, list[tuple[str, str]]]] = []
        # As Django's own test client does: the test goes on with its transaction.
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        result = self.handler(environ, lambda status, sent: started.append((status, sent)))
        status, sent = started[0]
        return Answer(
            int(status[:3]),
            {name.lower(): value for name, value in sent},
            result,
            getattr(result, "close", lambda: None),
        )
