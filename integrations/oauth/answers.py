"""Read a provider's answer as data from a stranger."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from integrations.catalog.messages import TokenResponse
from integrations.errors import (
    ClientRejected,
    GrantRevoked,
    ProviderFailure,
    ProviderUnavailable,
)
from integrations.oauth.http import Answer
from integrations.secret import Secret
from integrations.text import storable

TOKEN = re.compile(r"\A[\x20-\x7e]{1,16384}\Z")
ERROR_CODE = re.compile(r"[^A-Za-z0-9_.\- ]")
# What Microsoft puts before a description, and tells much more than the error itself.
NUMBERED = re.compile(r"\bAADSTS[0-9]{3,8}\b")
MAX_CODES = 4
MAX_LIFETIME = 315_360_000
CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client", "bad_client_secret"})
CLIENT_ERRORS |= {"invalid_client_id", "incorrect_client_credentials"}
GRANT_ERRORS = frozenset({"invalid_grant", "invalid_refresh_token", "token_revoked"})
# A token that the provider does not know any more: there is nothing left to end.
GONE_ERRORS = GRANT_ERRORS | {"invalid_token", "invalid_auth", "token_expired", "not_authed"}
GONE_ERRORS |= {"account_inactive"}
RETRY_MAX = 3600
STANDARD = TokenResponse()
MEMBERS = ("access_token", "refresh_token", "expires_in", "scope")


@dataclass(frozen=True)
class TokenAnswer:
    """A successful token answer (RFC 6749 section 5.1). Lifetimes are in seconds."""

    access_token: Secret
    refresh_token: Secret | None
    token_type: str
    expires_in: int | None
    scope: str | None
    extra: Mapping[str, Any] = field(repr=False)


def parsed(answer: Answer) -> Any:
    """Return the JSON (or form-encoded) body. Raises ProviderFailure for anything else."""
    kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        text = answer.body.decode("utf-8-sig")
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(text, strict_parsing=True, max_num_fields=50))
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise ProviderFailure("provider_bad_response") from None


def placed(where: TokenResponse, data: Any) -> Any:
    """Return the answer with its tokens at the top, as RFC 6749 section 5.1 has them."""
    if where == STANDARD or not isinstance(data, dict):
        return data
    paths = {name: getattr(where, name) for name in MEMBERS if getattr(where, name) != name}
    found = {name: _value_at(data, path) for name, path in paths.items()}
    if where.expires_at and (moment := _value_at(data, where.expires_at)) is not None:
        found["expires_in"] = _seconds_until(moment)
    return {**data, **{name: value for name, value in found.items() if value is not None}}


def token_answer(answer: Answer, data: Any, *, token_types: tuple[str, ...] = ()) -> TokenAnswer:
    """Return the token answer in `data`, which came in `answer`.

    `token_types` are the provider's own words for a bearer token.

    Raises GrantRevoked, ClientRejected, ProviderUnavailable or ProviderFailure for an error answer
    (RFC 6749 section 5.2) and for one that does not have the right shape.
    """
    if not isinstance(data, dict):
        raise ProviderFailure("provider_bad_response")
    if answer.status >= 400 or "error" in data:
        _refused(answer, data)
    return TokenAnswer(
        access_token=_token(data.get("access_token")),
        refresh_token=_token(data["refresh_token"]) if data.get("refresh_token") else None,
        token_type=_token_type(data.get("token_type", "Bearer"), token_types),
        expires_in=_seconds(data.get("expires_in")),
        scope=_scope(data.get("scope")),
        extra=data,
    )


def error_codes(error: str, description: str) -> tuple[str, ...]:
    """Return the codes that an error goes by: numbers in its description, then the error itself."""
    code = ERROR_CODE.sub("", error.partition(":")[0])[:64]
    return tuple(dict.fromkeys((*NUMBERED.findall(description)[:MAX_CODES], code)))


def token_ended(answer: Answer, *, bearer: bool) -> bool:
    """Return True if the provider ended the token, False if it did not know it any more.

    `bearer` says that the token itself was the credential of the call, so that 401 speaks of it.
    Raises ProviderUnavailable, ClientRejected or ProviderFailure (RFC 7009 section 2.2.1).
    """
    raise_for_status(answer)
    data = _json_object(answer)
    if answer.status < 300 and data.get("ok") is not False:
        return True
    if str(data.get("error")) not in GONE_ERRORS and not (bearer and answer.status == 401):
        _refused(answer, data)
    return False


def raise_for_status(answer: Answer) -> None:
    """Raise ProviderUnavailable for 429 and 5xx: try again later, nothing is decided."""
    if answer.status == 429 or answer.status >= 500:
        raise ProviderUnavailable(retry_after=retry_after(answer))


def retry_after(answer: Answer) -> int | None:
    """Return for how many seconds the provider asks us to wait, if it does.

    A number or a moment (RFC 9110 section 10.2.3).
    """
    value = answer.headers.get("retry-after", "")
    if value.isascii() and value.isdecimal():
        return min(int(value[:7]), RETRY_MAX)
    try:
        at = parsedate_to_datetime(value)
        return min(max(int((at - datetime.now(UTC)).total_seconds()), 0), RETRY_MAX)
    except (TypeError, ValueError, OverflowError):
        return None


def refresh_token_in(data: Any) -> Secret | None:
    """Return the refresh token of an answer, even if it is of no other use."""
    token = data.get("refresh_token") if isinstance(data, Mapping) else None
    return Secret(token) if isinstance(token, str) and TOKEN.match(token) else None


def at_path(data: Any, path: str) -> str:
    """Return the text or number at a dotted path (`user.id`, `0.url`), or an empty string.

    Paths separated by `|` are alternatives: the first that leads to something counts.
    """
    return next(filter(None, (_at(data, one) for one in path.split("|"))), "")


def scope_in(data: Mapping[str, Any]) -> str | None:
    """Return the scopes that a token answer names. Raises ProviderFailure."""
    return _scope(data.get("scope"))


def _json_object(answer: Answer) -> Mapping[str, Any]:
    # Revocation answers mean something by their status alone; many have no body.
    try:
        data = parsed(answer)
    except ProviderFailure:
        return {}
    return data if isinstance(data, dict) else {}


def _value_at(data: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data


def _seconds_until(moment: Any) -> int:
    """Return how long until a moment of RFC 3339, 1 if it is over. Raises ProviderFailure."""
    try:
        at = datetime.fromisoformat(moment)
        left = (at - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        raise ProviderFailure("provider_bad_response") from None
    return min(max(int(left), 1), MAX_LIFETIME)


def _at(data: Any, path: str) -> str:
    data = _value_at(data, path)
    if not isinstance(data, str | int) or isinstance(data, bool):
        return ""
    return storable(str(data)[:255])


def _refused(answer: Answer, data: Mapping[str, Any]) -> NoReturn:
    raise_for_status(answer)
    error = ERROR_CODE.sub("", str(data.get("error", "")))[:64]
    seen = error_codes(str(data.get("error", "")), str(data.get("error_description", "")))
    if error in GRANT_ERRORS:
        raise GrantRevoked(provider_error=error, seen=seen)
    if error in CLIENT_ERRORS or (answer.status == 401 and not error):
        raise ClientRejected(provider_error=error, seen=seen)
    raise ProviderFailure(provider_error=error, seen=seen)


def _token(value: Any) -> Secret:
    if not isinstance(value, str) or not TOKEN.match(value):
        raise ProviderFailure("provider_bad_response")
    return Secret(value)


def _token_type(value: Any, own: tuple[str, ...]) -> str:
    # "bot" and "user" are Slack's words for a bearer token (RFC 6750).
    known = {"bearer", "bot", "user", *(word.casefold() for word in own)}
    if not isinstance(value, str) or value.casefold() not in known:
        raise ProviderFailure("provider_bad_response")
    return "Bearer"


def _seconds(value: Any) -> int | None:
    if value is None or value in ("", 0, "0"):
        return None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text.isdecimal() or len(text) > 10 or int(text) > MAX_LIFETIME:
        raise ProviderFailure("provider_bad_response")
    return int(text)


def _scope(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    if not isinstance(value, str) or len(value) > 16_384:
        raise ProviderFailure("provider_bad_response")
    return storable(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
