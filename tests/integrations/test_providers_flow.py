"""Every provider from the form to the second refresh: what is sent, and what is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from integrations import tokens
from integrations.models import Connection, Credential
from integrations.secret import Secret
from tests import factories, trips
from tests.fakeas import visitor as person
from tests.fakeas.accounts import Account
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

REDIRECT = re.compile(r"http://localhost:8000/oauth/callback/[a-z2-7]{26}")
ALICE = Account("alice", "alice@example.test", "Alice Archer")
TENANT = "11111111-2222-3333-4444-555555555555"
GMAIL = "https://www.googleapis.com/auth/"
AUTHORIZATION = {"response_type", "client_id", "redirect_uri", "scope", "state"}
CHALLENGE = {"code_challenge", "code_challenge_method"}
GRAPH = {"response_mode": "query", "prompt": "select_account"}
MICROSOFT_SCOPES = {
    "outlook": "offline_access User.Read Mail.Read Mail.Send Calendars.Read",
    "sharepoint": "offline_access User.Read Sites.Read.All Files.Read.All",
}


@dataclass(frozen=True)
class Case:
    """One provider with a person's own client, and what is expected of the way to it."""

    scope: str
    account: str
    label: str
    path: str
    settings: dict[str, str] = field(default_factory=dict)
    registered: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    token_extra: dict[str, Any] = field(default_factory=dict)
    granted: tuple[str, ...] = ()
    data: dict[str, str] = field(default_factory=dict)
    basic: bool = False
    json: bool = False
    pkce: bool = True
    rotates: bool = True
    lifetime: tuple[int, int] = (3600, 3600)


def microsoft(slug: str) -> Case:
    """Outlook and SharePoint differ in their scopes only."""
    scope = MICROSOFT_SCOPES[slug]
    return Case(
        scope=scope,
        account=ALICE.guid(slug),
        label=ALICE.email,
        path=f"/{slug}/{TENANT}/oauth2/v2.0/authorize",
        settings={"tenant": TENANT},
        registered={"tenant": TENANT},
        extra=GRAPH,
        granted=tuple(scope.split()[1:]),
        data={"tenant": TENANT},
        lifetime=(3600, 5399),
    )


CASES = {
    "demo-mail": Case(
        scope="openid profile mail.read",
        account=ALICE.guid("demo-mail"),
        label=ALICE.email,
        path="/demo-mail/oauth/authorize",
        basic=True,
        rotates=False,
    ),
    "demo-desk": Case(
        scope="tickets:read users:read",
        account=f"acme/{ALICE.digits(9, 'demo-desk')}",
        label=ALICE.email,
        path="/demo-desk/acme/oauth/authorize",
        settings={"subdomain": "acme"},
        registered={"subdomain": "acme"},
        data={"subdomain": "acme"},
        lifetime=(1800, 1800),
    ),
    "gmail": Case(
        scope=f"openid email {GMAIL}gmail.readonly {GMAIL}gmail.send",
        account=ALICE.digits(21, "gmail"),
        label=ALICE.email,
        path="/gmail/o/oauth2/v2/auth",
        extra={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "false"},
        granted=(
            "openid",
            f"{GMAIL}userinfo.email",
            f"{GMAIL}gmail.readonly",
            f"{GMAIL}gmail.send",
        ),
        rotates=False,
    ),
    "jira": Case(
        scope="offline_access read:jira-work read:jira-user write:jira-work",
        account=Account("acme", "", "").guid("jira-site"),
        label="https://acme.atlassian.net",
        path="/jira/authorize",
        settings={"site": "acme"},
        data={"cloud_id": Account("acme", "", "").guid("jira-site")},
        extra={"audience": "api.atlassian.com", "prompt": "consent"},
        json=True,
    ),
    "outlook": microsoft("outlook"),
    "sharepoint": microsoft("sharepoint"),
    "salesforce": Case(
        scope="api refresh_token openid",
        account=f"{Account('acme.my.salesforce.com', '', '').code('00D', 15, 'org')}/"
        f"{ALICE.code('005', 15, 'salesforce')}",
        label=ALICE.email,
        path="/salesforce/acme.my.salesforce.com/services/oauth2/authorize",
        settings={"domain": "acme.my.salesforce.com"},
        registered={"domain": "acme.my.salesforce.com"},
        rotates=False,
        lifetime=(7200, 7200),
    ),
    "slack": Case(
        scope="channels:read,chat:write,users:read,team:read",
        account=f"T0FAKEAS1/{ALICE.code('U', 9, 'slack')}",
        label="Acme Workspace",
        path="/slack/oauth/v2/authorize",
        settings={"user_scopes": "search:read"},
        registered={"token_rotation": True},
        extra={"user_scope": "search:read"},
        granted=("channels:read", "chat:write", "users:read", "team:read"),
        data={"user_scopes": "search:read", "team.id": "T0FAKEAS1", "bot_user_id": "U0FAKEBOT"},
        basic=True,
        pkce=False,
        lifetime=(43_200, 43_200),
    ),
    "zendesk": Case(
        scope="read write",
        account=f"acme/{ALICE.digits(12, 'zendesk/acme')}",
        label=ALICE.email,
        path="/zendesk/acme/oauth/authorizations/new",
        settings={"subdomain": "acme"},
        registered={"subdomain": "acme"},
        token_extra={"expires_in": 7200, "refresh_token_expires_in": 7_776_000},
        data={"subdomain": "acme"},
        json=True,
        lifetime=(7200, 7200),
    ),
}


@dataclass(frozen=True)
class Trip:
    """A finished trip: what the page showed, where it led, and the app at the provider."""

    redirect_uri: str
    authorization_url: str
    app: Any


@pytest.fixture(params=CASES)
def slug(request):
    return request.param


