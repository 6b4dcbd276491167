"""A played provider refuses what the real one would: each message is bent once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from integrations.catalog import files, registry
from integrations.oauth import client as oauth
from integrations.oauth.client import Client, Endpoints
from integrations.secret import Secret
from tests.fakeas.played.provider import Played
from tests.fakeas.played.wire import FORM, Asked, Refused

STATE = "s" * 43
VERIFIER = Secret("v" * 86)
CATALOG = registry.load()
Bend = Callable[[Asked], Asked]


def played(slug: str) -> Played:
    """Return a provider with a registered redirect URL."""
    play = Played(slug, files.built_in(slug))
    play.redirect_uri = "https://connect.acme.example/oauth/callback/slot"
    return play


def client(play: Played) -> Client:
    """Return the app that the provider knows."""
    endpoints = Endpoints.of(provider=CATALOG[play.slug], settings=play.settings)
    secret = Secret(play.secret)
    return Client(play.client_id, secret, play.redirect_uri, endpoints, play.settings)


def url_to(play: Played) -> str:
    """Return a good authorization request."""
    provider = CATALOG[play.slug]
    return oauth.authorization_url(
        provider=provider,
        client=client(play),
        scopes=provider.default_scopes,
        settings=play.settings,
        state=STATE,
        verifier=VERIFIER if provider.code_challenge_method == "S256" else None,
    )


def exchanged(play: Played, bend: Bend = lambda asked: asked) -> int:
    """Send a token request that is bent on its way, and return the answer's status."""
    provider = CATALOG[play.slug]
    callback = dict(parse_qsl(play.approve(url_to(play)).partition("?")[2]))
    code = callback[provider.parameters.response_code]
    caught: list[Asked] = []

    class Catching:
        def request(self, method: str, url: str, *, headers: Any, body: Any = None) -> Any:
            caught.append(Asked(method, url, dict(headers), body or b""))
            raise InterruptedError

    kept = oauth.transport
    oauth.use(Catching())  # type: ignore[arg-type]
    try:
        verifier = VERIFIER if provider.code_challenge_method == "S256" else None
        with pytest.raises(InterruptedError):
            oauth.exchange(
                provider=provider, client=client(play), code=Secret(code), verifier=verifier
            )
    finally:
        oauth.use(kept)
    bent = bend(caught[0])
    return play.request(bent.method, bent.url, headers=bent.headers, body=bent.body).status


def with_fields(**changed: str | None) -> Bend:
    """Return a change of parameters of the body, in its own format."""

    def bend(asked: Asked) -> Asked:
        is_form = asked.headers["Content-Type"] == FORM
        given = dict(parse_qsl(asked.body.decode())) if is_form else json.loads(asked.body)
        fields = {name: value for name, value in {**given, **changed}.items() if value is not None}
        return replace(asked, body=(urlencode(fields) if is_form else json.dumps(fields)).encode())

    return bend


def with_headers(**changed: str | None) -> Bend:
    """Return a change of headers; underscores are hyphens."""

    def bend(asked: Asked) -> Asked:
        new = {name.replace("_", "-"): value for name, value in changed.items()}
        kept = {k: v for k, v in {**asked.headers, **new}.items() if v is not None}
        return replace(asked, headers=kept)

    return bend


def other_format(asked: Asked) -> Asked:
    """Send a form for JSON and JSON for a form."""
    if asked.headers["Content-Type"] == FORM:
        body = json.dumps(dict(parse_qsl(asked.body.decode()))).encode()
        return replace(
            asked, body=body, headers={**asked.headers, "Content-Type": "application/json"}
        )
    body = urlencode(json.loads(asked.body)).encode()
    return replace(asked, body=body, headers={**asked.headers, "Content-Type": FORM})


@pytest.mark.parametrize("slug", ["gmail", "jira", "slack", "tiktok-ads", "ebay", "reddit"])
def test_it_takes_what_is_as_it_should_be(slug: str) -> None:
    assert exchanged(played(slug)) == 200


