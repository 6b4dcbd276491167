"""Outlook and SharePoint: tenants, numbered errors and refresh tokens that stay valid."""

from __future__ import annotations

import random
import re
import secrets
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.fakeas.accounts import Account
from tests.fakeas.errors import ProviderPage, Reason, Refused
from tests.fakeas.messages import Params, Response, json_response
from tests.fakeas.profiles.base import Issued, Profile, Route, oidc_claims
from tests.fakeas.store import Authorization, Client, Grant, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context

_MULTI = ("common", "organizations", "consumers")
_TENANT = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|([a-z0-9-]+\.)+[a-z]{2,63}", re.IGNORECASE
)
_CLASSIC = re.compile(r"https://[a-z0-9-]+\.sharepoint\.(com|us|cn)/(AllSites\.\w+|\.default)")
_NUMBERS = {
    Reason.REDIRECT_MISMATCH: 50011,
    Reason.UNKNOWN_CLIENT: 700016,
    Reason.WRONG_SECRET: 7000215,
    Reason.EXPIRED_SECRET: 7000222,
    Reason.BAD_CREDENTIALS: 7000216,
    Reason.WRONG_AUTH_METHOD: 7000218,
    Reason.MISSING_PARAMETER: 900144,
    Reason.BAD_FORMAT: 900144,
    Reason.UNKNOWN_CODE: 9002313,
    Reason.EXPIRED_CODE: 70008,
    Reason.REUSED_CODE: 54005,
    Reason.MISSING_VERIFIER: 50147,
    Reason.WRONG_VERIFIER: 501481,
    Reason.BAD_CHALLENGE: 501491,
    Reason.UNKNOWN_REFRESH_TOKEN: 9002313,
    Reason.EXPIRED_REFRESH_TOKEN: 700082,
    Reason.UNKNOWN_SCOPE: 70011,
    Reason.MISSING_SCOPE: 900144,
    Reason.WIDER_SCOPE: 65001,
    Reason.DENIED: 65004,
    Reason.ADMIN_APPROVAL: 90094,
    Reason.UNSUPPORTED_GRANT: 70003,
}
_PERSON = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your email address",
    "offline_access": "Stay connected while you are away",
    "User.Read": "Sign you in and see your profile",
}


def _code(reason: Reason) -> str:
    return f"AADSTS{_NUMBERS.get(reason, 9002313)}"


def _routes(slug: str) -> tuple[Route, ...]:
    login = f"/{slug}/{{tenant}}"
    return (
        Route("authorization", ("GET",), f"{login}/oauth2/v2.0/authorize"),
        Route("token", ("POST",), f"{login}/oauth2/v2.0/token"),
        Route("metadata", ("GET",), f"{login}/v2.0/.well-known/openid-configuration"),
        Route("keys", ("GET",), f"{login}/discovery/v2.0/keys"),
        Route("identity", ("GET",), f"/{slug}/v1.0/me"),
        Route("identity", ("GET",), f"/{slug}/oidc/userinfo", "oidc"),
        Route("api", (), f"/{slug}/v1.0/{{path}}"),
    )


