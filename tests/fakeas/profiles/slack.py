"""Slack: errors with HTTP 200, commas, and a bot token beside a person's token."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params, Response, json_response
from tests.fakeas.profiles.base import Issued, Profile, Route
from tests.fakeas.store import Client, Grant, Token

if TYPE_CHECKING:
    from tests.fakeas.world import Context

_TEAM = {"id": "T0FAKEAS1", "name": "Acme Workspace"}
_ERRORS = {
    Reason.WRONG_SECRET: "bad_client_secret",
    Reason.EXPIRED_SECRET: "bad_client_secret",
    Reason.UNKNOWN_CLIENT: "invalid_client_id",
    Reason.BAD_CREDENTIALS: "invalid_client_id",
    Reason.WRONG_AUTH_METHOD: "invalid_auth_method",
    Reason.UNKNOWN_CODE: "invalid_code",
    Reason.EXPIRED_CODE: "invalid_code",
    Reason.REUSED_CODE: "code_already_used",
    Reason.REDIRECT_MISMATCH: "bad_redirect_uri",
    Reason.UNSUPPORTED_GRANT: "invalid_grant_type",
    Reason.UNKNOWN_REFRESH_TOKEN: "invalid_refresh_token",
    Reason.EXPIRED_REFRESH_TOKEN: "invalid_refresh_token",
    Reason.REUSED_REFRESH_TOKEN: "invalid_refresh_token",
    Reason.PKCE_REFUSED: "pkce_not_allowed",
    Reason.BAD_FORMAT: "invalid_form_data",
    Reason.INVALID_TOKEN: "invalid_auth",
    Reason.EXPIRED_TOKEN: "token_expired",
    Reason.INSUFFICIENT_SCOPE: "missing_scope",
}


class Slack(Profile):
    """OAuth v2 of Slack, for one workspace."""

    slug = "slack"
    title = "Pretend Slack"
    real_name = "Slack"
    summary = "Scopes with commas, user_scope, Basic credentials, errors with HTTP 200, no PKCE."
    root = "/slack"
    auth_method = "client_secret_basic"
    pkce = "refused"
    rotation = "strict"
    labels = ("Client ID", "Client Secret", "Redirect URLs")
    access_lifetime = None
    scope_separator = ","
    scope_error_on_page = True
    has_user_scope = True
    page_codes = {
        Reason.REDIRECT_MISMATCH: "redirect_uri did not match any configured URIs",
        Reason.UNKNOWN_CLIENT: "invalid_client_id",
        Reason.UNKNOWN_SCOPE: "invalid_scope",
        Reason.MISSING_SCOPE: "no scopes requested",
    }
    scopes = {
        "channels:read": "See public channels",
        "channels:history": "Read public channels",
        "channels:join": "Join public channels",
        "channels:manage": "Manage public channels",
        "groups:read": "See private channels",
        "groups:history": "Read private channels",
        "im:read": "See direct messages",
        "im:history": "Read direct messages",
        "im:write": "Start direct messages",
        "mpim:read": "See group messages",
        "mpim:history": "Read group messages",
        "chat:write": "Send messages",
        "chat:write.public": "Send messages to channels it is not in",
        "chat:write.customize": "Send messages under another name",
        "users:read": "See people",
        "users:read.email": "See email addresses",
        "users.profile:read": "See profiles",
        "team:read": "See the workspace",
        "files:read": "See files",
        "files:write": "Add and change files",
        "reactions:read": "See reactions",
        "reactions:write": "Add reactions",
        "usergroups:read": "See user groups",
        "commands": "Add slash commands",
        "incoming-webhook": "Post to one channel",
        "app_mentions:read": "See when it is mentioned",
        "search:read": "Search as you",
        "links:read": "See links in messages",
        "pins:read": "See pins",
        "groups:write": "Manage private channels",
        "mpim:write": "Start group messages",
        "usergroups:write": "Manage user groups",
        "pins:write": "Add and remove pins",
        "bookmarks:read": "See bookmarks",
        "bookmarks:write": "Change bookmarks",
        "links:write": "Show previews of links",
        "emoji:read": "See custom emoji",
    }
    routes = (
        Route("authorization", ("GET",), "/slack/oauth/v2/authorize"),
        Route("token", ("POST",), "/slack/api/oauth.v2.access"),
        Route("revocation", ("POST",), "/slack/api/auth.revoke", "bearer"),
        Route("identity", ("POST",), "/slack/api/auth.test"),
        Route("api", (), "/slack/api/{path}"),
    )

    def offline(self, params: Params, client: Client, scopes: tuple[str, ...]) -> bool:
        """Want the app's setting for token rotation."""
        return bool(client.settings.get("token_rotation"))

    def lifetime(self, client: Client, params: Params) -> int | None:
        """Let tokens live for ever unless they rotate, then 12 hours."""
        return 43_200 if client.settings.get("token_rotation") else None

    def kinds(self, grant: Grant) -> tuple[str, ...]:
        """Issue a bot token for scope and a person's token for user_scope."""
        return tuple(
            kind for kind, scopes in (("bot", grant.scopes), ("user", grant.user_scopes)) if scopes
        )

    def callback_error(self, refused: Refused) -> dict[str, str]:
        """Send the bare code."""
        return {"error": refused.code}

    def answer(self, ctx: Context, issued: list[Issued]) -> dict[str, Any]:
        """Put the bot token at the top level and the person's under authed_user."""
        base = {"ok": True, "app_id": "A0FAKEAS1", "team": _TEAM, "enterprise": None}
        answer: dict[str, Any] = base | {"is_enterprise_install": False}
        if issued[0].refreshed:
            return answer | self._token(issued[0])
        answer["authed_user"] = {"id": _user(issued[0].access)}
        for each in issued:
            if each.access.kind == "user":
                answer["authed_user"] |= self._token(each)
            else:
                answer |= self._token(each) | {"bot_user_id": "U0FAKEBOT"}
        return answer

    def _token(self, issued: Issued) -> dict[str, Any]:
        token: dict[str, Any] = {
            "access_token": issued.access.value,
            "token_type": issued.access.kind,
            "scope": ",".join(issued.access.scopes),
        }
        if issued.lifetime is not None:
            token["expires_in"] = issued.lifetime
        if issued.refresh is not None:
            token["refresh_token"] = issued.refresh.value
        return token

    def token_error(self, refused: Refused) -> Response:
        """Answer 200 with ok false."""
        body = {"ok": False, "error": _ERRORS.get(refused.reason, "invalid_arguments")}
        return json_response(body, outcome=refused.reason.value)

    def bearer_error(self, refused: Refused) -> Response:
        """Answer 200 with ok false here too."""
        return self.token_error(refused)

    def identity(self, ctx: Context, token: Token, variant: str) -> Any:
        """Return the answer of auth.test."""
        user = "U0FAKEBOT" if token.kind == "bot" else _user(token)
        return {
            "ok": True,
            "url": "https://acme.slack.example/",
            "team": _TEAM["name"],
            "team_id": _TEAM["id"],
            "user": "connect" if token.kind == "bot" else token.grant.account.key,
            "user_id": user,
        }

    def new_credentials(self) -> tuple[str, str]:
        """Look like the values of Basic Information."""
        number = secrets.randbelow(9 * 10**11) + 10**11
        return f"{number}.{number + 7_654_321}", secrets.token_hex(16)


def _user(token: Token) -> str:
    return token.grant.account.code("U", 9, "slack")
