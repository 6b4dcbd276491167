"""Zendesk: JSON token requests, chosen lifetimes, and a refresh that deletes the old pair."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params
from tests.fakeas.profiles.base import Issued, Profile, Route
from tests.fakeas.store import Client, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context

_DAY = 86_400


class Zendesk(Profile):
    """One Zendesk account with a local client of kind confidential."""

    slug = "zendesk"
    title = "Pretend Zendesk"
    real_name = "Zendesk"
    summary = "JSON token requests. A refresh deletes the old access and refresh token at once."
    root = "/zendesk/{subdomain}"
    realm_names = ("subdomain",)
    body_format = "json"
    rotation = "strict"
    labels = ("Identifier", "Secret", "Redirect URLs")
    refresh_deletes_access = True
    identity_scopes = frozenset({"read", "users:read"})
    page_codes = {
        Reason.REDIRECT_MISMATCH: "invalid redirect",
        Reason.UNKNOWN_CLIENT: "invalid_client",
    }
    scopes = {
        "read": "Read everything",
        "write": "Change everything",
        "impersonate": "Act as your customers",
        **{
            f"{name}:{verb}": f"{'See' if verb == 'read' else 'Change'} {name.replace('_', ' ')}"
            for name in (
                "tickets",
                "users",
                "organizations",
                "hc",
                "triggers",
                "automations",
                "macros",
                "targets",
                "webhooks",
                "apps",
            )
            for verb in ("read", "write")
        },
        "auditlogs:read": "See audit logs",
        "satisfaction_ratings:read": "See satisfaction ratings",
        "requests:read": "See requests",
    }
    routes = (
        Route("authorization", ("GET",), "/zendesk/{subdomain}/oauth/authorizations/new"),
        Route("token", ("POST",), "/zendesk/{subdomain}/oauth/tokens"),
        Route(
            "revocation",
            ("DELETE",),
            "/zendesk/{subdomain}/api/v2/oauth/tokens/current.json",
            "bearer",
        ),
        Route("identity", ("GET",), "/zendesk/{subdomain}/api/v2/users/me.json"),
        Route("api", (), "/zendesk/{subdomain}/api/v2/{path}"),
    )

    def check_token_request(self, params: Params) -> None:
        """Refuse lifetimes outside 5 minutes to 48 hours, and 7 to 90 days."""
        _within(params, "expires_in", range(300, 2 * _DAY + 1))
        _within(params, "refresh_token_expires_in", range(7 * _DAY, 90 * _DAY + 1))

    def lifetime(self, client: Client, params: Params) -> int | None:
        """Use the lifetime asked for, else 30 minutes."""
        return int(params.get("expires_in") or 1800)

    def refresh_lifetime(self, params: Params) -> int | None:
        """Use the lifetime asked for, else 30 days."""
        return int(params.get("refresh_token_expires_in") or 30 * _DAY)

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Add the lifetime of the refresh token."""
        answer, first = super().answer(ctx, issued), issued[0]
        answer["token_type"] = "bearer"
        if first.refresh is not None:
            answer["refresh_token_expires_in"] = self.refresh_lifetime(first.params)
        return answer

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the agent."""
        account = token.grant.account
        number = int(account.digits(12, f"{self.slug}/{ctx.path_values['subdomain']}"))
        user = {"id": number, "email": account.email, "name": account.name, "role": "admin"}
        return {"user": user}

    def anonymous_identity(self) -> Any:
        """Answer a request without a token as the anonymous person."""
        return {"user": {"id": None, "email": None, "name": "Anonymous user", "role": "end-user"}}

    def new_credentials(self) -> tuple[str, str]:
        """Look like an identifier and its secret."""
        return f"connect_{secrets.token_hex(4)}", secrets.token_hex(32)


def _within(params: Params, name: str, allowed: range) -> None:
    value = params.get(name)
    if value and not (re.fullmatch(r"[0-9]{1,9}", value) and int(value) in allowed):
        raise Refused(Reason.BAD_REQUEST, f"{name} must be between {allowed[0]} and {allowed[-1]}.")
