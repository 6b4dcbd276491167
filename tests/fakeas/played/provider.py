"""One provider with one app: every endpoint of its file, and nothing that its file does not say."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Any

from integrations.oauth.http import Answer
from tests.fakeas.played import accounts, authorization, revoking, samples, tokens
from tests.fakeas.played.wire import Asked, Refused, filled, place


class Played:
    """A provider played from what its file says, as TOML has it and with the RFCs' defaults.

    It has one app, in the account that its settings name; whoever registers the app sets
    `redirect_uri`. `seen` counts what was asked by endpoint, `refused` says what was not taken.
    """

    def __init__(self, slug: str, data: Mapping[str, Any]) -> None:
        self.slug, self.data = slug, data
        self.settings = samples.settings(data)
        self.redirect_uri = ""
        # Both hold characters that have to be encoded somewhere on their way.
        self.client_id, self.secret = "app:1/2", f"{secrets.token_urlsafe(24)}%+&"
        self.trip: dict[str, str] = {}
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.ended: list[str] = []
        self.refused: list[str] = []
        self.seen: Counter[str] = Counter()
        self.asked: dict[str, Asked] = {}

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table of the file, or an empty one."""
        found = self.data.get(name, {})
        return found if isinstance(found, dict) else {}

    def url(self, template: str | None, **more: str) -> str:
        """Return an endpoint with the settings filled in, or nothing."""
        return filled(template, {**self.settings, **more}) if template else ""

    def dialect(self, name: str) -> bool:
        """Return whether the file names this dialect."""
        return name in self.data.get("dialects", [])

    def approve(self, url: str) -> str:
        """Check an authorization request, allow it, and return where the browser goes next."""
        return authorization.callback(self, url)

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Answer a call as the transport would bring it back."""
        asked = Asked(method, url, headers, body or b"")
        for endpoint, known in self._known(asked):
            self.seen[endpoint] += 1
            self.asked[endpoint] = asked
            try:
                return answer(200, known(self, asked))
            except Refused as refused:
                self.refused.append(f"{endpoint}: {refused}")
                return answer(refused.status, tokens.error(self, refused))
        self.refused.append(f"nothing lives at {method} {place(url)}")
        return answer(404, {"error": "not_found"})

    def _known(self, asked: Asked) -> list[tuple[str, Any]]:
        found = [*tokens.endpoints(self), *accounts.endpoints(self), *revoking.endpoints(self)]
        here = [(name, play) for name, url, play in found if url and matches(asked, url)]
        # One address may be two endpoints, told apart by the method.
        ends = asked.method == "DELETE"
        return [each for each in here if not ends or each[0] == "revocation"][:1]


def matches(asked: Asked, url: str) -> bool:
    """Return whether a request is for this endpoint; a fixed query belongs to its address."""
    if "?" in url:
        return asked.url == url or asked.url.startswith(f"{url}&")
    return asked.address == url


def answer(status: int, data: Any) -> Answer:
    """Return JSON, as a transport does."""
    body = b"" if data is None else json.dumps(data).encode()
    return Answer(status=status, headers={"content-type": "application/json"}, body=body)
