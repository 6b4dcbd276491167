"""The few named departures from RFC 6749. A provider's file says which it needs."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from integrations.catalog.schema import Dialect
from integrations.errors import AuthorizationFailed
from integrations.secret import Secret

Rewrite = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def errors_in_http_200(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read `ok: false` as an error answer, whatever the status (Slack, oauth.v2.access)."""
    if data.get("ok") is False and "error" not in data:
        return {**data, "error": "unknown_error"}
    return {name: value for name, value in data.items() if name != "error" or not data.get("ok")}


def nonzero_code_is_error(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read a `code` other than 0 as an error answer (TikTok API for Business)."""
    code = data.get("code")
    if code == 0 and not isinstance(code, bool):
        return data
    return {"error": f"code {code}"[:64]}


def slack_token_response(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the user's token where no bot token was asked for (Slack, oauth.v2.access)."""
    user = data.get("authed_user")
    if "access_token" in data or not isinstance(user, dict):
        return data
    taken = ("access_token", "refresh_token", "expires_in", "scope", "token_type")
    return {**data, **{name: user[name] for name in taken if name in user}}


def access_token_renews_itself(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the access token as what renews it (Instagram and Threads, refresh_access_token)."""
    if "access_token" not in data or data.get("refresh_token"):
        return data
    return {**data, "refresh_token": data["access_token"]}


def scope_in_callback(data: Mapping[str, Any], *, granted: str | None) -> Mapping[str, Any]:
    """Take the granted scope from the callback where the answer names none (Strava).

    It is what the person saw and allowed, and only ever less than what was asked for: it widens
    nothing, because the token alone decides what the provider permits.
    """
    return {**data, "scope": granted} if granted and "scope" not in data else data


def authorization_in_fragment(endpoint: str, *, fragment: str, query: str) -> str:
    """Return an authorization request whose page reads its parameters behind the # (Apollo)."""
    return f"{endpoint}#{fragment}?{query}"


def shopify_callback_hmac(params: Sequence[tuple[str, str]], *, secret: Secret) -> None:
    """Check that Shopify signed the callback with the client's secret.

    All parameters but the signature, sorted, as SHA-256 in hexadecimal. Raises AuthorizationFailed.
    """
    given = [value for name, value in params if name == "hmac"]
    pairs = sorted(_escaped(name, value) for name, value in params if name != "hmac")
    message = "&".join(pairs)
    signed = hmac.new(secret.reveal().encode(), message.encode(), hashlib.sha256).hexdigest()
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), signed.encode()):
        raise AuthorizationFailed("callback_forged")


def square_revocation(
    fields: Mapping[str, Any], *, client_id: str, secret: Secret
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return fields and headers that authenticate a client in Square's own scheme (RevokeToken)."""
    return {**fields, "client_id": client_id}, {"Authorization": f"Client {secret.reveal()}"}


ANSWERS: Mapping[Dialect, Rewrite] = {
    "errors_in_http_200": errors_in_http_200,
    "nonzero_code_is_error": nonzero_code_is_error,
    "slack_token_response": slack_token_response,
    "access_token_renews_itself": access_token_renews_itself,
}


def rewritten(names: tuple[Dialect, ...], data: Any) -> Any:
    """Return the answer as RFC 6749 section 5 would have it."""
    for name in names:
        if name in ANSWERS and isinstance(data, Mapping):
            data = ANSWERS[name](data)
    return data


def _escaped(name: str, value: str) -> str:
    # So that no value can pass for the next parameter; as Shopify's own libraries do it.
    key = name.replace("%", "%25").replace("=", "%3D")
    return f"{key}={value.replace('%', '%25')}".replace("&", "%26")
