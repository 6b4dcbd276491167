"""Revocation ends what each provider says it ends."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import Answer, OAuthApp, basic_header

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _revoke(app: OAuthApp, token: str, *, secret: str = "") -> Answer:
    client = (app.with_secret(secret) if secret else app).client
    fields = {"token": token}
    headers = dict(FORM)
    if app.kind.basic:
        headers["Authorization"] = basic_header(client)
    else:
        fields |= {"client_id": client.client_id, "client_secret": client.client_secret}
    path = app.kind.token.replace("token", "revoke")
    return app.call("POST", path, body=urlencode(fields), headers=headers)


@pytest.mark.parametrize("profile", ["demo-mail", "demo-desk"])
def test_revoking_a_refresh_token_ends_the_grant(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    tokens = app.connect()
    assert _revoke(app, tokens["refresh_token"]).status == 200
    assert app.identity(tokens["access_token"]).status == 401
    assert app.refresh(tokens["refresh_token"]).error == "400 invalid_grant"
    assert _revoke(app, tokens["refresh_token"]).status == 200


def test_revoking_an_access_token_leaves_the_refresh_token(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    tokens = app.connect()
    assert _revoke(app, tokens["access_token"]).status == 200
    assert app.identity(tokens["access_token"]).status == 401
    assert app.refresh(tokens["refresh_token"]).status == 200


def test_revocation_needs_the_client_that_holds_the_token(provider: FakeAS) -> None:
    app, other = (OAuthApp.registered(provider, "demo-mail") for _ in range(2))
    tokens = app.connect()
    assert _revoke(app, tokens["refresh_token"], secret="wrong").status == 401
    assert _revoke(other, tokens["refresh_token"]).status == 400
    assert app.refresh(tokens["refresh_token"]).status == 200


def test_google_ends_every_grant_of_the_person_and_client(provider: FakeAS) -> None:
    app, other = (OAuthApp.registered(provider, "gmail") for _ in range(2))
    first, second, third = app.connect(), app.connect(), other.connect()
    body = urlencode({"token": first["access_token"]})
    assert app.call("POST", "/gmail/revoke", body=body, headers=FORM).status == 200
    assert app.refresh(second["refresh_token"]).error == "400 invalid_grant"
    assert other.refresh(third["refresh_token"]).status == 200
    assert app.call("POST", "/gmail/revoke", body=body, headers=FORM).status == 400


def test_slack_ends_the_token_that_asks(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "slack")
    token = app.connect()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.call("POST", "/slack/api/auth.revoke", headers=headers)
    assert answer.data == {"ok": True, "revoked": True}
    assert app.identity(token).data["ok"] is False


def test_zendesk_ends_the_token_that_asks(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "zendesk")
    token = app.connect()["access_token"]
    path = "/zendesk/acme/api/v2/oauth/tokens/current.json"
    headers = {"Authorization": f"Bearer {token}"}
    assert app.call("DELETE", path, headers=headers).status == 204
    assert app.call("DELETE", path, headers=headers).status == 401


@pytest.mark.parametrize("path", ["/jira/oauth/revoke", "/outlook/common/oauth2/v2.0/revoke"])
def test_some_have_no_revocation(provider: FakeAS, path: str) -> None:
    app = OAuthApp.registered(provider, "jira")
    assert app.call("POST", path, body="token=x", headers=FORM).status == 404
