"""Each profile insists on its own rules."""

from __future__ import annotations

from dataclasses import replace

import jwt
import pytest

from tests.fakeas import visitor
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import Kind, OAuthApp, callback_params


def _error(url: str) -> list[str]:
    return callback_params(visitor.fetch(url).location)["error"]


@pytest.mark.parametrize(
    "overrides", [{"access_type": None}, {"access_type": "online"}, {"prompt": None}]
)
def test_google_gives_no_refresh_token_unless_asked_rightly(
    provider: FakeAS, overrides: dict[str, str | None]
) -> None:
    app = OAuthApp.registered(provider, "gmail")
    assert "refresh_token" not in app.connect(**overrides)


def test_google_spells_scopes_out_and_signs_an_id_token(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "gmail")
    tokens = app.connect(nonce="n-1")
    assert tokens["scope"] == "openid https://www.googleapis.com/auth/userinfo.email"
    keys = app.call("GET", "/gmail/oauth2/v3/certs").data
    key = jwt.PyJWKSet.from_dict(keys).keys[0]
    claims = jwt.decode(
        tokens["id_token"],
        key,
        algorithms=["RS256"],
        audience=app.client.client_id,
        issuer=f"{provider.url}/gmail",
    )
    assert claims["nonce"] == "n-1"
    assert claims["sub"] == app.identity(tokens["access_token"]).data["sub"]


def test_google_userinfo_needs_openid(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "gmail")
    assert app.identity(app.connect(scope="email")["access_token"]).status == 403


@pytest.mark.parametrize("overrides", [{"audience": None}, {"audience": "x"}, {"prompt": None}])
def test_jira_wants_its_fixed_parameters(
    provider: FakeAS, overrides: dict[str, str | None]
) -> None:
    assert _error(OAuthApp.registered(provider, "jira").url(**overrides)) == ["invalid_request"]


@pytest.mark.parametrize(
    ("profile", "scopes"), [("jira", "read:jira-work"), ("outlook", "User.Read Mail.Read")]
)
def test_offline_access_is_needed_for_a_refresh_token(
    provider: FakeAS, profile: str, scopes: str
) -> None:
    app = OAuthApp.registered(provider, profile)
    assert "refresh_token" not in app.connect(scope=scopes)


def test_jira_lists_the_sites_of_the_person(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "jira")
    sites = app.identity(app.connect()["access_token"]).data
    assert [site["name"] for site in sites] == ["acme", "beta"]
    code = callback_params(visitor.approve(app.url(), account="bob@example.test"))["code"][0]
    bobs = app.identity(app.exchange(code).data["access_token"]).data
    assert [site["id"] for site in bobs] == [sites[0]["id"]]


@pytest.mark.parametrize(
    "overrides", [{"response_mode": None}, {"response_mode": "form_post"}, {"prompt": None}]
)
def test_microsoft_wants_response_mode_and_prompt(
    provider: FakeAS, overrides: dict[str, str | None]
) -> None:
    page = visitor.fetch(OAuthApp.registered(provider, "outlook").url(**overrides))
    params = callback_params(page.location)
    assert params["error"] == ["invalid_request"]
    assert params["error_description"][0].startswith("AADSTS900144: ")


def test_microsoft_numbers_its_errors(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "outlook")
    wrong = app.with_secret("wrong").exchange("x")
    assert wrong.data["error_codes"] == [7000215]
    assert wrong.data["error_description"].startswith("AADSTS7000215: ")
    expired = OAuthApp.registered(provider, "outlook", settings={"secret_expired": True})
    assert expired.exchange("x").data["error_codes"] == [7000222]
    denied = callback_params(visitor.deny(app.url()))
    assert denied["error_subcode"] == ["cancel"]
    assert "AADSTS65004" in denied["error_description"][0]


def test_microsoft_shows_pages_for_wrong_tenants(provider: FakeAS) -> None:
    home = "6f2f1c1e-0000-4000-8000-000000000001"
    app = OAuthApp.registered(provider, "outlook", settings={"tenant": home})
    assert "AADSTS50194" in visitor.fetch(app.url()).text
    at_home = app.url().replace("organizations", home)
    assert visitor.fetch(at_home).status == 200
    assert "AADSTS700016" in visitor.fetch(app.url().replace("organizations", "x.example")).text
    assert "AADSTS90002" in visitor.fetch(app.url().replace("organizations", "nonsense")).text
    assert "AADSTS50011" in visitor.fetch(app.url(redirect_uri="http://localhost/")).text


def test_microsoft_leaves_offline_access_out_of_scope(provider: FakeAS) -> None:
    tokens = OAuthApp.registered(provider, "outlook").connect()
    assert tokens["scope"] == "User.Read Mail.Read"
    assert 3600 <= tokens["expires_in"] < 5400


def test_microsoft_me_needs_its_scope(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "outlook")
    token = app.connect(scope="Mail.Read")["access_token"]
    assert app.identity(token).data["error"]["code"] == "Authorization_RequestDenied"


def test_sharepoint_refuses_two_resources_in_one_token(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "sharepoint")
    classic = "https://contoso.sharepoint.com/AllSites.Read"
    assert _error(app.url(scope=f"Sites.Read.All {classic}")) == ["invalid_scope"]
    assert visitor.fetch(app.url(scope=f"offline_access {classic}")).status == 200


def test_salesforce_never_says_when_a_token_ends(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "salesforce")
    tokens = app.connect()
    assert "expires_in" not in tokens
    assert tokens["instance_url"] == f"{provider.url}/salesforce/acme.my.salesforce.com"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    person = app.call("GET", tokens["id"].removeprefix(provider.url), headers=headers).data
    assert (person["username"], person["user_id"][:3]) == ("alice@example.test", "005")
    provider.advance_clock(7201)
    data = "/salesforce/acme.my.salesforce.com/services/data/v60.0/"
    assert app.call("GET", data, headers=headers).data[0]["errorCode"] == "INVALID_SESSION_ID"


