"""Each mode does what its name says, for its profile and its number of times only."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakeas import faults, visitor
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


def test_coop(provider: FakeAS, app: OAuthApp) -> None:
    name = "cross-origin-opener-policy"
    assert name not in visitor.fetch(app.url()).headers
    provider.configure(coop="same-origin")
    assert visitor.fetch(app.url()).headers[name] == "same-origin"
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


@pytest.mark.parametrize("name", sorted(set(faults.BODY_NAMES) - {"gzip_bomb", "latin1", "huge"}))
def test_token_body_replaces_the_answer(provider: FakeAS, app: OAuthApp, name: str) -> None:
    provider.configure(token_body=name)
    answer = app.exchange("x")
    assert answer.status == 200
    assert "a-token" in answer.text or name in (
        *("empty", "null", "deep", "html", "no_token"),
        *("number_token", "newline_token"),
    )


def test_a_body_of_ones_own(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(token_body={"body": "hello", "content_type": "text/plain", "status": 418})
    answer = app.exchange("x")
    assert (answer.status, answer.text) == (418, "hello")
    assert answer.headers["content-type"] == "text/plain"


def test_the_gzip_bomb_is_small_and_unpacks_to_200_megabytes() -> None:
    packed = faults.gzip_bomb()
    size = 0
    with gzip.open(io.BytesIO(packed)) as stream:
        while chunk := stream.read(1_000_000):
            size += len(chunk)
    assert len(packed) < 300_000
    assert size > 200_000_000


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


def test_other_account_keeps_the_email_and_changes_the_id(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(other_account=True)
    people = [app.identity(app.connect()["access_token"]).data for _ in range(2)]
    assert people[0]["email"] == people[1]["email"]
    assert people[0]["sub"] != people[1]["sub"]


def test_metadata_issuer(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(metadata_issuer="https://evil.example")
    document = app.call("GET", "/demo-mail/.well-known/openid-configuration")
    assert json.loads(document.text)["issuer"] == "https://evil.example"


@pytest.mark.parametrize(
    "modes", [{"nonsense": 1}, {"iss": "maybe"}, {"token_status": "x"}, {"token_error": "no"}]
)
def test_unknown_modes_and_values_are_refused(provider: FakeAS, modes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(modes))):
        provider.configure(**modes)
