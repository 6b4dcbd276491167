"""The authorization endpoint shows a page, asks, or sends back, and never the wrong one."""

from __future__ import annotations

import pytest

from tests.fakeas import visitor
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import CALLBACK, KINDS, OAuthApp, callback_params

PROFILES = sorted(KINDS)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_unknown_client_gets_a_page_and_no_redirect(provider: FakeAS, profile: str) -> None:
    page = visitor.fetch(OAuthApp.registered(provider, profile).url(client_id="nobody"))
    assert (page.status, page.location) == (400, "")
    assert provider.requests("authorization")[0].outcome == "unknown_client"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        CALLBACK.upper(),
        CALLBACK.replace("slot-1", "slot-2"),
        CALLBACK.replace("http:", "https:"),
        CALLBACK.replace("9999", "9998"),
        "http://evil.example/",
    ],
)
def test_a_redirect_url_that_differs_gets_a_page(
    provider: FakeAS, profile: str, redirect_uri: str | None
) -> None:
    page = visitor.fetch(OAuthApp.registered(provider, profile).url(redirect_uri=redirect_uri))
    assert (page.status, page.location) == (400, "")
    assert provider.requests("authorization")[0].outcome == "redirect_mismatch"


def test_a_client_of_one_profile_is_unknown_to_another(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    other = OAuthApp(provider, KINDS["gmail"], app.client)
    assert visitor.fetch(other.url()).status == 400


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "too-short"}, "invalid_request"),
    ],
)
def test_other_mistakes_are_sent_back_with_state_and_issuer(
    provider: FakeAS, overrides: dict[str, str | None], error: str
) -> None:
    page = visitor.fetch(OAuthApp.registered(provider, "demo-mail").url(**overrides))
    params = callback_params(page.location)
    assert params["error"] == [error]
    assert params["state"] == ["state-1"]
    assert params["iss"] == [f"{provider.url}/demo-mail"]


def test_a_repeated_parameter_is_refused(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    assert callback_params(visitor.fetch(app.url() + "&state=b").location)["error"] == [
        "invalid_request"
    ]
    assert visitor.fetch(app.url() + "&client_id=b").location == ""


def test_only_the_scopes_of_the_app_may_be_asked_for(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail", scopes=["profile"])
    params = callback_params(visitor.fetch(app.url()).location)
    assert params["error"] == ["invalid_scope"]


def test_nothing_is_granted_without_the_click(provider: FakeAS) -> None:
    page = visitor.fetch(OAuthApp.registered(provider, "demo-mail").url())
    form = visitor.ConsentForm(page.text)
    assert (page.status, page.location) == (200, "")
    assert form.accounts == ["alice@example.test", "bob@example.test"]
    assert form.scopes == ["profile", "mail.read"]
    assert provider.grants() == []


def test_the_consent_page_has_the_ids_that_browser_tests_use(provider: FakeAS) -> None:
    text = visitor.fetch(OAuthApp.registered(provider, "demo-mail").url()).text
    for part in ('id="allow"', 'id="deny"', 'name="account"', 'name="scope"'):
        assert part in text
    assert "<script" not in text
    assert " style=" not in text


def test_deny_sends_access_denied(provider: FakeAS) -> None:
    params = callback_params(visitor.deny(OAuthApp.registered(provider, "demo-mail").url()))
    assert params["error"] == ["access_denied"]
    assert params["state"] == ["state-1"]
    assert "code" not in params


def test_unticked_scopes_are_not_granted(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    url = visitor.approve(app.url(), scopes=["profile"])
    answer = app.exchange(callback_params(url)["code"][0])
    assert answer.data["scope"] == "profile"


def test_scopes_that_were_not_asked_for_cannot_be_added_in_the_form(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    visitor.approve(app.url(), scopes=["profile", "mail.send"])
    assert provider.grants()[0]["scopes"] == ["profile"]


def test_no_scope_ticked_counts_as_deny(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    assert callback_params(visitor.approve(app.url(), scopes=[]))["error"] == ["access_denied"]


def test_a_consent_page_works_once(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    form = visitor.ConsentForm(visitor.fetch(app.url()).text)
    fields = [("ticket", form.ticket), ("account", form.accounts[0]), ("decision", "allow")]
    fields += [("scope", scope) for scope in form.scopes]
    assert visitor.fetch(provider.url + form.action, fields).status == 303
    assert visitor.fetch(provider.url + form.action, fields).status == 400


def test_a_redirect_url_keeps_its_own_query(provider: FakeAS) -> None:
    uri = f"{CALLBACK}?keep=1"
    client = provider.register_client("demo-mail", redirect_uris=[uri])
    app = OAuthApp(provider, KINDS["demo-mail"], client)
    assert visitor.approve(app.url(redirect_uri=uri)).startswith(f"{uri}&code=")


def test_login_hint_chooses_the_account(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    text = visitor.fetch(app.url(login_hint="bob@example.test")).text
    assert 'value="bob@example.test" checked' in text