def test_salesforce_requires_pkce(provider: FakeAS) -> None:
    url = OAuthApp.registered(provider, "salesforce").url(
        code_challenge=None, code_challenge_method=None
    )
    params = callback_params(visitor.fetch(url).location)
    assert params["error_description"] == ["missing required code challenge"]


def test_salesforce_binds_a_code_to_its_host(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "salesforce")
    token = "/salesforce/login.salesforce.com/services/oauth2/token"
    code = app.code()
    elsewhere = replace(app, kind=replace(app.kind, token=token))
    assert elsewhere.exchange(code).error == "400 invalid_grant"
    assert app.exchange(code).status == 200


def test_slack_answers_with_bot_and_person(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "slack")
    tokens = app.connect(user_scope="search:read")
    assert (tokens["ok"], tokens["token_type"]) == (True, "bot")
    assert tokens["scope"] == "channels:read,chat:write"
    assert tokens["authed_user"]["scope"] == "search:read"
    assert not {"refresh_token", "expires_in"} & set(tokens)
    assert app.identity(tokens["access_token"]).data["team_id"] == tokens["team"]["id"]
    person = app.identity(tokens["authed_user"]["access_token"]).data
    assert person["user_id"] == tokens["authed_user"]["id"]


def test_slack_with_user_scope_only_has_no_bot_token(provider: FakeAS) -> None:
    tokens = OAuthApp.registered(provider, "slack").connect(scope=None, user_scope="search:read")
    assert "access_token" not in tokens
    assert tokens["authed_user"]["access_token"]


@pytest.mark.parametrize("scope", ["channels:read chat:write", "no:such", None])
def test_slack_shows_scope_mistakes_on_a_page(provider: FakeAS, scope: str | None) -> None:
    page = visitor.fetch(OAuthApp.registered(provider, "slack").url(scope=scope))
    assert (page.status, page.location) == (400, "")


def test_slack_answers_200_with_ok_false(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "slack")
    code = app.code()
    assert app.exchange(code).status == 200
    for answer, error in (
        (app.with_secret("wrong").exchange(code), "bad_client_secret"),
        (app.exchange("x"), "invalid_code"),
        (app.exchange(code), "code_already_used"),
        (app.identity("x"), "invalid_auth"),
    ):
        assert (answer.status, answer.data) == (200, {"ok": False, "error": error})


def test_slack_refuses_pkce(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "slack")
    url = app.url(code_challenge="a" * 43, code_challenge_method="S256")
    assert _error(url) == ["invalid_request"]
    assert app.exchange(app.code(), code_verifier="v" * 43).data["error"] == "pkce_not_allowed"


def test_slack_rotates_each_token_when_switched_on(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "slack", settings={"token_rotation": True})
    tokens = app.connect(user_scope="search:read")
    assert tokens["expires_in"] == 43_200
    person = app.refresh(tokens["authed_user"]["refresh_token"]).data
    assert (person["token_type"], person["scope"]) == ("user", "search:read")
    bot = app.refresh(tokens["refresh_token"]).data
    assert (bot["token_type"], bot["ok"]) == ("bot", True)
    assert app.refresh(tokens["refresh_token"]).data["error"] == "invalid_refresh_token"


@pytest.mark.parametrize(
    "lifetimes", [{"expires_in": "10"}, {"refresh_token_expires_in": "1"}, {"expires_in": "x"}]
)
def test_zendesk_limits_the_lifetimes(provider: FakeAS, lifetimes: dict[str, str | None]) -> None:
    app = OAuthApp.registered(provider, "zendesk")
    assert app.exchange(app.code(), **lifetimes).error == "400 invalid_request"


def test_zendesk_answers_nobody_as_the_anonymous_person(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "zendesk")
    assert app.call("GET", app.kind.identity).data["user"]["id"] is None
    assert app.identity("x").status == 401
    narrow = app.connect(scope="tickets:read")["access_token"]
    assert app.identity(narrow).status == 403


@pytest.mark.parametrize("profile", ["demo-mail", "gmail"])
def test_metadata_names_the_endpoints(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.registered(provider, profile)
    document = app.call("GET", f"/{profile}/.well-known/openid-configuration").data
    kind: Kind = app.kind
    assert document["issuer"] == f"{provider.url}/{profile}"
    assert document["authorization_endpoint"] == provider.url + kind.authorization
    assert document["token_endpoint"] == provider.url + kind.token
    assert document["userinfo_endpoint"] == provider.url + kind.identity
    assert document["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic" if kind.basic else "client_secret_post"
    ]


def test_ids_differ_by_person_and_stay_the_same(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    ids = []
    for account in ("alice@example.test", "bob@example.test", "alice@example.test"):
        code = callback_params(visitor.approve(app.url(), account=account))["code"][0]
        ids.append(app.identity(app.exchange(code).data["access_token"]).data["sub"])
    assert ids[0] == ids[2] != ids[1]


def test_a_token_of_one_profile_is_worthless_at_another(provider: FakeAS) -> None:
    mail, desk = (OAuthApp.registered(provider, each) for each in ("demo-mail", "demo-desk"))
    token = mail.connect()["access_token"]
    assert desk.identity(token).status == 401
    headers = {"Authorization": f"Bearer {desk.connect()['access_token']}"}
    assert desk.call("GET", "/demo-desk/acme/api/tickets", headers=headers).status == 200
    assert desk.call("GET", "/demo-desk/other/api/tickets", headers=headers).status == 401
