"""The token endpoint (RFC 6749 sections 3.2, 4.1.3 and 6)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.fakeas import clients, pkce
from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params, Response, json_response
from tests.fakeas.profiles.base import Issued
from tests.fakeas.store import Client, Code, Grant, Token
from tests.fakeas.world import Context

_MEDIA = {"form": "application/x-www-form-urlencoded", "json": "application/json"}


def token(ctx: Context) -> Response:
    """Answer a token request with tokens or with the profile's own error."""
    try:
        params = _params(ctx)
        _fail_if_told(ctx, params)
        client = clients.authenticate(ctx, params)
        ctx.profile.check_token_request(params)
        with ctx.store.lock:
            issued = _grant_type(params)(ctx, client, params)
    except Refused as refused:
        return _challenge(ctx, _told_status(ctx, ctx.profile.token_error(refused)))
    return json_response(_changed(ctx, client, ctx.profile.answer(ctx, issued)))


def _params(ctx: Context) -> Params:
    request, wanted = ctx.request, ctx.profile.body_format
    if request.raw_query:
        raise Refused(Reason.BAD_REQUEST, "Token request parameters belong in the body.")
    if request.content_type != _MEDIA[wanted]:
        raise Refused(Reason.BAD_FORMAT, f"The body must be {_MEDIA[wanted]}.")
    params = request.json_params() if wanted == "json" else request.form()
    if params.repeated():
        raise Refused(Reason.BAD_REQUEST, f"{params.repeated()[0]} was sent more than once.")
    return params


def _fail_if_told(ctx: Context, params: Params) -> None:
    told = ctx.mode("token_error", clients.claimed(ctx))
    if not told or told.get("grant") not in (None, params.get("grant_type")):
        return
    raise Refused(Reason(told["reason"]))


def _told_status(ctx: Context, response: Response) -> Response:
    """Answer with the status that `token_error` names, such as 200 for an error."""
    told = ctx.mode("token_error", clients.claimed(ctx)) or {}
    if told.get("reason") != response.outcome:
        return response
    ctx.world.modes.use(ctx.profile.slug, "token_error")
    return replace(response, status=int(told.get("status", response.status)))


def _grant_type(params: Params) -> Callable[[Context, Client, Params], list[Issued]]:
    kind = params.get("grant_type")
    if kind == "authorization_code":
        return _exchange_code
    if kind == "refresh_token":
        return _refresh
    raise Refused(Reason.UNSUPPORTED_GRANT)


def _exchange_code(ctx: Context, client: Client, params: Params) -> list[Issued]:
    code = _code(ctx, client, params)
    grant = code.grant
    if params.get("redirect_uri") != grant.authorization.redirect_uri:
        raise Refused(Reason.REDIRECT_MISMATCH)
    challenge = grant.authorization.challenge
    pkce.check_verifier(ctx, client, challenge=challenge, params=params)
    code.used = True
    offline = grant.offline and not ctx.mode("no_refresh", client)
    order = _Order(client, grant, params, offline=offline)
    return [_issue(ctx, replace(order, kind=kind)) for kind in ctx.profile.kinds(grant)]


def _code(ctx: Context, client: Client, params: Params) -> Code:
    if not params.get("code"):
        raise Refused(Reason.MISSING_PARAMETER, "code is missing.")
    code = ctx.store.codes.get(params.get("code"))
    if code is None or not _belongs(ctx, client, code.grant):
        raise Refused(Reason.UNKNOWN_CODE)
    if code.used:
        code.grant.revoked = True
        raise Refused(Reason.REUSED_CODE)
    if ctx.store.now() > code.expires_at:
        raise Refused(Reason.EXPIRED_CODE)
    return code


def _belongs(ctx: Context, client: Client, grant: Grant) -> bool:
    if grant.profile != ctx.profile.slug or grant.client_id != client.client_id:
        return False
    return grant.authorization.realm == ctx.realm


