"""Requests to a token or revocation endpoint, as the provider's file says they look."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote, quote_plus, urlencode

from integrations.catalog.schema import Provider
from integrations.oauth import dialects
from integrations.oauth.endpoints import Client
from integrations.secret import Secret

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class Message:
    """One request. Its address and headers may hold secrets: it is sent and never shown."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def __repr__(self) -> str:
        return f"Message({self.method})"


@dataclass(frozen=True)
class _Form:
    """What a request carries, before it is encoded: its fields and the client's credentials."""

    provider: Provider
    client: Client
    fields: dict[str, Any]
    headers: dict[str, str]

    def authenticated(self, method: str, names: tuple[str, str]) -> _Form:
        """Return it with the client's credentials in the header, or in the body under `names`."""
        if method == "client_secret_basic":
            return replace(self, headers={**self.headers, "Authorization": _basic(self.client)})
        pair = (self.client.client_id, self.client.client_secret.reveal())
        return replace(self, fields={**self.fields, **dict(zip(names, pair, strict=True))})

    def message(self, method: str, url: str, media: str) -> Message:
        """Return it as a request; what GET and an empty body carry is in the address."""
        if method == "GET":
            joint = "&" if "?" in url else "?"
            return Message(method, f"{url}{joint}{urlencode(self.fields)}", self.headers, None)
        if not self.fields:
            return Message(method, url, self.headers, None)
        text = json.dumps(self.fields) if media == JSON else urlencode(self.fields)
        return Message(method, url, {**self.headers, "Content-Type": media}, text.encode())


def code_exchange(
    *, provider: Provider, client: Client, fields: Mapping[str, str], fixed: Mapping[str, Any]
) -> Message:
    """Return the access token request (RFC 6749 section 4.1.3). `fixed` are its own parameters."""
    body = {"grant_type": "authorization_code", **fixed, **fields}
    for name in provider.parameters.token_without:
        body.pop(name, None)
    if (code := body.pop("code", None)) is not None:
        body[provider.parameters.code] = code
    form = _authenticated(_form(provider, client, body), provider.token_endpoint_auth_method)
    return form.message("POST", client.endpoints.token_endpoint, _media(provider))


def refresh(
    *, provider: Provider, client: Client, refresh_token: Secret, fixed: Mapping[str, Any]
) -> Message:
    """Return the refresh request (RFC 6749 section 6)."""
    rules = provider.refresh
    body = {"grant_type": rules.grant_type, **fixed, rules.token_param: refresh_token.reveal()}
    form = _form(provider, client, body)
    if rules.client_authentication:
        form = _authenticated(form, rules.auth_method or provider.token_endpoint_auth_method)
    endpoint = client.endpoints.refresh_endpoint or client.endpoints.token_endpoint
    return form.message(rules.method, endpoint, _media(provider))


def long_lived(*, provider: Provider, client: Client, access_token: Secret) -> Message | None:
    """Return the exchange of a short-lived token for one that lasts, where there is one."""
    rules = provider.long_lived
    if rules is None or client.endpoints.long_lived_endpoint is None:
        return None
    body = {"grant_type": rules.grant_type, rules.token_param: access_token.reveal()}
    form = _authenticated(_form(provider, client, body), "client_secret_post")
    return form.message(rules.method, client.endpoints.long_lived_endpoint, FORM)


def revocation(
    *,
    provider: Provider,
    client: Client,
    token: Secret,
    hint: Literal["access", "refresh"],
    account_id: str,
) -> Message:
    """Return the request that ends a token (RFC 7009 section 2.1), or the grant of an account."""
    rules, form = provider.revocation, _form(provider, client, {})
    if rules.request == "bearer":
        fields = {rules.token_param: token.reveal()} if rules.token_param else {}
        headers = {**form.headers, **provider.token_use.headers(token.reveal())}
        form = replace(form, fields=fields, headers=headers)
    else:
        named = account_id if rules.request == "account" else token.reveal()
        form = replace(form, fields={rules.token_param or "token": named})
        if not rules.token_param:
            form.fields["token_type_hint"] = f"{hint}_token"
        if rules.client_authentication:
            form = _authenticated_end(form)
    url = (client.endpoints.revocation_endpoint or "").replace(
        "{client_id}", quote(client.client_id, safe="")
    )
    return form.message(rules.method, url, JSON if rules.format == "json" else FORM)


def _form(provider: Provider, client: Client, fields: Mapping[str, Any]) -> _Form:
    headers = {"Accept": "application/json", **provider.token_request_headers}
    return _Form(provider, client, dict(fields), headers)


def _authenticated(form: _Form, method: str) -> _Form:
    names = form.provider.parameters
    return form.authenticated(method, (names.client_id, names.client_secret))


def _authenticated_end(form: _Form) -> _Form:
    rules, names = form.provider.revocation, form.provider.parameters
    if "square_revocation" in form.provider.dialects:
        fields, headers = dialects.square_revocation(
            form.fields, client_id=form.client.client_id, secret=form.client.client_secret
        )
        return replace(form, fields=fields, headers={**form.headers, **headers})
    method = rules.auth_method or form.provider.token_endpoint_auth_method
    pair = rules.client_id_param or names.client_id
    return form.authenticated(method, (pair, rules.client_secret_param or names.client_secret))


def _media(provider: Provider) -> str:
    return JSON if provider.token_request_format == "json" else FORM


def _basic(client: Client) -> str:
    # RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined.
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret.reveal())}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
