"""Bodies of the API: one JSON object, read strictly, so that two readers cannot differ about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

# What a database cannot keep or compare: NUL and lone surrogates.
UNUSABLE = frozenset({"\x00", *(chr(point) for point in range(0xD800, 0xE000))})
MAX_NAME = 64


class BodyRefused(Exception):
    """A body that is not read: a status, a code, and the field at fault if one is."""

    def __init__(self, status: int, code: str, *, field: str = "", message: str = "") -> None:
        self.status, self.code, self.field, self.message = status, code, field, message
        super().__init__(code)


class StrictJson(Parser):
    """Read JSON in UTF-8 (RFC 8259 sections 4 and 8), each name once, every text storable."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return what the body holds. Raises BodyRefused."""
        charset = (request.content_params or {}).get("charset", "utf-8").lower()
        if request.content_type != "application/json" or charset not in ("utf-8", "utf8"):
            raise BodyRefused(415, "unsupported_media_type")
        try:
            body = json.loads(
                request.body.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant
            )
        except (ValueError, RecursionError):
            raise BodyRefused(400, "bad_request") from None
        for path, text in _texts(body, ()):
            if not UNUSABLE.isdisjoint(text):
                _refuse(path, "It holds NUL or half of a surrogate pair.")
        return body


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            _refuse((name,), "It is there twice.")
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield path, name
            yield from _texts(item, (*path, name))


def _refuse(path: tuple[str, ...], message: str) -> NoReturn:
    shown = ".".join(path).encode("ascii", "replace").decode().replace("\x00", "?")
    raise BodyRefused(400, "validation_failed", field=shown[:MAX_NAME], message=message)