@dataclass(frozen=True)
class _Order:
    """What to issue: `scopes` empty means all that the grant has for the kind of token."""

    client: Client
    grant: Grant
    params: Params
    kind: str = ""
    offline: bool = False
    scopes: tuple[str, ...] = ()

    @property
    def all_scopes(self) -> tuple[str, ...]:
        return self.grant.user_scopes if self.kind == "user" else self.grant.scopes


def _issue(ctx: Context, order: _Order) -> Issued:
    profile, params = ctx.profile, order.params
    lifetime = ctx.mode("token_lifetime", order.client) or profile.lifetime(order.client, params)
    access = _token(ctx, order, lifetime)
    ctx.store.keep(ctx.store.access_tokens, access)
    refresh = None
    if order.offline:
        refresh = _token(ctx, replace(order, scopes=()), profile.refresh_lifetime(params))
        ctx.store.keep(ctx.store.refresh_tokens, refresh)
    return Issued(order.grant, access, refresh, lifetime, params)


def _token(ctx: Context, order: _Order, lifetime: int | None) -> Token:
    expires_at = None if lifetime is None else ctx.store.now() + lifetime
    scopes = order.scopes or order.all_scopes
    return Token(secrets.token_urlsafe(32), order.grant, scopes, order.kind, expires_at)


def _refresh(ctx: Context, client: Client, params: Params) -> list[Issued]:
    if not params.get("refresh_token"):
        raise Refused(Reason.MISSING_PARAMETER, "refresh_token is missing.")
    old = ctx.store.refresh_tokens.get(params.get("refresh_token"))
    if old is None or old.deleted or old.grant.revoked or not _belongs(ctx, client, old.grant):
        raise Refused(Reason.UNKNOWN_REFRESH_TOKEN)
    if old.expires_at is not None and ctx.store.now() > old.expires_at:
        raise Refused(Reason.EXPIRED_REFRESH_TOKEN)
    rotation = ctx.mode("rotation", client) or ctx.profile.rotation
    _refuse_reuse(ctx, old, rotation=rotation, window=ctx.mode("reuse_window", client))
    scopes = _narrowed(ctx, old, params)
    if ctx.profile.refresh_deletes_access:
        _delete_access_tokens(ctx, old)
    rotate = rotation != "none"
    order = _Order(client, old.grant, params, kind=old.kind, offline=rotate, scopes=scopes)
    issued = replace(_issue(ctx, order), refreshed=True)
    if rotate and old.replaced_at is None:
        old.replaced_at = ctx.store.now()
    return [issued]


def _refuse_reuse(ctx: Context, old: Token, *, rotation: str, window: float | None) -> None:
    """Revoke the family when a replaced token comes back (RFC 9700 section 4.14.2)."""
    if old.replaced_at is None or rotation == "none":
        return
    window = ctx.profile.reuse_window if window is None else window
    age = ctx.store.now() - old.replaced_at
    if rotation == "rolling" or (rotation == "grace" and (window is None or age <= window)):
        return
    old.grant.revoked = True
    raise Refused(Reason.REUSED_REFRESH_TOKEN)


def _narrowed(ctx: Context, old: Token, params: Params) -> tuple[str, ...]:
    scopes = ctx.profile.split_scopes(params.get("scope"))
    if set(scopes) - set(old.scopes):
        raise Refused(Reason.WIDER_SCOPE)
    return scopes or old.scopes


def _delete_access_tokens(ctx: Context, old: Token) -> None:
    for each in old.grant.tokens:
        if each.kind == old.kind and each.value in ctx.store.access_tokens:
            each.deleted = True


def _changed(ctx: Context, client: Client, answer: dict[str, Any]) -> dict[str, Any]:
    if ctx.mode("no_scope_in_answer", client):
        answer.pop("scope", None)
    for name in ctx.mode("answer_drop", client) or ():
        answer.pop(name, None)
    return answer | (ctx.mode("answer_set", client) or {})


def _challenge(ctx: Context, response: Response) -> Response:
    """Name the scheme on a 401 (RFC 6749 section 5.2)."""
    if response.status != 401 or ctx.profile.auth_method != "client_secret_basic":
        return response
    return response.having(("WWW-Authenticate", f'Basic realm="{ctx.profile.slug}"'))
