"""A portal of a few lines that says what a test tells it to: the SDK's other side."""

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self, cast
from urllib.parse import parse_qsl, urlsplit

SDK = Path(__file__).parents[2] / "static" / "connect.js"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z"/></svg>'
FLOW = "0197b1f0-0000-7000-8000-00000000f10e"
NAMES = {"gmail": "Gmail", "jira": "Jira", "slack": "Slack"}
PAGE = """<!doctype html><html lang="en"><title>Portal</title>
<style>body{font:16px system-ui;margin:1.5rem}</style>
<h1>Connect your account</h1><p>A page of the portal.</p><button>Continue</button>
<script>
window.heard = [];
addEventListener("message", (event) => heard.push([event.origin, event.data]));
window.say = (type, more) =>
  parent.postMessage({v: 1, source: "connect-portal", type, ...more}, "*");
if (%s) say("ready");
</script></html>"""


@dataclass(frozen=True)
class Recorded:
    """One request the stub received."""

    method: str
    path: str
    headers: dict[str, str]
    fields: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """Return the values of a form field."""
        return [value for key, value in self.fields if key == name]


def connection(
    integration: str = "gmail", *, number: int = 1, status: str = "VALID", **more: object
) -> dict[str, object]:
    """Make a connection as the API shows it."""
    return {
        "id": f"0197b1f0-0000-7000-8000-{number:012d}",
        "integration": integration,
        "status": status,
        "reason": "",
        "account_label": f"dana{number}@northwind.example",
        "account_id": str(1000 + number),
        "account_type": "default",
        "external_id": "",
        "scopes": ["mail.read"],
        "missing_scopes": ["mail.send"] if status == "LIMITED" else [],
        "created_at": "2026-11-22T09:00:00Z",
        "updated_at": "2026-11-22T09:00:00Z",
        **more,
    }


def flow(status: str, made: dict[str, object] | None = None) -> dict[str, object]:
    """Make a flow as the API shows it."""
    return {"id": FLOW, "status": status, "integration": "gmail", "connection": made}


@dataclass
class StubPortal:
    """The portal's state, set by tests; entering the context starts the server."""

    connections: list[dict[str, object]] = field(default_factory=list)
    flows: dict[str, dict[str, object]] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    ready: bool = True
    open_delay: float = 0
    flow_delay: float = 0
    refusals: int = 0
    refusal: tuple[int, str, str] = (401, "user_token_expired", "Sign in again.")
    readable: bool = True

    def __enter__(self) -> Self:
        """Start answering."""
        self.server = _Server(self)
        self.origin = f"http://localhost:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop and free the port."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def sent(self, method: str, prefix: str) -> list[Recorded]:
        """Return the requests received, by method and start of path."""
        return [r for r in self.requests if r.method == method and r.path.startswith(prefix)]

    def answer(self, method: str, path: str) -> tuple[int, object]:
        """Answer one API request."""
        last = path.rsplit("/", 1)[-1]
        if self.refusals:
            self.refusals -= 1
            status, code, words = self.refusal
            return status, {"code": code, "title": "Refused", "display_message": words}
        if path == "/api/v1/me":
            return 200, {"user": _user(), "integrations": self._states()}
        if path == "/api/v1/me/integrations":
            return 200, {"integrations": [self._metadata(slug) for slug in NAMES]}
        if path.startswith("/api/v1/flows/") and last in self.flows:
            time.sleep(self.flow_delay)
            return 200, self.flows[last]
        if (method, path) == ("DELETE", "/api/v1/me/sessions"):
            return 204, None
        if (method, path) == ("POST", "/api/v1/me/flows"):
            return 200, {"id": FLOW, "status": "DRAFT", "stage": "oauth"}
        if method == "DELETE" and any(c["id"] == last for c in self.connections):
            self.connections = [c for c in self.connections if c["id"] != last]
            return 204, None
        return 404, {"code": "not_found", "display_message": "Not here.", "request_id": "req-8"}

    def _states(self) -> list[dict[str, object]]:
        return [
            {
                "type": slug,
                "name": name,
                "enabled": True,
                "connections": [c for c in self.connections if c["integration"] == slug],
            }
            for slug, name in NAMES.items()
        ]

    def _metadata(self, slug: str) -> dict[str, object]:
        return {
            "type": slug,
            "name": NAMES[slug],
            "icon": f"{self.origin}/static/logos/{slug}.svg",
            "description": f"Work with {NAMES[slug]} from inside your records.",
            "account_types": ["default", "user-configured-oauth"][: 1 if slug == "slack" else 2],
        }


def _user() -> dict[str, object]:
    return {
        "id": "u-1",
        "external_id": "user-dana",
        "name": "Dana Reyes",
        "email": "dana@northwind.example",
        "organization": "northwind",
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, portal: StubPortal) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.portal = portal


class _Handler(BaseHTTPRequestHandler):
    def _take(self) -> Recorded:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        request = Recorded(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            parse_qsl(body),
        )
        cast(_Server, self.server).portal.requests.append(request)
        return request

    def _send(self, status: int, content: str, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if cast(_Server, self.server).portal.readable:
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin") or "*")
        self.send_header("Access-Control-Allow-Headers", "authorization, content-type")
        self.send_header("Access-Control-Allow-Methods", "GET, DELETE")
        self.end_headers()
        self.wfile.write(content.encode())

    def _answer(self) -> None:
        portal = cast(_Server, self.server).portal
        path = urlsplit(self._take().path).path
        if path.startswith("/static/connect"):
            return self._send(200, (SDK.parent / path[8:]).read_text(), "text/javascript")
        if path.startswith("/static/logos/"):
            return self._send(200, LOGO, "image/svg+xml")
        if path.startswith("/embed/"):
            time.sleep(portal.open_delay)
            return self._send(200, PAGE % json.dumps(portal.ready), "text/html")
        if path == "/another-page":
            return self._send(200, PAGE % "false", "text/html")
        status, body = portal.answer(self.command, path)
        content = "" if body is None else json.dumps(body)
        return self._send(status, content, "application/json")

    def do_OPTIONS(self) -> None:
        self._take()
        self._send(204, "", "text/plain")

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Keep requests off the console."""
