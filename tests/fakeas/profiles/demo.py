"""Two providers of our own: a modern one, and one whose address holds a subdomain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakeas.profiles.base import Issued, Profile, Route, oidc_claims
from tests.fakeas.store import Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context


class DemoMail(Profile):
    """A mail service that follows the current best practice (RFC 9700)."""

    slug = "demo-mail"
    title = "Demo Mail"
    summary = "A made-up mail service that follows today's best practice to the letter."
    root = "/demo-mail"
    auth_method = "client_secret_basic"
    pkce = "required"
    has_issuer = True
    labels = ("App ID", "App secret", "Redirect URL")
    scopes = {
        "profile": "See your name and email address",
        "mail.read": "Read your mail",
        "mail.send": "Send mail as you",
        "contacts.read": "See your contacts",
        "openid": "Know who you are",
    }
    routes = (
        Route("authorization", ("GET",), "/demo-mail/oauth/authorize"),
        Route("token", ("POST",), "/demo-mail/oauth/token"),
        Route("revocation", ("POST",), "/demo-mail/oauth/revoke", "rfc7009"),
        Route("identity", ("GET",), "/demo-mail/userinfo"),
        Route("metadata", ("GET",), "/.well-known/oauth-authorization-server/demo-mail"),
        Route("metadata", ("GET",), "/demo-mail/.well-known/openid-configuration"),
        Route("keys", ("GET",), "/demo-mail/oauth/keys"),
        Route("api", (), "/demo-mail/api/{path}"),
    )

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Add an id_token when openid was granted."""
        answer, first = super().answer(ctx, issued), issued[0]
        if "openid" in first.access.scopes:
            claims = oidc_claims(ctx, first, issuer=ctx.issuer, subject=self._subject(first.access))
            answer["id_token"] = ctx.world.signing_key.sign(claims)
        return answer

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return OpenID-like claims."""
        account = token.grant.account
        return {"sub": self._subject(token), "email": account.email, "name": account.name}

    def _subject(self, token: Token) -> str:
        return token.grant.account.guid(self.slug)


class DemoDesk(Profile):
    """A help desk with one address for each customer and strict rotation."""

    slug = "demo-desk"
    title = "Demo Desk"
    summary = "A made-up help desk with a subdomain for each customer. Refresh tokens work once."
    root = "/demo-desk/{subdomain}"
    realm_names = ("subdomain",)
    rotation = "strict"
    access_lifetime = 1800
    labels = ("Identifier", "Secret", "Callback URL")
    scopes = {
        "tickets:read": "Read tickets",
        "tickets:write": "Create and change tickets",
        "users:read": "See agents and customers",
        "reports:read": "See reports",
    }
    routes = (
        Route("authorization", ("GET",), "/demo-desk/{subdomain}/oauth/authorize"),
        Route("token", ("POST",), "/demo-desk/{subdomain}/oauth/token"),
        Route("revocation", ("POST",), "/demo-desk/{subdomain}/oauth/revoke", "rfc7009"),
        Route("identity", ("GET",), "/demo-desk/{subdomain}/api/me"),
        Route("api", (), "/demo-desk/{subdomain}/api/{path}"),
    )

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the agent and the customer's address."""
        account = token.grant.account
        user = {"id": int(account.digits(9, self.slug)), "email": account.email}
        return {"user": user | {"name": account.name}, "account": dict(ctx.realm)}
