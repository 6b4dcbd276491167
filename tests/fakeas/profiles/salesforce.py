"""Salesforce: no expires_in, an instance URL, and PKCE for every app."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.fakeas.accounts import Account
from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params, Response, json_response
from tests.fakeas.profiles.base import Issued, Profile, Route, oidc_claims
from tests.fakeas.store import Client, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context


class Salesforce(Profile):
    """A My Domain host with an external client app."""

    slug = "salesforce"
    title = "Pretend Salesforce"
    real_name = "Salesforce"
    summary = "Requires PKCE, never says when a token ends, and names the instance to call."
    root = "/salesforce/{domain}"
    realm_names = ("domain",)
    pkce = "required"
    access_lifetime = 7200
    labels = ("Consumer Key", "Consumer Secret", "Callback URL")
    scope_required = False
    page_codes = {
        Reason.REDIRECT_MISMATCH: "error=redirect_uri_mismatch",
        Reason.UNKNOWN_CLIENT: "error=invalid_client_id",
        Reason.ADMIN_APPROVAL: "error=OAUTH_APPROVAL_ERROR_GENERIC",
    }
    scopes = {
        "api": "Use the data you can see",
        "refresh_token": "Stay connected while you are away",
        "offline_access": "Stay connected while you are away",
        "openid": "Know who you are",
        "id": "See your identity",
        "profile": "See your profile",
        "email": "See your email address",
        "web": "Open the web pages as you",
        "full": "Everything you can do",
        "chatter_api": "Use Chatter",
        "custom_permissions": "See custom permissions",
        "content": "Use files",
        "lightning": "Use Lightning pages",
        "visualforce": "Use Visualforce pages",
        "wave_api": "Use analytics",
        "cdp_query_api": "Query the data cloud",
        "cdp_ingest_api": "Add data to the data cloud",
        "address": "See your address",
        "phone": "See your phone number",
        "eclair_api": "Use chart geography",
        "cdp_profile_api": "See data cloud profiles",
        "sfap_api": "Use the platform API",
        "pardot_api": "Use marketing automation",
    }
    routes = (
        Route("authorization", ("GET",), "/salesforce/{domain}/services/oauth2/authorize"),
        Route("token", ("POST",), "/salesforce/{domain}/services/oauth2/token"),
        Route("revocation", ("POST",), "/salesforce/{domain}/services/oauth2/revoke", "token"),
        Route("identity", ("GET",), "/salesforce/{domain}/id/{organization_id}/{user_id}"),
        Route("identity", ("GET",), "/salesforce/{domain}/services/oauth2/userinfo", "oidc"),
        Route("api", (), "/salesforce/{domain}/services/data/{path}"),
    )

    def default_scopes(self) -> tuple[str, ...]:
        """Fall back to what the app is set up for."""
        return ("api", "refresh_token")

    def offline(self, params: Params, client: Client, scopes: tuple[str, ...]) -> bool:
        """Want one of the two scopes for it."""
        return bool({"refresh_token", "offline_access"} & set(scopes))

    def callback_error(self, refused: Refused) -> dict[str, str]:
        """Name a missing challenge the way Salesforce does."""
        if refused.reason is Reason.MISSING_CHALLENGE:
            return {"error": refused.code, "error_description": "missing required code challenge"}
        return super().callback_error(refused)

    def token_error(self, refused: Refused) -> Response:
        """Speak of the code the way Salesforce does."""
        if refused.reason is Reason.UNKNOWN_CODE:
            refused = Refused(refused.reason, "invalid authorization code")
        return super().token_error(refused)

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Leave expires_in out and name the instance and the identity URL."""
        answer, first = super().answer(ctx, issued), issued[0]
        answer.pop("expires_in", None)
        answer |= {
            "instance_url": ctx.root,
            "id": f"{ctx.root}/id/{_organization(ctx)}/{self._user(first.access)}",
            "issued_at": str(int(ctx.store.now() * 1000)),
            "signature": secrets.token_urlsafe(24),
        }
        if "openid" in first.access.scopes:
            claims = oidc_claims(ctx, first, issuer=ctx.root, subject=answer["id"])
            answer["id_token"] = ctx.world.signing_key.sign(claims)
        return answer

    def bearer_error(self, refused: Refused) -> Response:
        """Answer in the shape of the data API."""
        if refused.reason is Reason.INSUFFICIENT_SCOPE:
            return super().bearer_error(refused)
        body = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
        return json_response(body, status=401, outcome=refused.reason.value)

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the identity URL's answer, or userinfo for the scope openid."""
        account, user = token.grant.account, self._user(token)
        if variant == "oidc" and "openid" not in token.scopes:
            raise Refused(Reason.INSUFFICIENT_SCOPE)
        if variant != "oidc" and ctx.path_values["user_id"] != user:
            raise Refused(Reason.INVALID_TOKEN)
        claims = {"user_id": user, "organization_id": _organization(ctx), "email": account.email}
        if variant == "oidc":
            subject = f"{ctx.root}/id/{_organization(ctx)}/{user}"
            return claims | {"sub": subject, "preferred_username": account.email}
        return claims | {"username": account.email, "display_name": account.name}

    def new_credentials(self) -> tuple[str, str]:
        """Look like a consumer key and secret."""
        return f"3MVG9{secrets.token_urlsafe(60)}", secrets.token_hex(32).upper()

    def _user(self, token: Token) -> str:
        return token.grant.account.code("005", 15, self.slug)


def _organization(ctx: Context) -> str:
    return Account(ctx.path_values["domain"], "", "").code("00D", 15, "org")
