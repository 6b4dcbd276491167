"""The HTTP server: one thread for each connection, and full control over the bytes sent."""

from __future__ import annotations

import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from tests.fakeas import app, control_api
from tests.fakeas.control import Control
from tests.fakeas.messages import Request, Response
from tests.fakeas.world import World

MAX_BODY = 1_000_000
_MORE = b"x" * 10_000


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    world: World
    log = False

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up; show everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        """Read one request, answer it and close the connection."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65_537)
        if self.raw_requestline and self.parse_request():
            self._answer()

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            self._send(Response(413))
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): self._joined(name) for name in self.headers}
        request = Request(self.command, unquote(path), query, headers, body)
        response = app.handle(self.server.world, request)
        if self.server.log:
            sys.stderr.write(f"{self.command} {path} {response.status}\n")
        self.close_connection = True
        self._send(response)

    def _joined(self, name: str) -> str:
        return ", ".join(self.headers.get_all(name, []))

    def _send(self, response: Response) -> None:
        if response.lost:
            return
        status = f"HTTP/1.1 {response.status} {_phrase(response.status)}\r\n".encode()
        length = [] if response.endless else [("Content-Length", str(len(response.body)))]
        head = [*response.headers, *length, ("Connection", "close")]
        lines = "".join(f"{name}: {value}\r\n" for name, value in head)
        body = b"" if self.command == "HEAD" else response.body[: response.cut]
        parts = {"status": status, "header": lines.encode() + b"\r\n", "body": body}
        for where, data in parts.items():
            slow = response.drip is not None and response.drip.where == where
            self._drip(data, response) if slow else self.wfile.write(data)
        for _ in range(0, response.endless, len(_MORE)):
            self.wfile.write(_MORE)

    def _drip(self, data: bytes, response: Response) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(response.drip.seconds if response.drip else 0)


def _phrase(status: int) -> str:
    return BaseHTTPRequestHandler.responses.get(status, ("Answer", ""))[0]


class FakeAS(Control):
    """Run the server in a thread of this process: `with FakeAS() as provider: ...`.

    `port` 0 picks a free one. `public_url` is what the server calls itself, if not its address.
    """

    def __init__(
        self, port: int = 0, *, host: str = "127.0.0.1", public_url: str = "", log: bool = False
    ) -> None:
        self.world = World()
        self._server = _Server((host, port), _Handler)
        self._server.world = self.world
        self._server.log = log
        self.url = (public_url or f"http://{host}:{self._server.server_port}").rstrip("/")
        self.world.base_url = self.url

    def __enter__(self) -> FakeAS:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.serve_forever()

    def command(self, name: str, payload: Mapping[str, Any]) -> Any:
        """Run the control command on the server's own state."""
        try:
            return control_api.dispatch(self.world, name, payload)
        except KeyError as error:
            raise ValueError(f"unknown or missing: {error.args[0]}") from None