class Microsoft(Profile):
    """The v2.0 endpoints of Microsoft Entra ID."""

    realm_names = ("tenant",)
    rotation = "grace"
    labels = ("Application (client) ID", "Client secret value", "Redirect URI")
    page_codes = {
        reason: _code(reason)
        for reason in (Reason.REDIRECT_MISMATCH, Reason.UNKNOWN_CLIENT, Reason.ADMIN_APPROVAL)
    }

    def check_authorization(self, params: Params) -> None:
        """Refuse a request without response_mode=query and a known prompt."""
        if params.get("response_mode") != "query":
            raise Refused(Reason.MISSING_PARAMETER, "response_mode must be query.")
        if params.get("prompt") not in ("login", "consent", "select_account"):
            raise Refused(Reason.MISSING_PARAMETER, "prompt is missing or unknown.")

    def check_tenant(self, client: Client, path_values: Mapping[str, str]) -> None:
        """Show a page for an unknown tenant or one the app is not registered in."""
        tenant, home = path_values["tenant"], client.settings.get("tenant")
        if tenant not in _MULTI and not _TENANT.fullmatch(tenant):
            raise _page("AADSTS90002", "Tenant not found", "Check the Directory (tenant) ID.")
        if home and tenant in _MULTI:
            raise _page("AADSTS50194", "Wrong kind of app", "The app serves one tenant only.")
        if home and tenant != home:
            raise _page("AADSTS700016", "Unknown application", "This tenant has no such app.")

    def knows_scope(self, scope: str) -> bool:
        """Accept the listed scopes, also with the address of Graph in front."""
        return scope.removeprefix("https://graph.microsoft.com/") in self.scopes

    def offline(self, params: Params, client: Client, scopes: tuple[str, ...]) -> bool:
        """Want the scope offline_access."""
        return "offline_access" in scopes

    def lifetime(self, client: Client, params: Params) -> int | None:
        """Choose between 60 and 90 minutes."""
        return random.randint(3600, 5399)

    def callback_extras(self, authorization: Authorization, grant: Grant) -> dict[str, str]:
        """Add session_state."""
        return {"session_state": grant.account.guid("session")}

    def callback_error(self, refused: Refused) -> dict[str, str]:
        """Put the number in front of the description."""
        error = {"error": refused.code, "error_description": _described(refused)}
        return error | ({"error_subcode": "cancel"} if refused.reason is Reason.DENIED else {})

    def scope_answer(self, scopes: tuple[str, ...]) -> str:
        """Leave offline_access out."""
        return " ".join(scope for scope in scopes if scope != "offline_access")

    def token_error(self, refused: Refused) -> Response:
        """Add the numbered codes and trace ids."""
        code = "unauthorized_client" if refused.reason is Reason.UNKNOWN_CLIENT else refused.code
        body = {
            "error": code,
            "error_description": f"{_described(refused)} Trace ID: {uuid.uuid4()}",
            "error_codes": [_NUMBERS.get(refused.reason, 9002313)],
            "trace_id": str(uuid.uuid4()),
            "correlation_id": str(uuid.uuid4()),
        }
        status = 400 if code == "unauthorized_client" else self.error_status(refused)
        return json_response(body, status=status, outcome=refused.reason.value)

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Add ext_expires_in, and an id_token with tid and oid for openid."""
        answer, first = super().answer(ctx, issued), issued[0]
        answer["ext_expires_in"] = answer.get("expires_in")
        if "openid" in first.access.scopes:
            tenant, person = _directory(ctx), first.grant.account.guid(self.slug)
            issuer = f"{ctx.world.base_url}/{self.slug}/{tenant}/v2.0"
            claims = oidc_claims(ctx, first, issuer=issuer, subject=f"sub-{person}")
            claims |= {"tid": tenant, "oid": person}
            answer["id_token"] = ctx.world.signing_key.sign(claims)
        return answer

    def bearer_error(self, refused: Refused) -> Response:
        """Answer in the shape of Graph."""
        narrow = refused.reason is Reason.INSUFFICIENT_SCOPE
        code = "Authorization_RequestDenied" if narrow else "InvalidAuthenticationToken"
        body = {"error": {"code": code, "message": refused.description}}
        return json_response(body, status=403 if narrow else 401, outcome=refused.reason.value)

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the person from Graph, or OpenID claims."""
        account = token.grant.account
        needed = "openid" if variant == "oidc" else "User.Read"
        if not {needed, f"https://graph.microsoft.com/{needed}"} & set(token.scopes):
            raise Refused(Reason.INSUFFICIENT_SCOPE, f"The token lacks {needed}.")
        if variant == "oidc":
            subject = f"sub-{account.guid(self.slug)}"
            return {"sub": subject, "email": account.email, "name": account.name}
        person = {"id": account.guid(self.slug), "displayName": account.name, "mail": None}
        return person | {"userPrincipalName": account.email}

    def new_credentials(self) -> tuple[str, str]:
        """Look like an application id and the value of a client secret."""
        return str(uuid.uuid4()), f"fak8Q~{secrets.token_urlsafe(26)}"


def _page(code: str, title: str, text: str) -> ProviderPage:
    return ProviderPage(Reason.UNKNOWN_CLIENT, title=title, text=text, code=code)


def _described(refused: Refused) -> str:
    return f"{_code(refused.reason)}: {refused.description}"


def _directory(ctx: Context) -> str:
    tenant = ctx.path_values.get("tenant", "common")
    return tenant if re.fullmatch(r"[0-9a-f-]{36}", tenant) else Account(tenant, "", "").guid("tid")


class Outlook(Microsoft):
    """Graph scopes for mail and calendars."""

    slug = "outlook"
    title = "Pretend Outlook"
    real_name = "Microsoft Outlook"
    summary = "Numbered errors, offline_access for a refresh token, old refresh tokens stay valid."
    root = "/outlook"
    routes = _routes("outlook")
    scopes = _PERSON | {
        "Mail.Read": "Read your mail",
        "Mail.ReadBasic": "See senders and subjects",
        "Mail.ReadWrite": "Read and change your mail",
        "Mail.Send": "Send mail as you",
        "Mail.Read.Shared": "Read mail shared with you",
        "Mail.ReadWrite.Shared": "Change mail shared with you",
        "Mail.Send.Shared": "Send mail for others",
        "MailboxSettings.Read": "See your mailbox settings",
        "Calendars.Read": "See your calendars",
        "Calendars.ReadWrite": "Change your calendars",
        "Calendars.Read.Shared": "See calendars shared with you",
        "Contacts.Read": "See your contacts",
        "Contacts.ReadWrite": "Change your contacts",
    }


class SharePoint(Microsoft):
    """Graph scopes for sites and files, and the classic ones of a SharePoint host."""

    slug = "sharepoint"
    title = "Pretend SharePoint"
    real_name = "SharePoint"
    summary = "Like Pretend Outlook, for sites and files. One token serves one resource."
    root = "/sharepoint"
    routes = _routes("sharepoint")
    scopes = _PERSON | {
        "Sites.Read.All": "Read all sites you can see",
        "Sites.ReadWrite.All": "Change all sites you can see",
        "Sites.Manage.All": "Manage all sites",
        "Sites.FullControl.All": "Control all sites",
        "Sites.Selected": "Use the sites an administrator picks",
        "Files.Read": "Read your files",
        "Files.Read.All": "Read all files you can see",
        "Files.ReadWrite": "Change your files",
        "Files.ReadWrite.All": "Change all files you can see",
    }

    def knows_scope(self, scope: str) -> bool:
        """Accept the scopes of a SharePoint host too."""
        return super().knows_scope(scope) or bool(_CLASSIC.fullmatch(scope))

    def split_scopes(self, text: str) -> tuple[str, ...]:
        """Refuse scopes of two resources in one request."""
        scopes = super().split_scopes(text)
        resources = {bool(_CLASSIC.fullmatch(each)) for each in scopes if each not in _PERSON}
        if len(resources) > 1:
            raise Refused(Reason.UNKNOWN_SCOPE, "One token serves one resource.")
        return scopes
