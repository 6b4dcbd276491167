"""Ending a grant: RFC 7009 and the ways of providers that differ."""

from __future__ import annotations

from tests.fakeas import clients
from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Response, json_response
from tests.fakeas.resources import bearer_token
from tests.fakeas.store import Token
from tests.fakeas.world import Context


def revoke(ctx: Context) -> Response:
    """Answer a revocation request in the way of the profile."""
    if ctx.route.variant == "bearer":
        return _revoke_bearer(ctx)
    try:
        return _revoke_parameter(ctx)
    except Refused as refused:
        return ctx.profile.token_error(refused)


def _revoke_parameter(ctx: Context) -> Response:
    form = ctx.request.form()
    client = clients.authenticate(ctx, form) if ctx.route.variant == "rfc7009" else None
    if not form.get("token"):
        raise Refused(Reason.MISSING_PARAMETER, "token is missing.")
    token = _find(ctx, form.get("token"))
    if token is None:
        return _unknown(ctx)
    if client is not None and token.grant.client_id != client.client_id:
        raise Refused(Reason.BAD_REQUEST, "The token was issued to another client.")
    _end(ctx, token)
    return Response(200, (("Cache-Control", "no-store"),), b"", "revoked")


def _unknown(ctx: Context) -> Response:
    """Answer 200 (RFC 7009 section 2.2), or 400 where the provider says so."""
    if ctx.route.variant == "rfc7009":
        return Response(200, (("Cache-Control", "no-store"),), b"", "unknown_token")
    body = {"error": "invalid_token", "error_description": "Token expired or revoked"}
    return json_response(body, status=400, outcome="unknown_token")


def _find(ctx: Context, value: str) -> Token | None:
    token = ctx.store.access_tokens.get(value) or ctx.store.refresh_tokens.get(value)
    if token is None or token.grant.profile != ctx.profile.slug or token.grant.revoked:
        return None
    return token if token.grant.authorization.realm == ctx.realm else None


def _end(ctx: Context, token: Token) -> None:
    """End the token; a refresh token takes its grant with it (RFC 7009 section 2.1)."""
    with ctx.store.lock:
        if ctx.route.variant == "person":
            _end_person(ctx, token)
        elif token.value in ctx.store.refresh_tokens:
            token.grant.revoked = True
        else:
            token.deleted = True


def _end_person(ctx: Context, token: Token) -> None:
    """End every grant of the same person to the same client."""
    for grant in ctx.store.grants:
        same = (grant.profile, grant.client_id, grant.account.key)
        if same == (ctx.profile.slug, token.grant.client_id, token.grant.account.key):
            grant.revoked = True


def _revoke_bearer(ctx: Context) -> Response:
    try:
        token = bearer_token(ctx)
    except Refused as refused:
        return ctx.profile.bearer_error(refused)
    with ctx.store.lock:
        token.deleted = True
    if ctx.request.method == "DELETE":
        return Response(204, (("Cache-Control", "no-store"),), b"", "revoked")
    return json_response({"ok": True, "revoked": True}, outcome="revoked")
