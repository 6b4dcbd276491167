"""A small OAuth client that follows each profile's rules, and lets a test break one of them."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from tests.fakeas import visitor
from tests.fakeas.control import Control, RegisteredClient
from tests.fakeas.pkce import s256

CALLBACK = "http://localhost:9999/oauth/callback/slot-1"
VERIFIER = "verifier-" + "v" * 50


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def data(self) -> Any:
        """Return the decoded JSON."""
        return json.loads(self.text)

    @property
    def error(self) -> str:
        """Return the OAuth error code with the status."""
        return f"{self.status} {self.data['error']}"


@dataclass(frozen=True)
class Kind:
    """How a profile wants to be spoken to."""

    profile: str
    authorization: str
    token: str
    identity: str
    scopes: str
    basic: bool = False
    json: bool = False
    pkce: bool = True
    extra: dict[str, str] = field(default_factory=dict)
    identity_method: str = "GET"


_LOGIN = {"response_mode": "query", "prompt": "select_account"}
_V2 = "organizations/oauth2/v2.0"
_SF = "/salesforce/acme.my.salesforce.com/services/oauth2"
KINDS = {
    kind.profile: kind
    for kind in (
        Kind(
            "demo-mail",
            "/demo-mail/oauth/authorize",
            "/demo-mail/oauth/token",
            "/demo-mail/userinfo",
            "profile mail.read",
            basic=True,
        ),
        Kind(
            "demo-desk",
            "/demo-desk/acme/oauth/authorize",
            "/demo-desk/acme/oauth/token",
            "/demo-desk/acme/api/me",
            "tickets:read users:read",
        ),
        Kind(
            "gmail",
            "/gmail/o/oauth2/v2/auth",
            "/gmail/token",
            "/gmail/v1/userinfo",
            "openid email",
            extra={"access_type": "offline", "prompt": "consent"},
        ),
        Kind(
            "jira",
            "/jira/authorize",
            "/jira/oauth/token",
            "/jira/oauth/token/accessible-resources",
            "read:jira-work offline_access",
            json=True,
            extra={"audience": "api.atlassian.com", "prompt": "consent"},
        ),
        Kind(
            "outlook",
            f"/outlook/{_V2}/authorize",
            f"/outlook/{_V2}/token",
            "/outlook/v1.0/me",
            "offline_access User.Read Mail.Read",
            extra=_LOGIN,
        ),
        Kind(
            "sharepoint",
            f"/sharepoint/{_V2}/authorize",
            f"/sharepoint/{_V2}/token",
            "/sharepoint/v1.0/me",
            "offline_access User.Read Sites.Read.All",
            extra=_LOGIN,
        ),
        Kind(
            "salesforce",
            f"{_SF}/authorize",
            f"{_SF}/token",
            f"{_SF}/userinfo",
            "api refresh_token openid",
            extra={"prompt": "login"},
        ),
        Kind(
            "slack",
            "/slack/oauth/v2/authorize",
            "/slack/api/oauth.v2.access",
            "/slack/api/auth.test",
            "channels:read,chat:write",
            basic=True,
            pkce=False,
            identity_method="POST",
        ),
        Kind(
            "zendesk",
            "/zendesk/acme/oauth/authorizations/new",
            "/zendesk/acme/oauth/tokens",
            "/zendesk/acme/api/v2/users/me.json",
            "read write",
            json=True,
        ),
    )
}


@dataclass(frozen=True)
class OAuthApp:
    """A registered app that talks to one profile; `None` in an override leaves the name out."""

    provider: Control
    kind: Kind
    client: RegisteredClient

    @classmethod
    def registered(cls, provider: Control, profile: str, **options: Any) -> OAuthApp:
        """Register an app at the profile."""
        client = provider.register_client(profile, redirect_uris=[CALLBACK], **options)
        return cls(provider, KINDS[profile], client)

    @classmethod
    def magic(cls, provider: Control, client_id: str, profile: str = "demo-mail") -> OAuthApp:
        """Use a magic client id."""
        client = RegisteredClient(client_id, "fake-secret", (CALLBACK,))
        return cls(provider, KINDS[profile], client)

    def with_secret(self, secret: str) -> OAuthApp:
        """Return the same app with another secret."""
        return replace(self, client=replace(self.client, client_secret=secret))

    def url(self, **overrides: str | None) -> str:
        """Return the authorization URL."""
        params: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "scope": self.kind.scopes,
            "state": "state-1",
            **self.kind.extra,
        }
        if self.kind.pkce:
            params |= {"code_challenge": s256(VERIFIER), "code_challenge_method": "S256"}
        return f"{self.provider.url}{self.kind.authorization}?{_encoded(params | overrides)}"

    def code(self, **overrides: str | None) -> str:
        """Let the person allow everything and return the code."""
        return callback_params(visitor.approve(self.url(**overrides)))["code"][0]

    def exchange(self, code: str | None, **overrides: str | None) -> Answer:
        """Redeem a code."""
        fields: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
        }
        if self.kind.pkce:
            fields["code_verifier"] = VERIFIER
        return self.token_request(fields | overrides)

    def connect(self, **overrides: str | None) -> dict[str, Any]:
        """Go through the whole flow and return the token answer."""
        answer = self.exchange(self.code(**overrides))
        assert answer.status == 200, answer.text
        return dict(answer.data)

    def refresh(self, token: str, **overrides: str | None) -> Answer:
        """Use a refresh token."""
        fields: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": token}
        return self.token_request(fields | overrides)

    def token_request(self, fields: dict[str, str | None], **style: bool) -> Answer:
        """Post to the token endpoint; `basic` and `json` override the profile's style."""
        basic, as_json = style.get("basic", self.kind.basic), style.get("json", self.kind.json)
        headers: dict[str, str] = {}
        if basic:
            headers["Authorization"] = basic_header(self.client)
        else:
            secret = {"client_secret": self.client.client_secret}
            fields = {"client_id": self.client.client_id, **secret, **fields}
        sent = {name: value for name, value in fields.items() if value is not None}
        media = "application/json" if as_json else "application/x-www-form-urlencoded"
        body = json.dumps(sent) if as_json else urlencode(sent)
        headers["Content-Type"] = media
        return self.call("POST", self.kind.token, body=body, headers=headers)

    def identity(self, access_token: str) -> Answer:
        """Ask whose token it is."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.call(self.kind.identity_method, self.kind.identity, headers=headers)

    def call(
        self, method: str, path: str, *, body: str = "", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request to the provider."""
        connection = http.client.HTTPConnection(urlsplit(self.provider.url).netloc, timeout=20)
        try:
            connection.request(method, path, body.encode() or None, headers or {})
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, received, answer.read().decode())
        finally:
            connection.close()


def basic_header(client: RegisteredClient) -> str:
    """Encode the credentials as RFC 6749 section 2.3.1 says."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def callback_params(url: str) -> dict[str, list[str]]:
    """Return the query parameters of a callback URL."""
    assert url.startswith(CALLBACK), url
    return parse_qs(urlsplit(url).query)


def _encoded(params: dict[str, str | None]) -> str:
    return urlencode({name: value for name, value in params.items() if value is not None})
