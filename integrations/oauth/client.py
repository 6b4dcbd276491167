"""The OAuth 2.0 client: authorization request, code exchange, refresh, identity."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from oauthlib.oauth2 import WebApplicationClient

from integrations.catalog.schema import Provider
from integrations.errors import ProviderFailure
from integrations.oauth import answers, dialects, identity, sending
from integrations.oauth.answers import TokenAnswer
from integrations.oauth.endpoints import Client as Client
from integrations.oauth.endpoints import Endpoints as Endpoints
from integrations.oauth.endpoints import issuer as issuer
from integrations.oauth.endpoints import rendered as rendered
from integrations.oauth.endpoints import sent
from integrations.oauth.http import Answer, Transport
from integrations.oauth.identity import Account as Account
from integrations.oauth.sending import Message
from integrations.secret import Secret

transport = Transport()
NOTHING: Mapping[str, str] = {}


def use(new: Transport) -> None:
    """Make `new` the transport of this process."""
    global transport
    transport = new


def new_code_verifier() -> Secret:
    """Return a fresh code verifier of 86 characters (RFC 7636 section 4.1)."""
    return Secret(secrets.token_urlsafe(64))


def code_challenge(verifier: Secret) -> str:
    """Return the S256 challenge (RFC 7636 section 4.2)."""
    hashed = hashlib.sha256(verifier.reveal().encode()).digest()
    return base64.urlsafe_b64encode(hashed).decode().rstrip("=")


def authorization_url(
    *,
    provider: Provider,
    client: Client,
    scopes: tuple[str, ...],
    settings: Mapping[str, str],
    state: str,
    verifier: Secret | None,
) -> str:
    """Return the authorization request's URL (RFC 6749 section 4.1.1, RFC 7636 section 4.3)."""
    extra: dict[str, Any] = sent(provider.authorization_params, settings)
    extra |= _scope_settings(provider, settings)
    if verifier:
        extra |= {"code_challenge": code_challenge(verifier), "code_challenge_method": "S256"}
    names = [rendered(name, settings) for name in scopes] if provider.scopes_in_request else []
    asked = provider.scope_separator.join(names)
    # oauthlib refuses plain http altogether, which the demo needs on loopback, so it builds the
    # query for a stand-in and the checked endpoint is put in front.
    built = WebApplicationClient(client.client_id).prepare_request_uri(
        "https://stand-in.invalid/",
        redirect_uri=_redirect_uri(provider, client),
        scope=asked or None,
        state=state,
        **extra,
    )
    query = _renamed(provider, urlsplit(str(built)).query)
    endpoint = client.endpoints.authorization_endpoint
    if fragment := provider.authorization_fragment:
        return dialects.authorization_in_fragment(endpoint, fragment=fragment, query=query)
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def exchange(
    *,
    provider: Provider,
    client: Client,
    code: Secret,
    verifier: Secret | None,
    callback: Mapping[str, str] = NOTHING,
) -> TokenAnswer:
    """Exchange the code (RFC 6749 section 4.1.3), and a short-lived token for one that lasts.

    `callback` is what was kept of the callback. Raises ProviderFailure and its subclasses.
    """
    fields = {"code": code.reveal(), "redirect_uri": _redirect_uri(provider, client)}
    if verifier:
        fields["code_verifier"] = verifier.reveal()
    fixed = sent(provider.token_params, client.settings)
    message = sending.code_exchange(provider=provider, client=client, fields=fields, fixed=fixed)
    tokens = _lasting(provider, client, token_answer(provider=provider, answer=_answer(message)))
    if "scope_in_callback" not in provider.dialects:
        return tokens
    data = dialects.scope_in_callback(tokens.extra, granted=callback.get("granted"))
    return replace(tokens, scope=tokens.scope or answers.scope_in(data))


def probe(*, provider: Provider, client: Client, seconds: float) -> Answer:
    """Exchange a code that was made up, and return the refusal that follows, unread.

    Everything but the code is as in `exchange`. Raises ProviderUnavailable, also after `seconds`,
    or ProviderFailure if no answer came.
    """
    fields = {"code": secrets.token_urlsafe(48), "redirect_uri": _redirect_uri(provider, client)}
    if provider.code_challenge_method == "S256":
        fields["code_verifier"] = new_code_verifier().reveal()
    fixed = sent(provider.token_params, client.settings)
    message = sending.code_exchange(provider=provider, client=client, fields=fields, fixed=fixed)
    return _answer(message, seconds=seconds)