@pytest.mark.parametrize(
    ("slug", "bend"),
    [
        ("gmail", other_format),
        ("notion", other_format),
        ("gmail", with_fields(client_secret="another")),
        ("gmail", with_fields(client_secret=None)),
        ("gmail", with_fields(code="another")),
        ("gmail", with_fields(code_verifier="w" * 86)),
        ("gmail", with_fields(code_verifier=None)),
        ("gmail", with_fields(redirect_uri="https://evil.example/")),
        ("gmail", with_fields(more="x")),
        ("gmail", with_fields(grant_type="client_credentials")),
        ("gmail", with_headers(Accept=None)),
        ("gmail", lambda asked: replace(asked, url=f"{asked.url}?client_id=x")),
        ("gmail", lambda asked: replace(asked, method="GET")),
        ("gmail", lambda asked: replace(asked, body=asked.body + b"&code=twice")),
        ("slack", with_headers(Authorization=None)),
        ("slack", with_headers(Authorization="Basic Zm9vOmJhcg==")),
        ("slack", with_fields(client_id="app:1/2", client_secret="x")),
        ("slack", with_fields(code_verifier="v" * 86)),
        ("reddit", with_headers(User_Agent="python-requests")),
        ("tiktok", with_fields(client_key=None, client_id="app:1/2")),
        ("tiktok-ads", with_fields(grant_type="authorization_code")),
        ("tiktok-ads", with_fields(auth_code=None, code="x")),
        ("help-scout", with_fields(redirect_uri="https://connect.acme.example/")),
        ("ebay", with_fields(redirect_uri="https://connect.acme.example/oauth/callback/slot")),
        ("zendesk", with_fields(expires_in=None)),
        ("shopify", with_fields(expiring=None)),
    ],
)
def test_it_refuses_a_token_request_that_is_bent(slug: str, bend: Bend) -> None:
    play = played(slug)
    assert exchanged(play, bend) in (400, 401)
    assert len(play.refused) == 1
    assert not play.access


def test_it_refuses_a_code_that_was_used() -> None:
    play = played("gmail")
    twice: list[int] = []
    exchanged(play, lambda asked: _sent(play, asked, twice))
    assert twice == [200]
    assert play.refused


def _sent(play: Played, asked: Asked, twice: list[int]) -> Asked:
    twice.append(play.request("POST", asked.url, headers=asked.headers, body=asked.body).status)
    return asked


@pytest.mark.parametrize(
    ("slug", "old", "new"),
    [
        ("slack", "channels%3Aread%2Cchat", "channels%3Aread+chat"),
        ("gmail", "openid+email", "openid%2Cemail"),
        ("gmail", "access_type=offline", "access_type=online"),
        ("gmail", "&prompt=consent", ""),
        ("gmail", "code_challenge_method=S256", "code_challenge_method=plain"),
        ("gmail", "response_type=code", "response_type=token"),
        ("gmail", f"state={STATE}", "state=short"),
        ("gmail", "?", "?response_type=code&"),
        ("gmail", "accounts.google.com", "accounts.evil.example"),
        ("tiktok", "client_key=", "client_id="),
        ("apollo", "#/oauth/authorize?", "?"),
        ("ebay", "redirect_uri=", "redirect_uri=https%3A%2F%2F"),
        ("monday", "?", "?response_type=code&"),
    ],
)
def test_it_refuses_an_authorization_request_that_is_bent(slug: str, old: str, new: str) -> None:
    play = played(slug)
    good = url_to(play)
    assert old in good
    play.approve(good)
    with pytest.raises(Refused):
        play.approve(good.replace(old, new, 1))


def test_nothing_lives_elsewhere() -> None:
    play = played("gmail")
    answer = play.request("GET", "https://oauth2.googleapis.com.evil.example/token", headers={})
    assert answer.status == 404
    assert play.refused == ["nothing lives at GET https://oauth2.googleapis.com.evil.example/token"]
