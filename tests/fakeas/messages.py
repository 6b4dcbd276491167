"""Requests and responses as plain values, with strict parsing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

from tests.fakeas.errors import Reason, Refused


@dataclass(frozen=True)
class Params:
    """Hold request parameters in order, with their repetitions."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Params:
        """Read `application/x-www-form-urlencoded` text."""
        return cls(tuple(parse_qsl(text, keep_blank_values=True)))

    def get(self, name: str) -> str:
        """Return the value, or "" (RFC 6749 section 3.1: no value counts as left out)."""
        return next((value for key, value in self.pairs if key == name), "")

    def has(self, name: str) -> bool:
        """Tell whether the name was sent, even without a value."""
        return any(key == name for key, _ in self.pairs)

    def repeated(self) -> tuple[str, ...]:
        """Return the names sent more than once (RFC 6749 section 3.1 forbids them)."""
        names = [key for key, _ in self.pairs]
        return tuple(sorted({name for name in names if names.count(name) > 1}))

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of the name."""
        return tuple(value for key, value in self.pairs if key == name)

    def as_lists(self) -> dict[str, list[str]]:
        """Return a JSON-friendly mapping of name to values."""
        return {name: list(self.all(name)) for name, _ in self.pairs}


@dataclass(frozen=True)
class Request:
    """One request; header names are lower case."""

    method: str
    path: str
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> Params:
        """Return the query parameters."""
        return Params.parse(self.raw_query)

    @property
    def content_type(self) -> str:
        """Return the media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """Return the body as text; undecodable bytes are replaced."""
        return self.body.decode("utf-8", "replace")

    def form(self) -> Params:
        """Return the form parameters of the body."""
        return Params.parse(self.text)

    def json_params(self) -> Params:
        """Return the members of a flat JSON object as parameters.

        Raises Refused when the body is not an object of scalars.
        """
        pairs = _json_pairs(self.body)
        if not all(isinstance(value, str | int) for _, value in pairs):
            raise Refused(Reason.BAD_FORMAT, "The JSON object must hold strings and numbers only.")
        return Params(tuple((name, str(value)) for name, value in pairs))

    def basic_credentials(self) -> tuple[str, str] | None:
        """Return id and secret of HTTP Basic, form-decoded (RFC 6749 section 2.3.1).

        Raises Refused when the header is malformed.
        """
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refused(Reason.BAD_CREDENTIALS, "The Basic header is malformed.") from error
        client_id, colon, secret = decoded.partition(":")
        if not colon:
            raise Refused(Reason.BAD_CREDENTIALS, "The Basic header has no colon.")
        return unquote_plus(client_id), unquote_plus(secret)

    def bearer_token(self) -> str:
        """Return the bearer token of the header, or "" (RFC 6750 section 2.1)."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


def _json_pairs(body: bytes) -> tuple[tuple[str, object], ...]:
    """Return the members of the outermost object; an array would come out as a list."""
    try:
        pairs = json.loads(body.decode("utf-8"), object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.BAD_FORMAT, "The body is not valid JSON.") from error
    if not isinstance(pairs, tuple):
        raise Refused(Reason.BAD_FORMAT, "The body is not a JSON object.")
    return pairs


@dataclass(frozen=True)
class Drip:
    """Send the answer one byte at a time: `where` is status, header or body."""

    seconds: float
    where: str = "body"


@dataclass(frozen=True)
class Response:
    """One answer; `outcome` goes to the journal, the members after it steer the socket.

    `lost` sends nothing at all, `cut` so many bytes of the body, and `endless` goes on without a
    length for so many bytes, or until the other side has had enough.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    outcome: str = "ok"
    drip: Drip | None = None
    lost: bool = False
    cut: int | None = None
    endless: int = 0

    def having(self, *headers: tuple[str, str]) -> Response:
        """Return the answer with more headers."""
        return replace(self, headers=self.headers + headers)


NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def json_response(value: object, *, status: int = 200, outcome: str = "ok") -> Response:
    """Build a JSON answer that must not be cached (RFC 6749 section 5.1)."""
    headers = (("Content-Type", "application/json;charset=UTF-8"), *NO_STORE)
    return Response(status, headers, json.dumps(value).encode(), outcome)


def redirect(url: str, *, status: int = 302, outcome: str = "ok") -> Response:
    """Build a redirect that must not be cached."""
    headers = (("Location", url), ("Referrer-Policy", "no-referrer"), *NO_STORE)
    return Response(status, headers, b"", outcome)


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Append query parameters, keeping the ones the URL has (RFC 6749 section 3.1.2)."""
    query = urlencode(list(pairs), quote_via=quote)
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"
