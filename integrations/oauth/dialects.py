"""The few named departures from RFC 6749. A provider's file says which it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from integrations.catalog.schema import Dialect

Rewrite = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def errors_in_http_200(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read `ok: false` as an error answer, whatever the status (Slack, oauth.v2.access)."""
    if data.get("ok") is False and "error" not in data:
        return {**data, "error": "unknown_error"}
    return {name: value for name, value in data.items() if name != "error" or not data.get("ok")}


def slack_token_response(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the user's token where no bot token was asked for (Slack, oauth.v2.access)."""
    user = data.get("authed_user")
    if "access_token" in data or not isinstance(user, dict):
        return data
    taken = ("access_token", "refresh_token", "expires_in", "scope", "token_type")
    return {**data, **{name: user[name] for name in taken if name in user}}


DIALECTS: Mapping[Dialect, Rewrite] = {
    "errors_in_http_200": errors_in_http_200,
    "slack_token_response": slack_token_response,
}


def rewritten(names: tuple[Dialect, ...], data: Any) -> Any:
    """Return the answer as RFC 6749 section 5 would have it."""
    for name in names:
        data = DIALECTS[name](data) if isinstance(data, Mapping) else data
    return data
