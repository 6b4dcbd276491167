"""Token, refresh and second-exchange endpoints of a played provider."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.fakeas.played.authorization import known_as
from tests.fakeas.played.samples import ANSWERED
from tests.fakeas.played.wire import FORM, JSON, Asked, Refused, fixed, put, require, same, strict

if TYPE_CHECKING:
    from tests.fakeas.played.provider import Played

Play = Callable[["Played", Asked], Any]


def endpoints(play: Played) -> Iterator[tuple[str, str, Play]]:
    """Return the endpoints, the most particular first."""
    yield "long_lived", play.url(play.table("long_lived").get("endpoint")), _long_lived
    yield "refresh", play.url(play.table("refresh").get("endpoint")), _refresh
    yield "token", play.url(play.data["token_endpoint"]), _token


def error(play: Played, refused: Refused) -> dict[str, Any]:
    """Return a refusal in the provider's own form."""
    if play.dialect("nonzero_code_is_error"):
        return {"code": 40002, "message": refused.error}
    if play.dialect("errors_in_http_200"):
        return {"ok": False, "error": refused.error}
    return {"error": refused.error, "error_description": refused.why}


def _token(play: Played, asked: Asked) -> dict[str, Any]:
    body = _body(play, asked)
    names = play.table("parameters")
    refreshing = play.table("refresh").get("token_param", "refresh_token") in body
    if refreshing and not play.table("refresh").get("endpoint"):
        return _refreshed(play, asked, body)
    code = names.get("code", "code")
    wanted = {"grant_type": "authorization_code", code: play.trip.pop("code", "(spent)")}
    wanted["redirect_uri"] = known_as(play)
    wanted |= fixed(play.table("token_params"), play.settings)
    if challenge := play.trip.get("challenge"):
        verifier = str(body.get("code_verifier", ""))
        hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        require(hashed.decode().rstrip("=") == challenge, "the verifier does not fit")
        wanted["code_verifier"] = verifier
    for name in names.get("token_without", []):
        wanted.pop(name, None)
    wanted |= _credentials(play, asked, play.data.get("token_endpoint_auth_method"))
    require(body.get(code) == wanted[code], "unknown code", error="invalid_grant")
    same(body, wanted, "the token request")
    return _issued(play, first=True)


def _refresh(play: Played, asked: Asked) -> dict[str, Any]:
    body = strict(asked.url.partition("?")[2]) if asked.method == "GET" else _body(play, asked)
    return _refreshed(play, asked, body)


def _refreshed(play: Played, asked: Asked, body: dict[str, Any]) -> dict[str, Any]:
    rules = play.table("refresh")
    require(asked.method == rules.get("method", "POST"), "another method")
    name = rules.get("token_param", "refresh_token")
    wanted = {"grant_type": rules.get("grant_type", "refresh_token"), name: body.get(name)}
    wanted |= fixed(rules.get("params", play.table("token_params")), play.settings)
    if rules.get("client_authentication", True):
        method = rules.get("auth_method") or play.data.get("token_endpoint_auth_method")
        wanted |= _credentials(play, asked, method)
    same(body, wanted, "the refresh")
    require(body[name] in play.refresh, "unknown refresh token", error="invalid_grant")
    if rules.get("rotation", "none") == "strict":
        play.refresh.clear()
    if not rules.get("old_access_token_survives", True):
        play.access.clear()
    return _issued(play, first=False)


def _long_lived(play: Played, asked: Asked) -> dict[str, Any]:
    rules = play.table("long_lived")
    if rules["endpoint"] == play.data["token_endpoint"] and b"code=" in asked.body:
        return _token(play, asked)
    require(asked.method == rules.get("method", "POST"), "another method")
    given = strict(asked.url.partition("?")[2]) if asked.method == "GET" else asked.fields(FORM)
    own = given.get(rules["token_param"])
    pair = {"client_id": play.client_id, "client_secret": play.secret}
    same(given, {"grant_type": rules["grant_type"], rules["token_param"]: own, **pair}, "it")
    require(own in play.access, "unknown token", error="invalid_grant")
    play.access.discard(str(own))
    access = _new(play.access)
    if play.dialect("access_token_renews_itself"):
        play.refresh.add(access)
    return {"access_token": access, "token_type": "bearer", "expires_in": 5_184_000}


