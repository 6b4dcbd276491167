"""Everything that needs a live access token, and the documents that describe a profile."""

from __future__ import annotations

from tests.fakeas.errors import NotFound, Reason, Refused
from tests.fakeas.messages import Response, json_response
from tests.fakeas.profiles.base import Route
from tests.fakeas.store import Token
from tests.fakeas.world import Context


def bearer_token(ctx: Context) -> Token:
    """Return the live token of the Authorization header (RFC 6750 section 2.1).

    Raises Refused.
    """
    token = ctx.store.live_access_token(ctx.request.bearer_token())
    if token is None or token.grant.profile != ctx.profile.slug or not _same_place(ctx, token):
        raise Refused(Reason.INVALID_TOKEN)
    if token.expires_at is not None and ctx.store.now() > token.expires_at:
        raise Refused(Reason.EXPIRED_TOKEN)
    return token


def _same_place(ctx: Context, token: Token) -> bool:
    here, there = dict(ctx.realm), token.grant.realm
    return all(there.get(name) == value for name, value in here.items())


def identity(ctx: Context) -> Response:
    """Tell whose token it is."""
    profile = ctx.profile
    if "authorization" not in ctx.request.headers and profile.anonymous_identity() is not None:
        return json_response(profile.anonymous_identity(), outcome="anonymous")
    try:
        token = bearer_token(ctx)
        if profile.identity_scopes and not profile.identity_scopes & set(token.scopes):
            raise Refused(Reason.INSUFFICIENT_SCOPE)
        return json_response(profile.identity(ctx, token, ctx.route.variant))
    except Refused as refused:
        return profile.bearer_error(refused)


def api(ctx: Context) -> Response:
    """Echo a call to the provider's API, without its credentials."""
    try:
        token = bearer_token(ctx)
    except Refused as refused:
        return ctx.profile.bearer_error(refused)
    request = ctx.request
    return json_response(
        {
            "ok": True,
            "method": request.method,
            "path": ctx.path_values["path"],
            "query": request.query.as_lists(),
            "content_type": request.content_type,
            "body": request.text,
            "account": token.grant.account.email,
            "scopes": list(token.scopes),
        }
    )


def metadata(ctx: Context) -> Response:
    """Describe the server (RFC 8414 section 2, OpenID Connect Discovery section 3)."""
    profile = ctx.profile
    issuer = ctx.issuer
    if "tenant" in ctx.path_values:
        issuer = f"{issuer}/{ctx.path_values['tenant']}/v2.0"
    document = {
        "issuer": ctx.mode("metadata_issuer") or issuer,
        "authorization_endpoint": _address(ctx, "authorization"),
        "token_endpoint": _address(ctx, "token"),
        "jwks_uri": _address(ctx, "keys"),
        "userinfo_endpoint": _address(ctx, "identity", "oidc") or _address(ctx, "identity"),
        "revocation_endpoint": _address(ctx, "revocation"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": list(profile.scopes),
        "token_endpoint_auth_methods_supported": [profile.auth_method],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": profile.has_issuer,
    }
    for name in ctx.mode("metadata_drop") or ():
        document.pop(name, None)
    document |= ctx.mode("metadata_set") or {}
    return json_response({name: value for name, value in document.items() if value != ""})


def _address(ctx: Context, endpoint: str, variant: str = "") -> str:
    matching = (each for each in ctx.profile.routes if each.endpoint == endpoint)
    route = next((each for each in matching if not variant or each.variant == variant), None)
    return "" if route is None else ctx.world.base_url + _filled(ctx, route)


def _filled(ctx: Context, route: Route) -> str:
    return route.pattern.format_map(dict(ctx.path_values))


def keys(ctx: Context) -> Response:
    """Publish the public keys of id_tokens."""
    if not any(route.endpoint == "metadata" for route in ctx.profile.routes):
        raise NotFound
    return json_response(ctx.world.signing_key.jwks())
