"""The token endpoint redeems a code once, for its own client, and proves everything."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from tests.fakeas import visitor
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import CALLBACK, KINDS, OAuthApp, basic_header, callback_params

PROFILES = sorted(set(KINDS) - {"slack"})


@pytest.mark.parametrize("profile", PROFILES)
def test_a_code_is_redeemed(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    answer = app.exchange(app.code())
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.data["refresh_token"]
    assert app.identity(answer.data["access_token"]).status == 200


@pytest.mark.parametrize("profile", PROFILES)
def test_a_wrong_secret_is_refused_and_leaves_the_code_alone(
    provider: FakeAS, profile: str
) -> None:
    app = OAuthApp.registered(provider, profile)
    code = app.code()
    assert app.with_secret("wrong").exchange(code).error == "401 invalid_client"
    assert app.with_secret("").exchange(code).status == 401
    assert app.exchange(code).status == 200


@pytest.mark.parametrize("profile", PROFILES)
def test_a_wrong_secret_is_told_before_a_wrong_code(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    assert app.exchange("no-such-code").error == "400 invalid_grant"
    assert app.with_secret("wrong").exchange("no-such-code").error == "401 invalid_client"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_redirect_url_must_be_the_same_at_both_steps(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    code = app.code()
    assert app.exchange(code, redirect_uri=f"{CALLBACK}/").error == "400 invalid_grant"
    assert app.exchange(code, redirect_uri=None).error == "400 invalid_grant"
    assert provider.requests("token")[0].outcome == "redirect_mismatch"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_code_used_twice_ends_the_tokens_it_gave(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    code = app.code()
    tokens = app.exchange(code).data
    assert app.exchange(code).error == "400 invalid_grant"
    assert provider.requests("token")[1].outcome == "reused_code"
    assert app.identity(tokens["access_token"]).status in (401, 403)
    assert app.refresh(tokens["refresh_token"]).data["error"] == "invalid_grant"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_verifier_must_fit(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    code = app.code()
    assert app.exchange(code, code_verifier="w" * 50).error == "400 invalid_grant"
    assert app.exchange(code, code_verifier="short").error == "400 invalid_grant"
    assert app.exchange(code, code_verifier=None).error == "400 invalid_grant"
    outcomes = [entry.outcome for entry in provider.requests("token")]
    assert outcomes == ["wrong_verifier", "wrong_verifier", "missing_verifier"]


def test_a_verifier_without_a_challenge_is_refused(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk")
    code = app.code(code_challenge=None, code_challenge_method=None)
    assert app.exchange(code).error == "400 invalid_grant"
    assert app.exchange(code, code_verifier=None).status == 200


def test_pkce_can_be_required_for_one_client(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk", pkce_required=True)
    page = visitor.fetch(app.url(code_challenge=None, code_challenge_method=None))
    assert callback_params(page.location)["error"] == ["invalid_request"]


def test_a_code_lives_sixty_seconds(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    in_time, late = app.code(), app.code()
    provider.advance_clock(58)
    assert app.exchange(in_time).status == 200
    provider.advance_clock(5)
    assert app.exchange(late).error == "400 invalid_grant"
    assert provider.requests("token")[1].outcome == "expired_code"


def test_a_code_belongs_to_its_client(provider: FakeAS) -> None:
    app, thief = (OAuthApp.registered(provider, "demo-mail") for _ in range(2))
    code = app.code()
    assert thief.exchange(code).error == "400 invalid_grant"
    assert app.exchange(code).status == 200


def test_a_code_belongs_to_its_subdomain(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk")
    other_place = replace(app.kind, token="/demo-desk/other/oauth/token")
    code = app.code()
    elsewhere = replace(app, kind=other_place)
    assert elsewhere.exchange(code).error == "400 invalid_grant"
    tokens = app.exchange(code).data
    assert elsewhere.refresh(tokens["refresh_token"]).error == "400 invalid_grant"
    assert app.refresh(tokens["refresh_token"]).status == 200


def test_an_app_of_one_subdomain_is_unknown_at_another(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk", settings={"subdomain": "globex"})
    assert visitor.fetch(app.url()).status == 400
    assert app.exchange("x").error == "401 invalid_client"


def test_fifty_parallel_exchanges_give_one_set_of_tokens(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    code = app.code()
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: app.exchange(code).status, range(50)))
    assert sorted(statuses) == [200] + [400] * 49


@pytest.mark.parametrize("profile", sorted(KINDS))
def test_the_other_client_authentication_is_refused(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    fields = {"grant_type": "authorization_code", "code": app.code(), "redirect_uri": CALLBACK}
    answer = app.token_request({**fields}, basic=not app.kind.basic)
    assert answer.data["error"] in ("invalid_client", "invalid_auth_method")
    assert provider.requests("token")[0].outcome == "wrong_auth_method"


@pytest.mark.parametrize("profile", sorted(KINDS))
def test_the_other_body_format_is_refused(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    fields = {"grant_type": "authorization_code", "code": app.code(), "redirect_uri": CALLBACK}
    answer = app.token_request({**fields}, json=not app.kind.json)
    assert answer.data["error"] in ("invalid_request", "invalid_form_data")
    assert provider.requests("token")[0].outcome == "bad_format"


def test_two_client_authentications_are_refused(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    answer = app.exchange(app.code(), client_secret=app.client.client_secret)
    assert answer.error == "400 invalid_request"


def test_basic_credentials_are_form_decoded(provider: FakeAS) -> None:
    odd = {"client_id": "an id+%41:x", "client_secret": "p%20 ä+&=:/?"}
    app = OAuthApp.registered(provider, "demo-mail", **odd)
    assert app.exchange(app.code()).status == 200


def test_basic_credentials_without_encoding_do_not_fit(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail", client_secret="a+b%20c")
    header = basic_header(app.client).split()[1]
    raw = f"{app.client.client_id}:{app.client.client_secret}".encode()
    bare = base64.b64encode(raw).decode()
    assert bare != header
    media = "application/x-www-form-urlencoded"
    headers = {"Authorization": f"Basic {bare}", "Content-Type": media}
    answer = app.call("POST", app.kind.token, body="grant_type=refresh_token", headers=headers)
    assert answer.error == "401 invalid_client"


def test_a_401_names_the_scheme(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail").with_secret("wrong")
    assert app.exchange("x").headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("grant_type", "code", "error"),
    [
        ("password", "x", "400 unsupported_grant_type"),
        (None, None, "400 unsupported_grant_type"),
        ("authorization_code", None, "400 invalid_request"),
    ],
)
def test_other_requests_are_refused(
    provider: FakeAS, grant_type: str | None, code: str | None, error: str
) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    assert app.exchange(code, grant_type=grant_type).error == error


def test_repeated_and_query_parameters_are_refused(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk")
    pairs = [
        ("grant_type", "authorization_code"),
        ("code", app.code()),
        ("redirect_uri", CALLBACK),
        ("client_id", app.client.client_id),
        ("client_secret", app.client.client_secret),
    ]
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = app.call("POST", app.kind.token, body=urlencode([*pairs, pairs[1]]), headers=media)
    assert twice.error == "400 invalid_request"
    path = f"{app.kind.token}?code=x"
    assert app.call("POST", path, body=urlencode(pairs), headers=media).status == 400


@pytest.mark.parametrize("body", ["", "[]", '{"a": {}}', '{"code": "a", "code": "b"}', "{"])
def test_a_json_body_must_be_a_flat_object(provider: FakeAS, body: str) -> None:
    app = OAuthApp.registered(provider, "jira")
    headers = {"Content-Type": "application/json"}
    answer = app.call("POST", app.kind.token, body=body, headers=headers)
    assert answer.error == "400 invalid_request"


def test_get_is_not_a_token_request(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    answer = app.call("GET", app.kind.token)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_the_journal_shows_what_was_sent(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "zendesk")
    app.connect()
    asked, (sent,) = provider.requests("authorization")[0], provider.requests("token")
    assert sent.param("redirect_uri") == asked.param("redirect_uri") == CALLBACK
    assert sent.json == json.loads(sent.body)
    assert sent.headers["content-type"] == "application/json"
    assert (sent.status, sent.outcome, sent.profile) == (200, "ok", "zendesk")
    assert provider.count("token") == provider.counters()["zendesk.token"] == 1
