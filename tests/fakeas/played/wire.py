"""What all parts of a played provider share: strict parsing, addresses, and refusal."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

WORD = re.compile(r"\{([a-z_]+)\}")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Refused(Exception):
    """What the provider would not take, in its own word and in ours."""

    def __init__(self, error: str, why: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {why}")
        self.error, self.why, self.status = error, why, status


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def address(self) -> str:
        """Return the address without its query."""
        return self.url.split("?")[0]

    def header(self, name: str) -> str:
        """Return a header, whatever its case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    def fields(self, media: str) -> dict[str, Any]:
        """Return the body's parameters. Raises Refused for another format or a repetition."""
        if self.header("content-type") != media:
            raise Refused("invalid_request", f"the body must be {media}")
        if media == JSON:
            found = json.loads(self.body)
            require(isinstance(found, dict), "the body is no object")
            return dict(found)
        return strict(self.body.decode())

    def basic(self) -> tuple[str, str] | None:
        """Return id and secret of HTTP Basic, form-decoded (RFC 6749 section 2.3.1)."""
        scheme, _, text = self.header("authorization").partition(" ")
        if scheme != "Basic":
            return None
        client_id, _, secret = base64.b64decode(text).decode().partition(":")
        return unquote_plus(client_id), unquote_plus(secret)


def require(held: object, why: str, *, error: str = "invalid_request", status: int = 400) -> None:
    """Raise Refused unless this holds."""
    if not held:
        raise Refused(error, why, status=status)


def strict(query: str) -> dict[str, str]:
    """Return parameters, each sent once (RFC 6749 section 3.1). Raises Refused."""
    pairs = parse_qsl(query, keep_blank_values=True)
    require(len(dict(pairs)) == len(pairs), "a parameter is there twice")
    return dict(pairs)


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a text with its {words} replaced."""
    return WORD.sub(lambda found: values[found[1]], template)


def fixed(table: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return fixed parameters with settings filled in; those of an empty setting are left out."""
    return {
        name: filled(value, values) if isinstance(value, str) else value
        for name, value in table.items()
        if all(values.get(word) for word in WORD.findall(str(value)))
    }


def same(given: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> None:
    """Raise Refused unless exactly these parameters were sent, with these values."""
    require(set(given) == set(wanted), f"{what} has {sorted(given)}, not {sorted(wanted)}")
    for name, value in wanted.items():
        require(str(given[name]) == str(value), f"{what}: {name} is another")


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a dotted path, making objects and lists on the way."""
    parts = path.split("|")[0].split(".")
    here: Any = data
    for part, follows in zip(parts, [*parts[1:], None], strict=True):
        empty: Any = value if follows is None else ([] if follows.isdecimal() else {})
        if isinstance(here, list):
            here += [None] * (int(part) + 1 - len(here))
            here[int(part)] = empty if here[int(part)] is None else here[int(part)]
            here = here[int(part)]
        else:
            here = here.setdefault(part, empty)


def place(url: str) -> str:
    """Return scheme, host and path of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
