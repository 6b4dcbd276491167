"""The authorization endpoint: check the request, then ask the person (RFC 6749 section 4.1.1)."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from tests.fakeas import callback, clients, consent, pkce
from tests.fakeas.errors import ProviderPage, Reason, Refused
from tests.fakeas.messages import Params, Response, redirect, with_query
from tests.fakeas.pages import consent_page
from tests.fakeas.store import Authorization, Client
from tests.fakeas.world import Context

_PAGES = {
    "redirect_mismatch": Reason.REDIRECT_MISMATCH,
    "unknown_client": Reason.UNKNOWN_CLIENT,
    "admin_approval": Reason.ADMIN_APPROVAL,
}
_SCOPE_REASONS = (Reason.UNKNOWN_SCOPE, Reason.MISSING_SCOPE)
_WORDS = {
    Reason.REDIRECT_MISMATCH: (
        "This redirect URL is not registered",
        "The app asked to send you to an address that its owner has not registered here.",
    ),
    Reason.UNKNOWN_CLIENT: (
        "This app is not known",
        "No app with this client ID is registered here.",
    ),
    Reason.ADMIN_APPROVAL: (
        "An administrator must approve this app",
        "Your organization lets only administrators approve apps. Ask one of them.",
    ),
    Reason.UNKNOWN_SCOPE: (
        "A permission is not known",
        "The app asked for a permission that does not exist or is not allowed for it.",
    ),
    Reason.MISSING_SCOPE: ("No permission was requested", "The app asked for nothing."),
}


def authorize(ctx: Context) -> Response:
    """Answer an authorization request with consent, a callback or an error page."""
    params = ctx.request.query
    elsewhere = _sent_elsewhere(ctx, params)
    if elsewhere is not None:
        return elsewhere
    client = _client(ctx, params)
    target = callback.Target(client, _redirect_uri(ctx, client, params), params)
    ctx.profile.check_tenant(client, ctx.path_values)
    try:
        authorization = _authorization(ctx, target)
    except Refused as refused:
        if ctx.profile.scope_error_on_page and refused.reason in _SCOPE_REASONS:
            raise page(ctx, refused.reason) from refused
        return callback.refusal(ctx, target, refused)
    return _ask(ctx, authorization)


def page(ctx: Context, reason: Reason) -> ProviderPage:
    """Build the provider's error page for a reason."""
    title, text = _WORDS[reason]
    return ProviderPage(reason, title=title, text=text, code=ctx.profile.page_codes.get(reason, ""))


def _ask(ctx: Context, authorization: Authorization) -> Response:
    client, params = authorization.client, authorization.params
    target = callback.Target(client, authorization.redirect_uri, params)
    error = ctx.mode("callback_error", client)
    if error:
        refused = Refused(Reason.DENIED)
        refused.code, refused.description = error, f"The provider answered {error}."
        return callback.refusal(ctx, target, refused)
    automatic = ctx.mode("auto_approve", client)
    if automatic:
        email = automatic if isinstance(automatic, str) else ""
        return consent.allow(ctx, authorization, consent.Decision.everything(authorization, email))
    ticket = ctx.store.open_authorization(authorization)
    return consent_page(ctx, authorization, ticket)


def _sent_elsewhere(ctx: Context, params: Params) -> Response | None:
    mixup = ctx.mode("mixup_redirect")
    if mixup and mixup.get("at") in (None, *ctx.path_values.values()):
        names = ("client_id", "redirect_uri", "scope")
        replaced = {name: mixup[name] for name in names if name in mixup}
        pairs = [(name, replaced.pop(name, value)) for name, value in params.pairs]
        return redirect(with_query(mixup["url"], pairs + list(replaced.items())), outcome="mixup")
    hop = ctx.mode("sso_hop")
    if hop and not params.has("sso"):
        host = hop.rstrip("/") if isinstance(hop, str) else ctx.world.base_url
        back = quote(f"{ctx.request.path}?{ctx.request.raw_query}", safe="")
        return redirect(f"{host}/{ctx.profile.slug}/sso?back={back}", outcome="sso_hop")
    return None


def sso(ctx: Context) -> Response:
    """Be the second host of a company sign-in and send the person back."""
    back = ctx.request.query.get("back")
    if not back.startswith(f"/{ctx.profile.slug}/") or urlsplit(back).netloc:
        raise ProviderPage(Reason.BAD_REQUEST, title="Nothing to sign in to", text="Start again.")
    return redirect(with_query(ctx.world.base_url + back, [("sso", "done")]))


def _client(ctx: Context, params: Params) -> Client:
    if {"client_id", "redirect_uri"} & set(params.repeated()):
        text = "client_id or redirect_uri was sent more than once."
        raise ProviderPage(Reason.BAD_REQUEST, title="The request is malformed", text=text)
    client = clients.find(ctx, params.get("client_id"))
    if client is None:
        raise page(ctx, Reason.UNKNOWN_CLIENT)
    forced = ctx.mode("provider_page", client)
    if forced:
        raise page(ctx, _PAGES[forced])
    return client


def _redirect_uri(ctx: Context, client: Client, params: Params) -> str:
    redirect_uri = params.get("redirect_uri")
    if not clients.allows_redirect(client, redirect_uri):
        problem = page(ctx, Reason.REDIRECT_MISMATCH)
        problem.text += f" The address is: {redirect_uri[:300] or 'none'}"
        raise problem
    return redirect_uri


def _authorization(ctx: Context, target: callback.Target) -> Authorization:
    client, params = target.client, target.params
    if params.repeated():
        raise Refused(Reason.BAD_REQUEST, f"{params.repeated()[0]} was sent more than once.")
    if not params.get("response_type"):
        raise Refused(Reason.MISSING_PARAMETER, "response_type is missing.")
    if params.get("response_type") != "code":
        raise Refused(Reason.UNSUPPORTED_RESPONSE)
    ctx.profile.check_authorization(params)
    scopes, user_scopes = _scopes(ctx, client, params)
    return Authorization(
        profile=ctx.profile.slug,
        realm=ctx.realm,
        client=client,
        redirect_uri=target.redirect_uri,
        params=params,
        scopes=scopes,
        user_scopes=user_scopes,
        challenge=pkce.accept_challenge(ctx, client, params),
        created_at=ctx.store.now(),
    )


def _scopes(
    ctx: Context, client: Client, params: Params
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    profile = ctx.profile
    scopes = profile.split_scopes(params.get("scope"))
    user_scopes = profile.split_scopes(params.get("user_scope")) if profile.has_user_scope else ()
    for scope in scopes + user_scopes:
        if not profile.knows_scope(scope) or (client.scopes and scope not in client.scopes):
            raise Refused(Reason.UNKNOWN_SCOPE, f"The scope {scope} is not valid for this app.")
    if scopes or user_scopes:
        return scopes, user_scopes
    if profile.scope_required:
        raise Refused(Reason.MISSING_SCOPE)
    return client.scopes or profile.default_scopes(), ()
