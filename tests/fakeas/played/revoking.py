"""How a played provider ends a grant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.fakeas.played.accounts import bearer
from tests.fakeas.played.wire import FORM, JSON, Asked, require, same

if TYPE_CHECKING:
    from tests.fakeas.played.provider import Played

Play = Callable[["Played", Asked], Any]


def endpoints(play: Played) -> Iterator[tuple[str, str, Play]]:
    """Return the revocation endpoint."""
    client_id = play.client_id.replace(":", "%3A").replace("/", "%2F")
    yield "revocation", play.url(play.data.get("revocation_endpoint"), client_id=client_id), _end


def _end(play: Played, asked: Asked) -> None:
    rules = play.table("revocation")
    require(asked.method == rules.get("method", "POST"), "another method")
    require("?" not in asked.url, "parameters belong in the body")
    ended = _by_itself(play, asked) if rules.get("request") == "bearer" else _by_name(play, asked)
    play.ended.append(ended)
    play.access.discard(ended)


def _by_itself(play: Played, asked: Asked) -> str:
    token, name = bearer(play, asked), play.table("revocation").get("token_param")
    if name:
        same(asked.fields(FORM), {name: token}, "the revocation")
    else:
        require(asked.body == b"", "a body")
    return token


def _by_name(play: Played, asked: Asked) -> str:
    rules = play.table("revocation")
    body = asked.fields(JSON if rules.get("format") == "json" else FORM)
    name = rules.get("token_param", "token")
    wanted = {name: body.get(name)}
    if "token_param" not in rules:
        wanted["token_type_hint"] = body.get("token_type_hint")
        require(wanted["token_type_hint"] in ("access_token", "refresh_token"), "no hint")
    wanted |= _credentials(play, asked)
    same(body, wanted, "the revocation")
    token, takes = str(body[name]), rules.get("tokens", "both")
    if rules.get("request") == "account":
        require(token.endswith("-of-the-account"), "unknown account")
        return token
    known = {"access": play.access, "refresh": play.refresh}.get(takes, play.access | play.refresh)
    require(token in known, "not a token that this takes")
    return token


def _credentials(play: Played, asked: Asked) -> dict[str, str]:
    rules, names = play.table("revocation"), play.table("parameters")
    if play.dialect("square_revocation"):
        wanted = f"Client {play.secret}"
        require(asked.header("authorization") == wanted, "the scheme Client", error="unauthorized")
        return {"client_id": play.client_id}
    if not rules.get("client_authentication", True):
        require(not asked.header("authorization"), "no credentials are wanted")
        return {}
    method = rules.get("auth_method") or play.data.get("token_endpoint_auth_method")
    if method == "client_secret_basic":
        pair = (play.client_id, play.secret)
        require(asked.basic() == pair, "HTTP Basic is wanted", error="invalid_client")
        return {}
    require(asked.basic() is None, "the body is wanted", error="invalid_client")
    return {
        rules.get("client_id_param", names.get("client_id", "client_id")): play.client_id,
        rules.get("client_secret_param", names.get("client_secret", "client_secret")): play.secret,
    }
