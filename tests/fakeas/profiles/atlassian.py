"""Jira: JSON token requests, a fixed audience, and sites to choose from."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.fakeas.accounts import Account
from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params
from tests.fakeas.profiles.base import Profile, Route
from tests.fakeas.store import Client, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context

_REFRESH = frozenset(
    {
        Reason.UNKNOWN_REFRESH_TOKEN,
        Reason.EXPIRED_REFRESH_TOKEN,
        Reason.REUSED_REFRESH_TOKEN,
    }
)
_SITES = {"alice": ("acme", "beta"), "bob": ("acme",)}


class Jira(Profile):
    """Atlassian's three-legged OAuth."""

    slug = "jira"
    title = "Pretend Jira"
    real_name = "Jira"
    summary = "Wants audience and prompt=consent, JSON token requests, and offline_access."
    root = "/jira"
    body_format = "json"
    rotation = "grace"
    labels = ("Client ID", "Secret", "Callback URL")
    reuse_window = 600
    page_codes = {
        Reason.REDIRECT_MISMATCH: "redirect_uri is not registered for client",
        Reason.UNKNOWN_CLIENT: "unauthorized_client",
    }
    scopes = {
        "read:jira-work": "Read projects and issues",
        "write:jira-work": "Create and change issues",
        "read:jira-user": "See people",
        "read:me": "See your profile",
        "manage:jira-project": "Manage projects",
        "manage:jira-configuration": "Change the configuration",
        "manage:jira-webhook": "Manage webhooks",
        "manage:jira-data-provider": "Provide data",
        "offline_access": "Stay connected while you are away",
    }
    routes = (
        Route("authorization", ("GET",), "/jira/authorize"),
        Route("token", ("POST",), "/jira/oauth/token"),
        Route("identity", ("GET",), "/jira/oauth/token/accessible-resources"),
        Route("api", (), "/jira/ex/jira/{cloud_id}/{path}"),
    )

    def check_authorization(self, params: Params) -> None:
        """Refuse a request without the fixed parameters."""
        if params.get("audience") != "api.atlassian.com":
            raise Refused(Reason.MISSING_PARAMETER, "audience must be api.atlassian.com.")
        if params.get("prompt") != "consent":
            raise Refused(Reason.MISSING_PARAMETER, "prompt must be consent.")

    def offline(self, params: Params, client: Client, scopes: tuple[str, ...]) -> bool:
        """Want the scope offline_access."""
        return "offline_access" in scopes

    def error_status(self, refused: Refused) -> int:
        """Answer 403 to a dead refresh token."""
        return 403 if refused.reason in _REFRESH else super().error_status(refused)

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the sites the person can use; alice has two."""
        names = _SITES.get(token.grant.account.key.partition("-")[0], ())
        scopes = [scope for scope in token.scopes if scope != "offline_access"]
        return [_site(name) | {"scopes": scopes} for name in names]

    def new_credentials(self) -> tuple[str, str]:
        """Look like the console's values."""
        return secrets.token_urlsafe(24), f"ATOA{secrets.token_urlsafe(45)}"


def _site(name: str) -> dict[str, Any]:
    site = Account(name, "", "")
    return {"id": site.guid("jira-site"), "name": name, "url": f"https://{name}.atlassian.net"}