@pytest.fixture
def trip(provider, slug):
    """Connect as a person does: read the redirect URL, register it, fill in the form, approve."""
    project = factories.make_project()
    factories.make_integration(project, slug)
    dana, case = Visitor(project), CASES[slug]
    (redirect_uri,) = set(REDIRECT.findall(dana.open(slug).html))
    app = provider.register_client(slug, redirect_uris=[redirect_uri], settings=case.registered)
    typed = {f"setting_{name}": value for name, value in case.settings.items()}
    dana.enter(client_id=app.client_id, client_secret=app.client_secret, **typed)
    url = dana.start()
    dana.come_back(person.approve(url))
    assert dana.current_flow().error_code == ""
    return Trip(redirect_uri, url, app)


def sent(entry) -> dict[str, Any]:
    """Return what a token request had in its body, each name once."""
    if entry.json is not None:
        return dict(entry.json)
    assert all(len(values) == 1 for values in entry.form.values())
    return {name: values[0] for name, values in entry.form.items()}


def text(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as a form carries them."""
    return {name: str(value) for name, value in values.items()}


def test_the_connection_is_kept_as_the_provider_granted_it(trip, slug):
    case, connection = CASES[slug], Connection.objects.get()
    assert (connection.status, connection.reason) == (Connection.Status.VALID, "")
    assert (connection.account_id, connection.account_label) == (case.account, case.label)
    scopes = re.split("[ ,]", case.scope)
    assert connection.requested_scopes == scopes
    assert tuple(connection.scopes) == (case.granted or tuple(scopes))
    assert connection.missing_scopes == []
    assert case.data.items() <= connection.provider_data.items()
    credential = Credential.objects.get()
    assert credential.refresh_token is not None
    lived = round((credential.expires_at - credential.refreshed_at).total_seconds())
    assert case.lifetime[0] <= lived <= case.lifetime[1]


def test_the_authorization_request_says_what_it_must_and_no_more(trip, provider, slug):
    case = CASES[slug]
    asked = trips.parameters(trip.authorization_url)
    assert trip.authorization_url.split("?")[0] == provider.url + case.path
    assert set(asked) == AUTHORIZATION | (CHALLENGE if case.pkce else set()) | set(case.extra)
    assert asked["client_id"] == trip.app.client_id
    assert asked["redirect_uri"] == trip.redirect_uri
    assert (asked["response_type"], asked["scope"]) == ("code", case.scope)
    assert {name: asked[name] for name in case.extra} == case.extra
    assert asked.get("code_challenge_method") == ("S256" if case.pkce else None)


def test_the_token_request_says_what_it_must_and_no_more(trip, provider, slug):
    case = CASES[slug]
    (entry,) = provider.requests("token")
    body = sent(entry)
    assert len(body.pop("code")) > 20
    assert len(body.pop("code_verifier", "")) == (86 if case.pkce else 0)
    wanted = {"grant_type": "authorization_code", "redirect_uri": trip.redirect_uri}
    assert body == with_client(case, trip.app, {**wanted, **case.token_extra})
    assert_headers(case, entry)
    (asked,) = provider.requests("authorization")
    assert asked.param("redirect_uri") == trip.redirect_uri


def test_it_refreshes_twice_in_the_providers_own_way(trip, provider, slug):
    case, connection = CASES[slug], Connection.objects.get()
    seen = [kept()]
    for _ in range(2):
        factories.expire(connection)
        token = tokens.access_token_for(connection)
        seen.append(kept())
        assert seen[-1][0] == token.token.reveal()
        entry = provider.requests("token")[-1]
        wanted = {"grant_type": "refresh_token", "refresh_token": seen[-2][1], **case.token_extra}
        assert entry.outcome == "ok"
        assert sent(entry) == with_client(case, trip.app, wanted)
        assert_headers(case, entry)
    access, refresh = zip(*seen, strict=True)
    assert len(set(access)) == 3
    assert len(set(refresh)) == (3 if case.rotates else 1)
    assert Credential.objects.get().generation == 3


def test_a_slack_token_without_rotation_is_never_refreshed(provider):
    project = factories.make_project()
    integration = factories.make_integration(project, "slack")
    dana = trips.prepared(project, integration="slack", settings={"user_scopes": ""})
    slot = dana.current_flow().oauth_client
    app = provider.register_client("slack", redirect_uris=[slot.redirect_uri()])
    dana = trips.prepared(
        project,
        integration="slack",
        client_id=app.client_id,
        client_secret=Secret(app.client_secret),
    )
    dana.approve()
    connection = Connection.objects.get(integration=integration)
    assert tokens.access_token_for(connection).expires_at is None
    assert provider.count("token") == 1


def kept() -> tuple[str, str]:
    """Return the access token and the refresh token as they are stored."""
    row = Credential.objects.get()
    access, refresh = row.open_required("access_token"), row.open_required("refresh_token")
    return access.reveal(), refresh.reveal()


def with_client(case: Case, app: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with the client's credentials where this provider wants them there."""
    in_body = {"client_id": app.client_id, "client_secret": app.client_secret}
    body = body if case.basic else {**body, **in_body}
    return body if case.json else text(body)


def assert_headers(case: Case, entry: Any) -> None:
    """Check that a token request carried these headers and none that it should not."""
    media = "application/json" if case.json else "application/x-www-form-urlencoded"
    assert (entry.method, entry.raw_query) == ("POST", "")
    assert entry.headers["content-type"] == media
    assert entry.headers["accept"] == "application/json"
    assert entry.headers["accept-encoding"] == "identity"
    assert entry.headers.get("authorization", "").startswith("Basic ") is case.basic
    assert not {"cookie", "origin", "referer"} & set(entry.headers)
