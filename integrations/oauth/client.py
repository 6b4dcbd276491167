"""The OAuth 2.0 client: authorization request, code exchange, refresh, identity."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, quote_plus, urlencode, urlsplit

from oauthlib.oauth2 import WebApplicationClient

from integrations.catalog.schema import PLACEHOLDER, Provider
from integrations.errors import ProviderFailure
from integrations.oauth import answers, dialects
from integrations.oauth.answers import TokenAnswer
from integrations.oauth.http import Answer, Transport
from integrations.secret import Secret

transport = Transport()


@dataclass(frozen=True)
class Endpoints:
    """The endpoints of one provider with the settings filled in."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    identity_endpoint: str | None
    options_endpoint: str | None = None

    @classmethod
    def of(cls, *, provider: Provider, settings: Mapping[str, str]) -> Endpoints:
        """Fill the placeholders with checked settings, percent-encoded; nothing is formatted."""
        identity = provider.identity.endpoint if provider.identity else None
        options = next((option.endpoint for option in provider.post_options.values()), None)
        templates = (provider.revocation_endpoint, identity, options)
        return cls(
            _filled(provider.authorization_endpoint, settings),
            _filled(provider.token_endpoint, settings),
            *(_filled(template, settings) if template else None for template in templates),
        )


@dataclass(frozen=True)
class Client:
    """A client as it is registered at the provider (RFC 6749 section 2)."""

    client_id: str
    client_secret: Secret
    redirect_uri: str
    endpoints: Endpoints


@dataclass(frozen=True)
class Account:
    """Who was connected: an immutable id at the provider, and a label to show."""

    id: str
    label: str


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
    extra: dict[str, Any] = {**provider.authorization_params}
    extra |= _scope_settings(provider, settings)
    if verifier:
        extra |= {"code_challenge": code_challenge(verifier), "code_challenge_method": "S256"}
    # oauthlib refuses plain http altogether, which the demo needs on loopback, so it builds the
    # query for a stand-in and the checked endpoint is put in front.
    built = WebApplicationClient(client.client_id).prepare_request_uri(
        "https://stand-in.invalid/",
        redirect_uri=client.redirect_uri,
        scope=provider.scope_separator.join(scopes) or None,
        state=state,
        **extra,
    )
    endpoint = client.endpoints.authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlsplit(str(built)).query}"


def exchange(
    *, provider: Provider, client: Client, code: Secret, verifier: Secret | None
) -> TokenAnswer:
    """Exchange the code (RFC 6749 section 4.1.3). Raises ProviderFailure and its subclasses."""
    fields = {"code": code.reveal(), "redirect_uri": client.redirect_uri}
    if verifier:
        fields["code_verifier"] = verifier.reveal()
    answer = _token_request(provider, client, "authorization_code", fields)
    return token_answer(provider=provider, answer=answer)


def refresh(*, provider: Provider, client: Client, refresh_token: Secret) -> Answer:
    """Send a refresh and return the answer unread, to be kept before anything can go wrong with it.

    RFC 6749 section 6. Raises ProviderUnavailable or ProviderFailure if no answer came.
    """
    fields = {"refresh_token": refresh_token.reveal()}
    return _token_request(provider, client, "refresh_token", fields)


def token_answer(*, provider: Provider, answer: Answer) -> TokenAnswer:
    """Read the answer of a token endpoint. Raises GrantRevoked, ClientRejected, ProviderFailure."""
    answers.raise_for_status(answer)
    data = dialects.rewritten(provider.dialects, answers.parsed(answer))
    return answers.token_answer(answer, data)


def refresh_token_in(*, provider: Provider, answer: Answer) -> Secret | None:
    """Return the refresh token of an answer that `token_answer` may have refused, if it has one."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return answers.refresh_token_in(dialects.rewritten(provider.dialects, data))


def revoke(
    *, provider: Provider, client: Client, token: Secret, hint: Literal["access", "refresh"]
) -> bool:
    """End a token at the provider, and tell whether it was alive there until now.

    A provider that does not know the token says so by success (RFC 7009 section 2.2) or by an
    error; both mean that nothing is left. Raises ProviderUnavailable to try again, ClientRejected
    or ProviderFailure.
    """
    headers = {"Accept": "application/json"}
    body = None
    if provider.revocation.request == "bearer":
        headers["Authorization"] = f"Bearer {token.reveal()}"
    else:
        form = {"token": token.reveal(), "token_type_hint": f"{hint}_token"}
        if provider.revocation.client_authentication:
            form |= _authenticated(provider, client, headers)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form).encode()
    endpoint = client.endpoints.revocation_endpoint or ""
    answer = transport.request(provider.revocation.method, endpoint, headers=headers, body=body)
    return answers.token_ended(answer, bearer=body is None)


def account(
    *, provider: Provider, client: Client, settings: Mapping[str, str], tokens: TokenAnswer
) -> Account | None:
    """Return whose account was connected, or None where the provider cannot tell.

    Raises ProviderFailure; the tokens are good all the same.
    """
    identity = provider.identity
    if identity is None or any(option.is_account for option in provider.post_options.values()):
        return None
    data: Any = tokens.extra
    if identity.source == "request" and client.endpoints.identity_endpoint:
        token = tokens.access_token.reveal()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        endpoint = client.endpoints.identity_endpoint
        answer = transport.request(identity.method, endpoint, headers=headers)
        if answer.status != 200:
            raise ProviderFailure("identity_unavailable")
        data = answers.parsed(answer)
    parts = [answers.at_path(data, path) for path in identity.id_paths]
    if not any(parts):
        return None
    if identity.ids_are_local:
        parts = [*(settings[name] for name in PLACEHOLDER.findall(identity.endpoint or "")), *parts]
    return Account(id="/".join(parts)[:255], label=answers.at_path(data, identity.label_path))


def options(*, client: Client, access_token: Secret) -> Any:
    """Return what the provider offers to choose from, as it came. Raises ProviderFailure."""
    headers = {"Authorization": f"Bearer {access_token.reveal()}", "Accept": "application/json"}
    answer = transport.request("GET", client.endpoints.options_endpoint or "", headers=headers)
    if answer.status != 200:
        raise ProviderFailure("options_unavailable")
    return answers.parsed(answer)


def _token_request(
    provider: Provider, client: Client, grant_type: str, fields: Mapping[str, str]
) -> Answer:
    body = {"grant_type": grant_type, **provider.token_params, **fields}
    headers = {"Accept": "application/json"}
    body |= _authenticated(provider, client, headers)
    if provider.token_request_format == "json":
        headers["Content-Type"], data = "application/json", json.dumps(body)
    else:
        headers["Content-Type"], data = "application/x-www-form-urlencoded", urlencode(body)
    endpoint = client.endpoints.token_endpoint
    return transport.request("POST", endpoint, headers=headers, body=data.encode())


def _authenticated(provider: Provider, client: Client, headers: dict[str, str]) -> dict[str, str]:
    """Authenticate the client in `headers`, or return what to add to the body instead."""
    if provider.token_endpoint_auth_method == "client_secret_basic":
        headers["Authorization"] = _basic(client)
        return {}
    return {"client_id": client.client_id, "client_secret": client.client_secret.reveal()}


def _basic(client: Client) -> str:
    # RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined.
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret.reveal())}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _scope_settings(provider: Provider, settings: Mapping[str, str]) -> dict[str, str]:
    separator = provider.scope_separator
    return {
        item.param: separator.join(settings[item.name].split())
        for item in provider.settings
        if item.kind == "scopes" and item.param and settings.get(item.name)
    }


def _filled(template: str, settings: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: quote(settings[match[1]], safe=""), template)
