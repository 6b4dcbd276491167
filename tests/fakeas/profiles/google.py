"""Gmail: refresh tokens only when asked for the right way, and granular consent."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params
from tests.fakeas.profiles.base import Issued, Profile, Route, oidc_claims
from tests.fakeas.store import Authorization, Client, Grant, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context

_AUTH = "https://www.googleapis.com/auth/"
_SPELLED_OUT = {"email": f"{_AUTH}userinfo.email", "profile": f"{_AUTH}userinfo.profile"}


class Gmail(Profile):
    """Google's authorization server with the Gmail scopes."""

    slug = "gmail"
    title = "Pretend Gmail"
    real_name = "Gmail"
    summary = "Gives a refresh token only for access_type=offline with prompt=consent."
    root = "/gmail"
    has_issuer = True
    page_codes = {
        Reason.REDIRECT_MISMATCH: "Error 400: redirect_uri_mismatch",
        Reason.UNKNOWN_CLIENT: "Error 401: invalid_client",
        Reason.ADMIN_APPROVAL: "Error 400: admin_policy_enforced",
    }
    identity_scopes = frozenset({"openid"})
    scopes = {
        "openid": "Know who you are",
        "email": "See your email address",
        "profile": "See your name",
        _SPELLED_OUT["email"]: "See your email address",
        _SPELLED_OUT["profile"]: "See your name",
        f"{_AUTH}gmail.readonly": "Read your mail and settings",
        f"{_AUTH}gmail.send": "Send mail as you",
        f"{_AUTH}gmail.modify": "Read, write and sort your mail",
        f"{_AUTH}gmail.compose": "Write drafts and send them",
        f"{_AUTH}gmail.insert": "Put mail into your mailbox",
        f"{_AUTH}gmail.labels": "Manage your labels",
        f"{_AUTH}gmail.metadata": "See senders, subjects and labels",
        f"{_AUTH}gmail.settings.basic": "Change your mail settings and filters",
        f"{_AUTH}gmail.settings.sharing": "Change who else uses your mailbox",
        "https://mail.google.com/": "Everything in your mailbox, with deletion for good",
    }
    routes = (
        Route("authorization", ("GET",), "/gmail/o/oauth2/v2/auth"),
        Route("token", ("POST",), "/gmail/token"),
        Route("revocation", ("POST",), "/gmail/revoke", "person"),
        Route("identity", ("GET",), "/gmail/v1/userinfo"),
        Route("metadata", ("GET",), "/gmail/.well-known/openid-configuration"),
        Route("keys", ("GET",), "/gmail/oauth2/v3/certs"),
        Route("api", (), "/gmail/gmail/v1/{path}"),
    )

    def check_authorization(self, params: Params) -> None:
        """Refuse an access_type that does not exist."""
        if params.get("access_type") not in ("", "online", "offline"):
            raise Refused(Reason.BAD_REQUEST, "Invalid parameter value for access_type.")

    def offline(self, params: Params, client: Client, scopes: tuple[str, ...]) -> bool:
        """Want both access_type=offline and prompt=consent."""
        return params.get("access_type") == "offline" and "consent" in params.get("prompt").split()

    def callback_extras(self, authorization: Authorization, grant: Grant) -> dict[str, str]:
        """Add the granted scope, and which of the signed-in accounts it was."""
        return {"scope": self.scope_answer(grant.scopes), "authuser": "0", "prompt": "consent"}

    def scope_answer(self, scopes: tuple[str, ...]) -> str:
        """Spell email and profile out as URLs."""
        return " ".join(_SPELLED_OUT.get(scope, scope) for scope in scopes)

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Add an id_token when openid was granted."""
        answer, first = super().answer(ctx, issued), issued[0]
        if "openid" in first.access.scopes:
            claims = oidc_claims(ctx, first, issuer=ctx.issuer, subject=self._subject(first.access))
            answer["id_token"] = ctx.world.signing_key.sign(claims | {"email_verified": True})
        return answer

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the userinfo answer; email only if it was granted."""
        claims: dict[str, Any] = {"sub": self._subject(token)}
        if {"email", _SPELLED_OUT["email"]} & set(token.scopes):
            claims |= {"email": token.grant.account.email, "email_verified": True}
        return claims

    def new_credentials(self) -> tuple[str, str]:
        """Look like the console's values."""
        number = secrets.randbelow(9 * 10**11) + 10**11
        name = f"{number}-{secrets.token_hex(16)}.apps.googleusercontent.com"
        return name, f"GOCSPX-{secrets.token_urlsafe(21)}"

    def _subject(self, token: Token) -> str:
        return token.grant.account.digits(21, self.slug)
