"""Refresh tokens rotate as the profile says, and never gain scopes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import OAuthApp

STRICT = ("demo-desk", "zendesk")


@pytest.mark.parametrize("profile", STRICT)
def test_strict_rotation_ends_the_family_on_reuse(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    first = app.connect()
    second = app.refresh(first["refresh_token"]).data
    assert second["refresh_token"] != first["refresh_token"]
    assert app.refresh(first["refresh_token"]).error == "400 invalid_grant"
    assert provider.requests("token")[-1].outcome == "reused_refresh_token"
    assert app.refresh(second["refresh_token"]).error == "400 invalid_grant"
    assert app.identity(second["access_token"]).status == 401


def test_strict_rotation_lets_one_of_many_through(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-desk")
    token = app.connect()["refresh_token"]
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: app.refresh(token).status, range(20)))
    assert sorted(statuses) == [200] + [400] * 19


def test_zendesk_deletes_the_old_access_token_too(provider: FakeAS) -> None:
    for profile, old_status in (("zendesk", 401), ("demo-desk", 200)):
        app = OAuthApp.registered(provider, profile)
        first = app.connect()
        second = app.refresh(first["refresh_token"]).data
        assert app.identity(first["access_token"]).status == old_status
        assert app.identity(second["access_token"]).status == 200


@pytest.mark.parametrize("profile", ["demo-mail", "gmail", "salesforce"])
def test_without_rotation_the_token_stays_and_is_not_repeated(
    provider: FakeAS, profile: str
) -> None:
    app = OAuthApp.registered(provider, profile)
    token = app.connect()["refresh_token"]
    for _ in range(2):
        answer = app.refresh(token)
        assert answer.status == 200
        assert "refresh_token" not in answer.data


@pytest.mark.parametrize("profile", ["outlook", "sharepoint"])
def test_microsoft_rolls_and_keeps_the_old_ones(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    first = app.connect()["refresh_token"]
    second = app.refresh(first).data["refresh_token"]
    provider.advance_clock(86_400)
    assert first != second
    assert app.refresh(first).status == app.refresh(second).status == 200


def test_jira_has_ten_minutes_of_grace(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "jira")
    first = app.connect()["refresh_token"]
    second = app.refresh(first).data["refresh_token"]
    provider.advance_clock(590)
    assert app.refresh(first).status == 200
    provider.advance_clock(20)
    assert app.refresh(first).error == "403 invalid_grant"
    assert app.refresh(second).error == "403 invalid_grant"


def test_a_refresh_cannot_widen_but_may_narrow_the_scope(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    token = app.connect()["refresh_token"]
    assert app.refresh(token, scope="profile mail.send").error == "400 invalid_scope"
    assert app.refresh(token, scope="profile").data["scope"] == "profile"
    assert app.refresh(token).data["scope"] == "profile mail.read"


def test_a_refresh_token_belongs_to_its_client(provider: FakeAS) -> None:
    app, thief = (OAuthApp.registered(provider, "demo-mail") for _ in range(2))
    token = app.connect()["refresh_token"]
    assert thief.refresh(token).error == "400 invalid_grant"
    assert app.with_secret("wrong").refresh(token).error == "401 invalid_client"
    assert app.refresh(token).status == 200


def test_an_access_token_is_no_refresh_token(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    assert app.refresh(app.connect()["access_token"]).error == "400 invalid_grant"


def test_access_tokens_end(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    tokens = app.connect()
    provider.advance_clock(tokens["expires_in"] + 1)
    assert app.identity(tokens["access_token"]).error == "401 invalid_token"
    fresh = app.refresh(tokens["refresh_token"]).data
    assert app.identity(fresh["access_token"]).status == 200


def test_zendesk_refresh_tokens_end_after_the_time_asked_for(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "zendesk")
    week = 7 * 86_400
    tokens = app.exchange(app.code(), refresh_token_expires_in=str(week), expires_in="300").data
    assert (tokens["expires_in"], tokens["refresh_token_expires_in"]) == (300, week)
    provider.advance_clock(week + 1)
    assert app.refresh(tokens["refresh_token"]).error == "400 invalid_grant"


def test_a_revoked_grant_refuses_to_refresh(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    tokens = app.connect()
    assert provider.revoke_grants(profile="demo-mail") == 1
    assert app.refresh(tokens["refresh_token"]).error == "400 invalid_grant"
    assert app.identity(tokens["access_token"]).status == 401
