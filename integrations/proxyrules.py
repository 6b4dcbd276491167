"""Which calls to a provider's API may be passed on, and what a path must look like to be judged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from integrations.errors import FieldError, InvalidInput, NotAllowed

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MAX_RULES, MAX_PATTERN, MAX_PATH, MAX_LAYERS = 100, 500, 4096, 5
# Characters of a path segment (RFC 3986 section 3.3), percent-encoding whole, and the slash.
PATH = re.compile(r"\A(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+\Z")
QUERY = re.compile(r"\A[\x21\x22\x24-\x7e]*\Z")
PATTERN = re.compile(r"\A/(?:[A-Za-z0-9._~!$&'()+,;=:@*-]+/)*[A-Za-z0-9._~!$&'()+,;=:@*-]*\Z")
# These make one method out of another, as Salesforce does with _HttpMethod; the rules judged the
# method that was sent.
METHOD_NAMES = frozenset({"_method", "_httpmethod", "$httpmethod", "x-http-method"})
METHOD_NAMES |= {"x-http-method-override", "x-method-override"}


@dataclass(frozen=True)
class Rule:
    """Methods for paths of a pattern: `*` is one segment, a `**` at the end is the rest."""

    methods: tuple[str, ...]
    path: str

    def permits(self, method: str, segments: Sequence[str]) -> bool:
        """Return whether this call is one of those."""
        pattern = self.path.strip("/").split("/")
        open_ended = pattern[-1] == "**"
        fixed = pattern[:-1] if open_ended else pattern
        if method not in self.methods or len(segments) < len(fixed):
            return False
        if not open_ended and len(segments) != len(fixed):
            return False
        return all(
            _same(part, given) for part, given in zip(fixed, segments[: len(fixed)], strict=True)
        )


def checked_rules(value: Any) -> tuple[Rule, ...]:
    """Return rules in the form `[{"methods": [...], "path": "/..."}]`. Raises InvalidInput."""
    if not isinstance(value, list) or len(value) > MAX_RULES:
        _refuse(f"Give a list of at most {MAX_RULES} rules.")
    return tuple(_checked_rule(number, item) for number, item in enumerate(value, start=1))


def require_allowed(*, rules: Any, method: str, path: str) -> None:
    """Raise NotAllowed unless a rule permits the call, however the provider reads its slashes.

    `path` is what follows the API's address, still percent-encoded and already checked. An encoded
    slash may or may not divide segments, so one rule has to permit both readings.
    """
    if rules is None:
        raise NotAllowed("proxy_off")
    inside = [_decoded(segment) for segment in path.split("/")]
    divided = "/".join(inside).split("/")
    for rule in checked_rules(rules):
        if rule.permits(method, inside) and rule.permits(method, divided):
            return
    raise NotAllowed("proxy_not_allowed")


def check_path(path: str) -> None:
    """Raise InvalidInput for a path that a server could read as another one (CWE-22).

    Refused are dots that lead upwards in any encoding, empty segments, backslashes, control
    characters and what RFC 3986 section 3.3 does not permit. Nothing is corrected.
    """
    if not PATH.match(path) or len(path) > MAX_PATH:
        raise unusable("path", "proxy_path_invalid")
    decoded = path
    for _ in range(MAX_LAYERS):
        if _leads_elsewhere(decoded):
            raise unusable("path", "proxy_path_invalid")
        if (once_more := _decoded(decoded)) == decoded:
            return
        decoded = once_more
    raise unusable("path", "proxy_path_invalid")


def check_query(query: str) -> None:
    """Raise InvalidInput for a query with spaces, fragments, control or other than ASCII.

    Also for one that names another method than the call has.
    """
    pairs = parse_qsl(query.replace(";", "&"), keep_blank_values=True)
    if not QUERY.match(query) or any(name.casefold() in METHOD_NAMES for name, _ in pairs):
        raise unusable("query", "proxy_request_invalid")


class Unusable(InvalidInput):
    """A call that cannot be passed on; the code says which part of it."""


def unusable(field: str, code: str) -> Unusable:
    """Return the refusal of one part of a call."""
    error = Unusable(FieldError(field, code, "Percent-encode it as the provider documents it."))
    error.code = code
    return error


def _leads_elsewhere(path: str) -> bool:
    if re.search(r"[\x00-\x1f\x7f\\]", path):
        return True
    segments = path.split("/")
    # A last empty segment is a slash at the end, which some APIs have.
    empty = "" in segments[:-1] or path == ""
    return empty or any(part.split(";")[0] in {".", ".."} for part in segments)


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def _same(part: str, given: str) -> bool:
    if part == "*":
        return given != ""
    if "*" not in part:
        return part == given
    # Text around stars, such as users*: a star is any text within the segment.
    expression = ".*".join(re.escape(piece) for piece in part.split("*"))
    return re.fullmatch(expression, given, re.DOTALL) is not None


def _checked_rule(number: int, item: Any) -> Rule:
    if not isinstance(item, dict) or set(item) != {"methods", "path"}:
        _refuse(f"Rule {number} needs methods and a path, and nothing else.")
    methods, path = item["methods"], item["path"]
    if not isinstance(methods, list) or not methods or not set(map(str, methods)) <= set(METHODS):
        _refuse(f"Rule {number}: the methods are some of {', '.join(METHODS)}.")
    if not isinstance(path, str) or len(path) > MAX_PATTERN or not PATTERN.match(path):
        _refuse(f"Rule {number}: the path begins with a slash and is not percent-encoded.")
    if "**" in path and (path.count("**") > 1 or not path.endswith("/**")):
        _refuse(f"Rule {number}: two stars stand only at the end, after a slash.")
    if path.count("*") > 20:
        _refuse(f"Rule {number}: the path has too many stars.")
    return Rule(tuple(str(method) for method in methods), path)


def _refuse(message: str) -> None:
    raise InvalidInput(FieldError("proxy_rules", "invalid", message))
