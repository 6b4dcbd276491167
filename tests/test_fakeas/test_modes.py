"""Each mode does what its name says, for its profile and its number of times only."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakeas import visitor
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import CALLBACK, OAuthApp, callback_params


@pytest.fixture
def app(provider: FakeAS) -> OAuthApp:
    """Return an app at Demo Mail."""
    return OAuthApp.registered(provider, "demo-mail")


def _iss(app: OAuthApp) -> list[str] | None:
    return callback_params(visitor.approve(app.url())).get("iss")


def test_iss(provider: FakeAS, app: OAuthApp) -> None:
    right = f"{provider.url}/demo-mail"
    wrong = "https://another-issuer.example"
    answers = {"correct": [right], "wrong": [wrong], "missing": None, "duplicate": [right, wrong]}
    for value, expected in answers.items():
        provider.configure(iss=value)
        assert _iss(app) == expected


def test_an_issuer_of_ones_own(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(iss=f"{provider.url}/demo-mail/")
    assert _iss(app) == [f"{provider.url}/demo-mail/"]


def test_a_callback_with_a_fragment(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(callback_fragment="_=_")
    assert visitor.approve(app.url()).endswith("#_=_")
    assert visitor.deny(app.url()).endswith("#_=_")


def test_codes_may_hold_every_character_that_codes_may_hold(
    provider: FakeAS, app: OAuthApp
) -> None:
    provider.configure(code_prefix="4/0A+b=&#% /")
    back = visitor.approve(app.url())
    assert "code=4%2F0A%2Bb%3D%26%23%25%20%2F" in back
    assert app.exchange(callback_params(back)["code"][0]).status == 200


def test_coop(provider: FakeAS, app: OAuthApp) -> None:
    name = "cross-origin-opener-policy"
    assert name not in visitor.fetch(app.url()).headers
    provider.configure(coop="same-origin")
    assert visitor.fetch(app.url()).headers[name] == "same-origin"
    provider.configure(coop="noopener-allow-popups")
    assert visitor.fetch(app.url()).headers[name] == "noopener-allow-popups"
    provider.configure(coop="none")
    assert name not in visitor.fetch(app.url()).headers


def test_sso_hop(provider: FakeAS, app: OAuthApp) -> None:
    other_host = provider.url.replace("127.0.0.1", "localhost")
    for value, host in ((True, provider.url), (other_host, other_host)):
        provider.configure(sso_hop=value)
        first = visitor.fetch(app.url())
        assert (first.status, first.location.startswith(f"{host}/demo-mail/sso?")) == (302, True)
        assert callback_params(visitor.approve(app.url()))["state"] == ["state-1"]


def test_sso_goes_nowhere_else(provider: FakeAS) -> None:
    for back in ("//evil.example/", "https://evil.example/", "/gmail/x"):
        assert visitor.fetch(f"{provider.url}/demo-mail/sso?back={back}").status == 400


def test_auto_approve(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(auto_approve="bob@example.test")
    assert "code" in callback_params(visitor.fetch(app.url()).location)
    assert provider.grants()[0]["account"] == "bob@example.test"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_token_redirect(provider: FakeAS, app: OAuthApp, status: int) -> None:
    provider.configure(token_redirect={"to": f"{provider.url}/canary", "status": status})
    answer = app.exchange("x")
    assert (answer.status, answer.headers["location"]) == (status, f"{provider.url}/canary")
    visitor.fetch(f"{provider.url}/canary")
    assert [entry.path for entry in provider.requests("other")] == ["/canary"]


def test_token_status(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(token_status={"status": 429, "retry_after": 7})
    answer = app.exchange("x")
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")


def test_times_and_grant_limit_a_fault(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(times=2, token_status={"status": 503, "grant": "refresh_token"})
    token = app.connect()["refresh_token"]
    assert [app.refresh(token).status for _ in range(3)] == [503, 503, 200]


def test_a_mode_of_one_profile_leaves_others_alone(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(profile="demo-desk", token_status=500)
    assert app.exchange(app.code()).status == 200
    assert OAuthApp.registered(provider, "demo-desk").exchange("x").status == 500


def test_other_endpoints_fail_too(provider: FakeAS, app: OAuthApp) -> None:
    token = app.connect()["access_token"]
    provider.configure(identity_status=500, api_status=502)
    assert app.identity(token).status == 500
    assert app.call("GET", "/demo-mail/api/x").status == 502
    provider.configure(identity_status=None)
    assert app.identity(token).status == 200


def test_token_delay_and_drip_take_time(provider: FakeAS, app: OAuthApp) -> None:
    for modes in (
        {"token_delay": 0.3},
        {"token_delay": {"seconds": 0.3, "when": "after"}},
        {"drip": {"seconds": 0.003, "where": "header"}},
        {"drip": {"seconds": 0.02, "where": "status"}},
        {"drip": {"seconds": 0.003}},
    ):
        provider.reset()
        provider.configure(**modes)
        started = time.monotonic()
        assert app.exchange(app.code()).status == 200
        assert time.monotonic() - started > 0.2


def test_token_lost_does_the_work_and_hangs_up(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk")
    token = app.connect()["refresh_token"]
    provider.configure(times=1, token_lost=True)
    with pytest.raises(http.client.RemoteDisconnected):
        app.refresh(token)
    assert app.refresh(token).error == "400 invalid_grant"


def test_a_connection_cut_before_the_work_does_nothing(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk")
    token = app.connect()["refresh_token"]
    provider.configure(times=1, token_lost={"when": "before"})
    with pytest.raises(http.client.RemoteDisconnected):
        app.refresh(token)
    assert app.refresh(token).status == 200


def test_pkce_modes(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(pkce="ignored")
    assert app.exchange(app.code(), code_verifier="w" * 50).status == 200
    provider.configure(pkce="refused")
    assert callback_params(visitor.fetch(app.url()).location)["error"] == ["invalid_request"]
    provider.configure(pkce="enforced")
    desk = OAuthApp.registered(provider, "demo-desk")
    bare = desk.url(code_challenge=None, code_challenge_method=None)
    assert callback_params(visitor.fetch(bare).location)["error"] == ["invalid_request"]


def test_rotation_modes(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(rotation="strict")
    first = app.connect()["refresh_token"]
    assert app.refresh(first).data["refresh_token"] != first
    assert app.refresh(first).error == "400 invalid_grant"
    provider.configure(rotation="grace", reuse_window=30)
    second = app.connect()["refresh_token"]
    assert app.refresh(second).status == app.refresh(second).status == 200
    provider.advance_clock(31)
    assert app.refresh(second).error == "400 invalid_grant"


def test_rolling_leaves_every_old_token_alive(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(rotation="rolling", reuse_window=1)
    first = app.connect()["refresh_token"]
    assert app.refresh(first).data["refresh_token"] != first
    provider.advance_clock(100_000)
    assert app.refresh(first).status == 200


def test_scopes_may_come_out_smaller_or_larger(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(partial_scopes=["mail.read"])
    assert app.connect()["scope"] == "mail.read"
    provider.configure(partial_scopes=None, extra_scopes=["mail.send"])
    assert app.connect()["scope"] == "profile mail.read mail.send"
    provider.configure(no_scope_in_answer=True)
    assert "scope" not in app.connect()


def test_answers_can_be_bent(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(answer_set={"token_type": "mac"}, answer_drop=["expires_in"])
    tokens = app.connect()
    assert tokens["token_type"] == "mac"
    assert "expires_in" not in tokens


def test_token_error_speaks_the_dialect(provider: FakeAS) -> None:
    provider.configure(token_error={"reason": "unknown_refresh_token", "grant": "refresh_token"})
    slack = OAuthApp.registered(provider, "slack", settings={"token_rotation": True})
    assert slack.refresh(slack.connect()["refresh_token"]).data["error"] == "invalid_refresh_token"


def test_an_error_may_come_with_another_status(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(times=1, token_error={"reason": "reused_code", "status": 200})
    assert app.exchange("x").error == "200 invalid_grant"
    assert app.exchange(app.code()).status == 200


def test_callback_modes(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(extra_callback_params=[["state", "other"], ["shop", "evil"]])
    params = callback_params(visitor.approve(app.url()))
    assert (params["state"], params["shop"]) == (["state-1", "other"], ["evil"])
    provider.configure(callback_error="temporarily_unavailable")
    page = visitor.fetch(app.url())
    assert callback_params(page.location)["error"] == ["temporarily_unavailable"]


def test_mixup_redirect_forwards_the_state(provider: FakeAS, app: OAuthApp) -> None:
    target = {"url": "https://honest.example/authorize", "client_id": "honest-client"}
    provider.configure(profile="demo-mail", mixup_redirect={**target, "redirect_uri": CALLBACK})
    page = visitor.fetch(app.url())
    sent = parse_qs(urlsplit(page.location).query)
    assert page.location.startswith("https://honest.example/authorize?")
    assert (sent["state"], sent["client_id"]) == (["state-1"], ["honest-client"])
    assert sent["code_challenge"]


def test_mixup_redirect_may_be_for_one_host_only(provider: FakeAS) -> None:
    desk = OAuthApp.registered(provider, "demo-desk")
    provider.configure(mixup_redirect={"url": "https://honest.example/authorize", "at": "evil"})
    assert "honest.example" not in visitor.fetch(desk.url()).location
    evil = desk.url().replace("/demo-desk/acme/", "/demo-desk/evil/")
    assert visitor.fetch(evil).location.startswith("https://honest.example/authorize?")


def test_other_account_keeps_the_email_and_changes_the_id(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(other_account=True)
    people = [app.identity(app.connect()["access_token"]).data for _ in range(2)]
    assert people[0]["email"] == people[1]["email"]
    assert people[0]["sub"] != people[1]["sub"]


def test_metadata_issuer(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(metadata_issuer="https://evil.example")
    document = app.call("GET", "/demo-mail/.well-known/openid-configuration")
    assert json.loads(document.text)["issuer"] == "https://evil.example"


def test_metadata_may_lie(provider: FakeAS, app: OAuthApp) -> None:
    lies = {"token_endpoint": "https://evil.example/token", "jwks_uri": "http://10.0.0.5/keys"}
    provider.configure(metadata_set=lies, metadata_drop=["revocation_endpoint"])
    document = app.call("GET", "/.well-known/oauth-authorization-server/demo-mail").data
    assert lies.items() <= document.items()
    assert "revocation_endpoint" not in document


@pytest.mark.parametrize(
    "modes", [{"nonsense": 1}, {"iss": "maybe"}, {"token_status": "x"}, {"token_error": "no"}]
)
def test_unknown_modes_and_values_are_refused(provider: FakeAS, modes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(modes))):
        provider.configure(**modes)
