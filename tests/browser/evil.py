"""A page of somebody hostile on another site."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer the page under this path."""
        body, headers = self.server.pages.get(self.path, ("", {}))
        data = f"<!doctype html><title>evil</title>{body}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep requests off the console."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pages: dict[str, tuple[str, Mapping[str, str]]]


class EvilSite:
    """Serve whatever a test says; `origin` is the address for browsers."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.pages = {}
        self.origin = f"http://evil.localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start answering."""
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def page(self, body: str, **headers: str) -> str:
        """Add a page and return its address; underscores in header names become hyphens."""
        path = f"/{len(self._server.pages)}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._server.pages[path] = (body, named)
        return f"{self.origin}{path}"


def posting_form(action: str, fields: Mapping[str, str], *, target: str = "_self") -> str:
    """Return a form that sends itself."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return (
        f'<form id="trap" method="post" action="{escape(action)}" target="{target}">{inputs}</form>'
        "<script>document.getElementById('trap').submit()</script>"
    )
