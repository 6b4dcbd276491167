"""What every profile has, with the plain behaviour of the RFCs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.fakeas.errors import CLIENT_REASONS, NotFound, Reason, Refused
from tests.fakeas.messages import Params, Response, json_response
from tests.fakeas.store import Authorization, Client, Grant, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLACEHOLDERS = {
    "subdomain": LABEL,
    "tenant": r"[A-Za-z0-9][A-Za-z0-9.-]{0,119}",
    "domain": r"[a-z0-9][a-z0-9.-]{0,252}",
    "path": r".*",
}


@dataclass(frozen=True)
class Route:
    """One endpoint: `methods` empty means any; the pattern holds {placeholders}."""

    endpoint: str
    methods: tuple[str, ...]
    pattern: str
    variant: str = ""

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Return the pattern as a regular expression with named groups."""
        parts = re.split(r"\{(\w+)\}", self.pattern)
        text = "".join(_part(index, part) for index, part in enumerate(parts))
        return re.compile(text)


def _part(index: int, part: str) -> str:
    if index % 2 == 0:
        return re.escape(part)
    return f"(?P<{part}>{_PLACEHOLDERS.get(part, '[^/]+')})"


@dataclass(frozen=True)
class Issued:
    """The tokens one token request produced; `lifetime` None means no expires_in."""

    grant: Grant
    access: Token
    refresh: Token | None
    lifetime: int | None
    params: Params
    refreshed: bool = False


class Profile:
    """A standard authorization server; subclasses say where a provider differs."""

    slug = ""
    title = ""
    real_name = ""
    summary = ""
    root = ""
    realm_names: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    auth_method = "client_secret_post"
    body_format = "form"
    pkce = "verified"
    rotation = "none"
    reuse_window: float | None = None
    refresh_deletes_access = False
    access_lifetime: int | None = 3600
    has_issuer = False
    scope_separator = " "
    scope_required = True
    scope_error_on_page = False
    has_user_scope = False
    scopes: Mapping[str, str] = {}
    identity_scopes: frozenset[str] = frozenset()
    page_codes: Mapping[Reason, str] = {}
    labels = ("Client ID", "Client secret", "Redirect URL")

    def check_authorization(self, params: Params) -> None:
        """Refuse an authorization request that lacks what this provider demands."""

    def check_tenant(self, client: Client, path_values: Mapping[str, str]) -> None:
        """Show a page when the client may not be used at this address."""

    def knows_scope(self, scope: str) -> bool:
        """Tell whether the scope exists."""
        return scope in self.scopes

    def default_scopes(self) -> tuple[str, ...]:
        """Return what an authorization request without scope asks for."""
        return ()

    def split_scopes(self, text: str) -> tuple[str, ...]:
        """Split a scope parameter, dropping repetitions but keeping the order."""
        parts = (part.strip() for part in text.split(self.scope_separator))
        return tuple(dict.fromkeys(part for part in parts if part))

    def offline(self, params: Params, client: Client, scopes: tuple[str, ...]) -> bool:
        """Tell whether this authorization earns a refresh token."""
        return True

    def callback_extras(self, authorization: Authorization, grant: Grant) -> dict[str, str]:
        """Return parameters this provider adds to a successful callback."""
        return {}

    def callback_error(self, refused: Refused) -> dict[str, str]:
        """Return the error parameters of a callback (RFC 6749 section 4.1.2.1)."""
        return {"error": refused.code, "error_description": refused.description}

    def check_token_request(self, params: Params) -> None:
        """Refuse a token request with values this provider does not take."""

    def kinds(self, grant: Grant) -> tuple[str, ...]:
        """Return the kinds of token a code yields."""
        return ("",)

    def lifetime(self, client: Client, params: Params) -> int | None:
        """Return the seconds an access token lives; None means no end."""
        return self.access_lifetime

    def refresh_lifetime(self, params: Params) -> int | None:
        """Return the seconds a refresh token lives; None means no end."""
        return None

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Build the successful token answer (RFC 6749 section 5.1)."""
        first = issued[0]
        answer: dict[str, Any] = {"access_token": first.access.value, "token_type": "Bearer"}
        if first.lifetime is not None:
            answer["expires_in"] = first.lifetime
        if first.refresh is not None:
            answer["refresh_token"] = first.refresh.value
        return answer | {"scope": self.scope_answer(first.access.scopes)}

    def scope_answer(self, scopes: tuple[str, ...]) -> str:
        """Return the granted scopes as this provider spells them."""
        return self.scope_separator.join(scopes)

    def token_error(self, refused: Refused) -> Response:
        """Build the error answer of the token endpoint (RFC 6749 section 5.2)."""
        body = {"error": refused.code, "error_description": refused.description}
        return json_response(body, status=self.error_status(refused), outcome=refused.reason.value)

    def error_status(self, refused: Refused) -> int:
        """Return the HTTP status of a refusal."""
        return 401 if refused.reason in CLIENT_REASONS else 400

    def bearer_error(self, refused: Refused) -> Response:
        """Build the answer to a missing, dead or too narrow token (RFC 6750 section 3)."""
        status = 403 if refused.reason is Reason.INSUFFICIENT_SCOPE else 401
        answer = json_response(
            {"error": refused.code, "error_description": refused.description},
            status=status,
            outcome=refused.reason.value,
        )
        return answer.having(("WWW-Authenticate", f'Bearer error="{refused.code}"'))

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the JSON that tells whose token this is."""
        raise NotFound

    def anonymous_identity(self) -> Any:
        """Return what a request without any token gets, or None to refuse it."""
        return None

    def new_credentials(self) -> tuple[str, str]:
        """Make a client id and a secret in the shape this provider uses."""
        return f"app-{secrets.token_hex(8)}", secrets.token_urlsafe(30)


def oidc_claims(ctx: Context, issued: Issued, *, issuer: str, subject: str) -> dict[str, Any]:
    """Return the claims every id_token has (OpenID Connect Core section 2)."""
    account, now = issued.grant.account, int(ctx.store.now())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": issued.grant.client_id,
        "sub": subject,
        "iat": now,
        "exp": now + 3600,
        "email": account.email,
        "name": account.name,
    }
    nonce = issued.grant.authorization.params.get("nonce")
    return claims | ({"nonce": nonce} if nonce else {})
