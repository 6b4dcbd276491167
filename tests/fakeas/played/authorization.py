"""The authorization endpoint of a played provider, and what it sends back."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from tests.fakeas.played.samples import CALLBACK
from tests.fakeas.played.wire import filled, fixed, place, require, same, strict

if TYPE_CHECKING:
    from tests.fakeas.played.provider import Played


def callback(play: Played, url: str) -> str:
    """Check an authorization request and return the callback's address. Raises Refused."""
    query = _query(play, url)
    given = strict(query)
    wanted = _wanted(play, given)
    same(given, wanted, "the authorization request")
    challenge = given.get("code_challenge", "")
    if play.data.get("code_challenge_method", "S256") == "S256":
        require(re.fullmatch(r"[A-Za-z0-9_-]{43}", challenge), "no S256 challenge")
    require(len(given["state"]) >= 32, "the state can be guessed")
    play.trip = {"code": secrets.token_urlsafe(24), "challenge": challenge}
    play.trip["scope"] = given.get("scope", "")
    return f"{play.redirect_uri}?{urlencode(_answer(play, given['state']))}"


def _query(play: Played, url: str) -> str:
    endpoint, parts = play.url(play.data["authorization_endpoint"]), urlsplit(url)
    require(place(url) == place(endpoint), "another address")
    fragment = play.data.get("authorization_fragment")
    if not fragment:
        require("#" not in url, "a fragment")
        own = urlsplit(endpoint).query
        require(parts.query.startswith(own), "another address")
        return parts.query.removeprefix(own).lstrip("&") if own else parts.query
    path, _, query = parts.fragment.partition("?")
    require(path == fragment and not parts.query, "parameters belong behind the #")
    return query


def _wanted(play: Played, given: dict[str, str]) -> dict[str, str]:
    names, data = play.table("parameters"), play.data
    wanted = {"response_type": "code", "state": given.get("state", "")}
    wanted[names.get("client_id", "client_id")] = play.client_id
    wanted["redirect_uri"] = known_as(play)
    if data.get("scopes_in_request", True) and data.get("default_scopes"):
        scopes = [filled(name, play.settings) for name in data["default_scopes"]]
        wanted["scope"] = data.get("scope_separator", " ").join(scopes)
    if data.get("code_challenge_method", "S256") == "S256":
        wanted |= {"code_challenge_method": "S256"}
        wanted["code_challenge"] = given.get("code_challenge", "")
    wanted |= fixed(play.table("authorization_params"), play.settings)
    left_out = names.get("authorization_without", [])
    return {name: value for name, value in wanted.items() if name not in left_out}


def known_as(play: Played) -> str:
    """Return the redirect URI, or the name under which the provider knows it."""
    named = play.table("parameters").get("redirect_uri_setting")
    return play.settings[named] if named else play.redirect_uri


def _answer(play: Played, state: str) -> dict[str, str]:
    data, code = play.data, play.table("parameters").get("response_code", "code")
    sent = {code: play.trip["code"], "state": state}
    if data.get("authorization_response_iss_parameter_supported"):
        sent["iss"] = play.url(data["issuer"])
    for rule in data.get("callback_params", []):
        equal = filled(rule["equals"], play.settings) if "equals" in rule else ""
        sent[rule["param"]] = equal or _sample(play, rule["param"])
    return signed(sent, play.secret) if play.dialect("shopify_callback_hmac") else sent


def _sample(play: Played, param: str) -> str:
    return play.trip["scope"] if param == "scope" else CALLBACK[param]


def signed(sent: dict[str, str], secret: str) -> dict[str, str]:
    """Sign a callback as Shopify does: all other parameters, sorted, with the app's secret."""
    message = "&".join(f"{name}={sent[name]}" for name in sorted(sent))
    found = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return {**sent, "hmac": found}