def refresh(*, provider: Provider, client: Client, refresh_token: Secret) -> Answer:
    """Send a refresh and return the answer unread, to be kept before anything can go wrong with it.

    RFC 6749 section 6. Raises ProviderUnavailable or ProviderFailure if no answer came.
    """
    own = provider.refresh.params
    fixed = sent(provider.token_params if own is None else own, client.settings)
    return _answer(
        sending.refresh(provider=provider, client=client, refresh_token=refresh_token, fixed=fixed)
    )


def token_answer(*, provider: Provider, answer: Answer) -> TokenAnswer:
    """Read the answer of a token endpoint. Raises GrantRevoked, ClientRejected, ProviderFailure."""
    answers.raise_for_status(answer)
    data = _standard(provider, answers.parsed(answer))
    types = provider.token_response.token_types
    return answers.token_answer(answer, data, token_types=types)


def refresh_token_in(*, provider: Provider, answer: Answer) -> Secret | None:
    """Return the refresh token of an answer that `token_answer` may have refused, if it has one."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    try:
        return answers.refresh_token_in(_standard(provider, data))
    except ProviderFailure:
        return None


def revoke(
    *,
    provider: Provider,
    client: Client,
    token: Secret,
    hint: Literal["access", "refresh"],
    account_id: str = "",
) -> bool:
    """End a token at the provider, and tell whether it was alive there until now.

    A provider that does not know the token says so by success (RFC 7009 section 2.2) or by an
    error; both mean that nothing is left. Raises ProviderUnavailable to try again, ClientRejected
    or ProviderFailure.
    """
    message = sending.revocation(
        provider=provider, client=client, token=token, hint=hint, account_id=account_id
    )
    bearer = provider.revocation.request == "bearer"
    return answers.token_ended(_answer(message), bearer=bearer)


def account(
    *,
    provider: Provider,
    client: Client,
    settings: Mapping[str, str],
    tokens: TokenAnswer,
    callback: Mapping[str, str] = NOTHING,
) -> Account | None:
    """Return whose account was connected, or None where the provider cannot tell.

    Raises ProviderFailure; the tokens are good all the same.
    """
    if provider.identity is None or any(each.is_account for each in provider.post_options.values()):
        return None
    about = identity.About(provider, client, settings, tokens, callback)
    message = identity.request(about)
    return identity.account(about, _read(message, "identity_unavailable") if message else None)


def options(*, provider: Provider, client: Client, access_token: Secret) -> Any:
    """Return what the provider offers to choose from, as it came. Raises ProviderFailure."""
    headers = provider.token_use.headers(access_token.reveal()) | {"Accept": "application/json"}
    endpoint = client.endpoints.options_endpoint or ""
    return _read(Message("GET", endpoint, headers, None), "options_unavailable")


def _lasting(provider: Provider, client: Client, first: TokenAnswer) -> TokenAnswer:
    """Exchange a token for one that lasts, where the provider gives a short-lived one first."""
    message = sending.long_lived(provider=provider, client=client, access_token=first.access_token)
    if message is None:
        return first
    lasting = token_answer(provider=provider, answer=_answer(message))
    # Who it is and what was granted stands in the first answer only.
    return replace(
        lasting, scope=lasting.scope or first.scope, extra={**first.extra, **lasting.extra}
    )


def _standard(provider: Provider, data: Any) -> Any:
    return answers.placed(provider.token_response, dialects.rewritten(provider.dialects, data))


def _answer(message: Message, *, seconds: float | None = None) -> Answer:
    limit = {} if seconds is None else {"deadline": seconds}
    return transport.request(
        message.method, message.url, headers=message.headers, body=message.body, **limit
    )


def _read(message: Message, code: str) -> Any:
    answer = _answer(message)
    if answer.status != 200:
        raise ProviderFailure(code)
    return answers.parsed(answer)


def _renamed(provider: Provider, query: str) -> str:
    """Return the query with the provider's names, and without what it does not take."""
    names = provider.parameters
    if names.client_id == "client_id" and not names.authorization_without:
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in names.authorization_without]
    return urlencode([(names.client_id if k == "client_id" else k, v) for k, v in kept])


def _redirect_uri(provider: Provider, client: Client) -> str:
    """Return the redirect URI, or the name that the provider knows it by."""
    named = provider.parameters.redirect_uri_setting
    return client.settings[named] if named else client.redirect_uri


def _scope_settings(provider: Provider, settings: Mapping[str, str]) -> dict[str, str]:
    separator = provider.scope_separator
    return {
        item.param: separator.join(settings[item.name].split())
        for item in provider.settings
        if item.kind == "scopes" and item.param and settings.get(item.name)
    }
