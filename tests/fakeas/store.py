"""Everything the server remembers: clients, consent in progress, codes, grants and tokens."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakeas.accounts import Account
from tests.fakeas.messages import Params

CODE_LIFETIME = 60
CONSENT_LIFETIME = 600


@dataclass(frozen=True)
class Client:
    """One registered app. `scopes` None means every scope of the profile."""

    profile: str
    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()
    name: str = "An app"
    scopes: tuple[str, ...] | None = None
    pkce_required: bool = False
    any_loopback: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    modes: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Client(profile={self.profile!r}, client_id={self.client_id!r})"


@dataclass(frozen=True)
class Authorization:
    """A valid authorization request that waits for the person's click."""

    profile: str
    realm: tuple[tuple[str, str], ...]
    client: Client
    redirect_uri: str
    params: Params
    scopes: tuple[str, ...]
    user_scopes: tuple[str, ...]
    challenge: str
    created_at: float


@dataclass
class Grant:
    """What one person allowed one client; revoking it ends all of its tokens."""

    number: int
    authorization: Authorization
    account: Account
    scopes: tuple[str, ...]
    user_scopes: tuple[str, ...]
    offline: bool
    revoked: bool = False
    tokens: list[Token] = field(default_factory=list, repr=False)

    @property
    def client_id(self) -> str:
        """Return the id of the client that holds the grant."""
        return self.authorization.client.client_id

    @property
    def profile(self) -> str:
        """Return the slug of the profile."""
        return self.authorization.profile

    @property
    def realm(self) -> dict[str, str]:
        """Return the path settings (subdomain, tenant, domain) the grant belongs to."""
        return dict(self.authorization.realm)


@dataclass
class Code:
    """An authorization code, redeemable once."""

    grant: Grant
    expires_at: float
    used: bool = False


@dataclass
class Token:
    """An access or a refresh token; `kind` tells Slack's bot and user tokens apart."""

    value: str
    grant: Grant
    scopes: tuple[str, ...]
    kind: str = ""
    expires_at: float | None = None
    replaced_at: float | None = None
    deleted: bool = False

    def __repr__(self) -> str:
        return f"Token(grant={self.grant.number}, kind={self.kind!r})"


class Store:
    """Hold the records; hold `lock` around every check that is followed by a change."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock_offset = 0.0
        self._numbers = 0
        self.clients: dict[tuple[str, str], Client] = {}
        self.authorizations: dict[str, Authorization] = {}
        self.codes: dict[str, Code] = {}
        self.grants: list[Grant] = []
        self.access_tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, Token] = {}

    def now(self) -> float:
        """Return the server's time in seconds; tests may move it forward."""
        return time.time() + self.clock_offset

    def number(self) -> int:
        """Return a number that was not used before."""
        with self.lock:
            self._numbers += 1
            return self._numbers

    def reset(self) -> None:
        """Forget everything but the registered clients, and set the clock right."""
        with self.lock:
            self.clock_offset = 0.0
            self.grants.clear()
            for records in (self.authorizations, self.codes):
                records.clear()
            for tokens in (self.access_tokens, self.refresh_tokens):
                tokens.clear()

    def open_authorization(self, authorization: Authorization) -> str:
        """Keep an authorization request for the consent page and return its hidden id."""
        ticket = secrets.token_urlsafe(24)
        with self.lock:
            self.authorizations[ticket] = authorization
        return ticket

    def take_authorization(self, ticket: str) -> Authorization | None:
        """Return a pending authorization request once, or None."""
        with self.lock:
            authorization = self.authorizations.pop(ticket, None)
        if authorization is None or self.now() > authorization.created_at + CONSENT_LIFETIME:
            return None
        return authorization

    def add_grant(
        self,
        authorization: Authorization,
        account: Account,
        *,
        scopes: tuple[str, ...],
        user_scopes: tuple[str, ...],
        offline: bool,
    ) -> Grant:
        """Record what the person allowed."""
        grant = Grant(self.number(), authorization, account, scopes, user_scopes, offline)
        with self.lock:
            self.grants.append(grant)
        return grant

    def add_code(self, grant: Grant, *, prefix: str = "") -> str:
        """Issue a code for the grant (RFC 6749 section 4.1.2)."""
        value = prefix + secrets.token_urlsafe(32)
        with self.lock:
            self.codes[value] = Code(grant, self.now() + CODE_LIFETIME)
        return value

    def keep(self, tokens: dict[str, Token], token: Token) -> None:
        """File a token under its value and with its grant."""
        tokens[token.value] = token
        token.grant.tokens.append(token)

    def live_access_token(self, value: str) -> Token | None:
        """Return the access token if it is neither revoked nor deleted; it may be expired."""
        token = self.access_tokens.get(value)
        if token is None or token.deleted or token.grant.revoked:
            return None
        return token
