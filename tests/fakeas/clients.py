"""Who the clients are: registered apps and magic ids, and how they prove it."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from tests.fakeas import magic
from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params
from tests.fakeas.store import Client, Store
from tests.fakeas.world import Context

_HOME_SETTINGS = ("subdomain", "domain")


def find(ctx: Context, client_id: str) -> Client | None:
    """Return the registered or magic client, if it may be used at this address."""
    client = _find(ctx.store, ctx.profile.slug, client_id)
    if client is None:
        return None
    for name in _HOME_SETTINGS:
        home, here = client.settings.get(name), ctx.path_values.get(name)
        if home and here and home != here:
            return None
    return client


def _find(store: Store, profile: str, client_id: str) -> Client | None:
    registered = store.clients.get((profile, client_id))
    if registered is not None or profile not in magic.PROFILES:
        return registered
    found = magic.CLIENTS.get(client_id)
    if found is None:
        return None
    return Client(
        profile=profile,
        client_id=client_id,
        client_secret=magic.SECRET,
        name=f"Practice app {client_id}",
        any_loopback=True,
        modes=found.modes,
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host name stays on this computer."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redirect_problem(uri: str) -> str:
    """Say why a redirect URL cannot be registered, or "" (RFC 6749 section 3.1.2)."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "it is not a URL"
    if any(character.isspace() or ord(character) < 33 for character in uri):
        return "it holds spaces"
    if parts.scheme not in ("http", "https") or not host:
        return "it does not start with https:// or http:// and a host"
    if "#" in uri or parts.username is not None:
        return "it holds a fragment or a user name"
    if parts.scheme == "http" and not is_loopback(host):
        return "http is allowed on this computer only, use https"
    return ""


def allows_redirect(client: Client, uri: str) -> bool:
    """Compare the redirect URL byte for byte (RFC 9700 section 2.1)."""
    if uri in client.redirect_uris:
        return True
    if not client.any_loopback or redirect_problem(uri):
        return False
    return is_loopback(urlsplit(uri).hostname or "")


def peek(ctx: Context) -> Params:
    """Return the body's parameters in whatever format they came, or none."""
    try:
        if ctx.request.content_type == "application/json":
            return ctx.request.json_params()
        return ctx.request.form()
    except Refused:
        return Params()


def claimed(ctx: Context) -> Client | None:
    """Return the client a token request claims to come from, without any proof."""
    try:
        basic = ctx.request.basic_credentials()
    except Refused:
        return None
    client_id = basic[0] if basic else peek(ctx).get("client_id")
    return find(ctx, client_id)


def authenticate(ctx: Context, params: Params) -> Client:
    """Return the client, proven by the one method of the profile (RFC 6749 section 2.3).

    Raises Refused.
    """
    client_id, secret = _credentials(ctx, params)
    client = find(ctx, client_id)
    if client is None:
        raise Refused(Reason.UNKNOWN_CLIENT)
    if not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
        raise Refused(Reason.WRONG_SECRET)
    if client.settings.get("secret_expired"):
        raise Refused(Reason.EXPIRED_SECRET)
    return client


def _credentials(ctx: Context, params: Params) -> tuple[str, str]:
    basic, in_body = ctx.request.basic_credentials(), params.has("client_secret")
    if basic is not None and in_body:
        raise Refused(Reason.BAD_REQUEST, "Use one client authentication method only.")
    if ctx.profile.auth_method == "client_secret_basic":
        if basic is None:
            raise Refused(Reason.WRONG_AUTH_METHOD, "Use HTTP Basic for the client credentials.")
        if params.get("client_id") not in ("", basic[0]):
            raise Refused(Reason.BAD_REQUEST, "client_id differs from the Basic header.")
        return basic
    if basic is not None or not in_body:
        raise Refused(Reason.WRONG_AUTH_METHOD, "Put client_id and client_secret in the body.")
    return params.get("client_id"), params.get("client_secret")