def _body(play: Played, asked: Asked) -> dict[str, Any]:
    require(asked.method == "POST", "POST only")
    require("?" not in asked.url or "?" in _own(play, asked), "parameters belong in the body")
    wanted = {"accept": JSON} | {k.lower(): v for k, v in headers(play).items()}
    for name, value in wanted.items():
        require(asked.header(name) == value, f"the header {name} lacks or is another")
    json_body = play.data.get("token_request_format", "form") == "json"
    return asked.fields(JSON if json_body else FORM)


def _own(play: Played, asked: Asked) -> str:
    known = (play.url(play.table("refresh").get("endpoint")), play.url(play.data["token_endpoint"]))
    return next((url for url in known if url and asked.url == url), "")


def headers(play: Played) -> dict[str, str]:
    """Return the headers that the provider wants with every token request."""
    return dict(play.table("token_request_headers"))


def _credentials(play: Played, asked: Asked, method: str | None) -> dict[str, str]:
    """Check the client's credentials, and return what of the body they are. Raises Refused."""
    given, names = asked.basic(), play.table("parameters")
    if method == "client_secret_basic":
        pair = (play.client_id, play.secret)
        require(given == pair, "HTTP Basic is wanted", error="invalid_client", status=401)
        return {}
    require(given is None, "the body is wanted", error="invalid_client", status=401)
    pair = (names.get("client_id", "client_id"), names.get("client_secret", "client_secret"))
    return dict(zip(pair, (play.client_id, play.secret), strict=True))


def _issued(play: Played, *, first: bool) -> dict[str, Any]:
    """Return a token answer with everything where the file says the provider has it."""
    rules, where = play.table("refresh"), play.table("token_response")
    answer: dict[str, Any] = {}
    _add_identity(play, answer)
    for path, value in ANSWERED.get(play.slug, {}).items():
        put(answer, path, value)
    for path in play.data.get("capture", []):
        put(answer, path, "sample")
    access = _new(play.access)
    put(answer, where.get("access_token", "access_token"), access)
    answer["token_type"] = (where.get("token_types") or ["bearer"])[0]
    if play.dialect("nonzero_code_is_error"):
        answer["code"] = 0
    if play.dialect("errors_in_http_200"):
        answer["ok"] = True
    if rules.get("issued", True) and not play.dialect("access_token_renews_itself"):
        _add_refresh(play, answer, first=first)
    if play.dialect("access_token_renews_itself") and not first:
        play.refresh.add(access)
    _add_lifetime(play, answer)
    _add_scope(play, answer, where)
    return answer


def _add_refresh(play: Played, answer: dict[str, Any], *, first: bool) -> None:
    if not first and play.table("refresh").get("rotation", "none") == "none":
        return
    put(
        answer,
        play.table("token_response").get("refresh_token", "refresh_token"),
        _new(play.refresh),
    )


def _add_lifetime(play: Played, answer: dict[str, Any]) -> None:
    seconds = play.table("refresh").get("access_token_lifetime")
    where = play.table("token_response").get("expires_at")
    if where and seconds:
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        put(answer, where, ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
    elif seconds and "instance_url" not in answer:
        answer["expires_in"] = seconds


def _add_scope(play: Played, answer: dict[str, Any], where: Any) -> None:
    if play.trip.get("scope") and not play.dialect("scope_in_callback"):
        put(answer, where.get("scope", "scope"), play.trip["scope"])


def _add_identity(play: Played, answer: dict[str, Any]) -> None:
    identity = play.table("identity")
    if identity.get("source") == "token":
        for number, path in enumerate([*identity["id_paths"], identity["label_path"]]):
            put(answer, path, f"{number}-of-the-account")


def _new(kept: set[str]) -> str:
    token = secrets.token_urlsafe(24)
    kept.add(token)
    return token
