"""A browser reduced to what an attack needs: requests with chosen headers, and a cookie jar."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.visitor import Page

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """What a server answered; `headers` has lower-case names in order."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    text: str

    def __getitem__(self, name: str) -> str:
        """Return the header's values, joined, or an empty string."""
        return ", ".join(value for key, value in self.headers if key == name.lower())

    @property
    def cookies(self) -> dict[str, Any]:
        """The cookies that this answer sets, with their attributes."""
        jar: SimpleCookie = SimpleCookie()
        for name, value in self.headers:
            if name == "set-cookie":
                jar.load(value)
        return dict(jar)

    @property
    def page(self) -> Page:
        """The answer as a page with forms."""
        return Page(self.text)

    @property
    def data(self) -> Any:
        """The answer as JSON, or its text."""
        try:
            return json.loads(self.text or "null")
        except ValueError:
            return self.text

    @property
    def everything(self) -> str:
        """Head and body, for a search."""
        return "\n".join(
            [self.url, *(f"{name}: {value}" for name, value in self.headers), self.text]
        )


@dataclass
class Browser:
    """One cookie jar. Redirects are not followed; every answer is kept in `log`.

    `via` is the host and port of a proxy that ends TLS, and `always` what it adds to requests.
    """

    log: list[Reply] = field(default_factory=list)
    jar: dict[str, str] = field(default_factory=dict)
    via: str = ""
    always: Mapping[str, str] = field(default_factory=dict)

    def get(self, url: str, **headers: str) -> Reply:
        """Open an address. Underscores in header names become hyphens."""
        return self.send("GET", url, headers=headers)

    def post(
        self, url: str, fields: Mapping[str, Any] | Pairs | None = None, **headers: str
    ) -> Reply:
        """Post a form. A header given as an empty string is left out."""
        body = urlencode(fields or {}, doseq=True).encode()
        media = {"Content_Type": "application/x-www-form-urlencoded"}
        return self.send("POST", url, body=body, headers={**media, **headers})

    def send(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Reply:
        """Send one request and keep the cookies of the answer."""
        parts = urlsplit(url)
        given = {**self.always, **headers}
        named = {name.replace("_", "-"): value for name, value in given.items() if value}
        if self.jar and "Cookie" not in named:
            named["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        named.setdefault("Host", parts.netloc)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        # Every host of these tests is here; localhost would be tried at IPv6 first.
        address = self.via or f"127.0.0.1:{parts.port}"
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request(method, target, body, named)
            answer = connection.getresponse()
            pairs = tuple((name.lower(), value) for name, value in answer.getheaders())
            reply = Reply(url, answer.status, pairs, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()
        self._keep(reply)
        self.log.append(reply)
        return reply

    def _keep(self, reply: Reply) -> None:
        for name, morsel in reply.cookies.items():
            self.jar[name] = morsel.value
            if morsel["max-age"] == "0" or not morsel.value:
                del self.jar[name]
