"""A small client of the Connect Portal vendor API. Python 3.11, standard library only.

portal = ConnectPortal("https://connect.acme.example", api_key)
for connection in portal.connections(user="user-42"):
    token = portal.access_token(connection["id"])
"""

from __future__ import annotations

import json
import random
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPResponse
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

Json = dict[str, Any]
WAITS_FOR = ("idempotency_key_in_use", "rate_limited")
MAX_WAIT = 20.0


class ConnectPortalError(Exception):
    """A refusal of the portal: `code` is stable, `errors` name fields (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "internal_error"))
        self.display_message = str(problem.get("display_message", ""))
        self.suggested_action = str(problem.get("suggested_action", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.errors: list[Json] = list(problem.get("errors", ()))
        super().__init__(f"{self.code} ({status}, {self.request_id})")


class NeedsReconnect(ConnectPortalError):
    """The connection gives no token until a person reconnects it, or has been disconnected."""


@dataclass(frozen=True)
class AccessToken:
    """A token to call the provider with. Keep it for a request, not in a database."""

    access_token: str = field(repr=False)
    token_type: str
    expires_at: datetime | None
    generation: int


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """Hand over every answer, and follow none: the API key would go along."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # noqa: ARG002
        return response

    https_response = http_response


class ConnectPortal:
    """The vendor API of one project. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 30.0,
        tries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(base_url)
        local = parts.hostname in {"localhost", "127.0.0.1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("base_url must be https")
        self._base = f"{base_url.rstrip('/')}/api/v1"
        self._key, self._timeout, self._tries, self._sleep = api_key, timeout, tries, sleep
        self._opener = urllib.request.build_opener(_AsItIs)

    def connections(self, **filters: str) -> Iterator[Json]:
        """Yield connections, newest first. Filters: user, org, integration, status."""
        return self._pages("connections", "connections", filters)

    def connection(self, connection_id: str) -> Json:
        """Return one connection."""
        return self._json("GET", f"connections/{quote(connection_id, safe='')}")

    def disconnect(self, connection_id: str) -> None:
        """Disconnect: its tokens are erased, and ended at the provider where that is possible."""
        self._json("DELETE", f"connections/{quote(connection_id, safe='')}")

    def access_token(
        self, connection_id: str, *, seen_generation: int | None = None
    ) -> AccessToken:
        """Return a fresh token. After a 401 of the provider, pass the generation you used.

        Raises NeedsReconnect if a person must act.
        """
        body = {} if seen_generation is None else {"seen_generation": seen_generation}
        path = f"connections/{quote(connection_id, safe='')}/access-token"
        found = self._json("POST", path, body)
        ends = found["expires_at"] and datetime.fromisoformat(found["expires_at"])
        return AccessToken(found["access_token"], found["token_type"], ends, found["generation"])

    def call(
        self,
        connection_id: str,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        """Call the provider's API through the portal and return its answer, unread.

        `path` is below the API's address, percent-encoded, with its query. Whatever status the
        provider answers is returned; raises ConnectPortalError for a refusal of the portal.
        """
        address = f"connections/{quote(connection_id, safe='')}/proxy/{path.lstrip('/')}"
        return self._open(method, address, body, headers or {})

    def import_connections(self, rows: list[Json], *, dry_run: bool = False) -> Json:
        """Import connections of a former system and return the report, row by row."""
        return self._json("POST", "connections/import", {"rows": rows, "dry_run": dry_run})

    def clients(self, **filters: str) -> Iterator[Json]:
        """Yield OAuth clients, newest first. Filters: user, org, integration, owner, state."""
        return self._pages("clients", "clients", filters)

    def events(self, **filters: str) -> Iterator[Json]:
        """Yield events, newest first. Filters: action, actor, object_id, since, until."""
        return self._pages("events", "events", filters)

    def integrations(self) -> list[Json]:
        """Return the active integrations."""
        return list(self._json("GET", "integrations")["integrations"])

    def session(self, user: str, *, kind: str = "hosted", **more: Any) -> Json:
        """Make a one-time link (hosted) or ticket (embed) for a person."""
        return self._json("POST", "sessions", {"user": user, "kind": kind, **more})

    def confirm(self, flow_id: str, end_user: str) -> Json:
        """Say who is signed in where a link flow came back to."""
        return self._json(
            "POST", f"flows/{quote(flow_id, safe='')}/confirm", {"end_user": end_user}
        )

    def _pages(self, path: str, name: str, filters: Mapping[str, str]) -> Iterator[Json]:
        cursor: str | None = ""
        while cursor is not None:
            query = urlencode({**filters, **({"cursor": cursor} if cursor else {})})
            page = self._json("GET", f"{path}?{query}" if query else path)
            yield from page[name]
            cursor = page["next_cursor"]

    def _json(self, method: str, path: str, body: Json | None = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if method != "GET":
            # One key for all tries, so that none of them does it twice.
            headers["Idempotency-Key"] = f'"{uuid.uuid4()}"'
        for attempt in range(1, self._tries + 1):
            try:
                with self._open(method, path, data, headers) as answer:
                    text = answer.read()
                return json.loads(text) if text else {}
            except ConnectPortalError as error:
                if attempt == self._tries or not (error.status == 503 or error.code in WAITS_FOR):
                    raise
                self._sleep(min(2.0**attempt, MAX_WAIT) * random.uniform(0.5, 1))  # noqa: S311
        raise AssertionError("unreachable")

    def _open(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HTTPResponse:
        sent = {**headers, "Authorization": f"Bearer {self._key}"}
        url = f"{self._base}/{path}"
        request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310
        answer: HTTPResponse = self._opener.open(request, timeout=self._timeout)
        ours = "/proxy/" not in path or answer.headers.get("Connect-Portal-Error") is not None
        if ours and answer.status >= 300:
            with answer:
                _refuse(answer)
        return answer


def _refuse(answer: HTTPResponse) -> NoReturn:
    try:
        problem = json.loads(answer.read())
    except ValueError:
        problem = {}
    gone = {"needs_reauth", "client_rejected", "rotation_lost", "connection_disconnected"}
    kind = NeedsReconnect if problem.get("code") in gone else ConnectPortalError
    raise kind(answer.status, problem)
