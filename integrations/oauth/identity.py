"""Whose account a token is for: asked of the provider, or read from what it sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.catalog.schema import PLACEHOLDER, Identity, Provider
from integrations.errors import ProviderFailure
from integrations.oauth.answers import TokenAnswer, at_path
from integrations.oauth.endpoints import Client, filled
from integrations.oauth.sending import JSON, Message


@dataclass(frozen=True)
class Account:
    """Who was connected: an immutable id at the provider, and a label to show.

    `data` is what else the provider's file wants kept of the answer, by its path.
    """

    id: str
    label: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """A new grant, and all that is known of it."""

    provider: Provider
    client: Client
    settings: Mapping[str, str]
    tokens: TokenAnswer
    callback: Mapping[str, str]

    @property
    def identity(self) -> Identity:
        """Return how the provider tells whose a token is."""
        assert self.provider.identity is not None  # noqa: S101  the caller has looked
        return self.provider.identity


def captured(provider: Provider, tokens: TokenAnswer) -> dict[str, str]:
    """Return what the provider's file wants kept of a token answer.

    Named by the first of its alternatives: `team.id|enterprise.id` is team.id to the vendor.
    """
    found = {path.split("|")[0]: at_path(tokens.extra, path) for path in provider.capture}
    return {path: value for path, value in found.items() if value}


def request(about: About) -> Message | None:
    """Return the request that tells whose a token is, or None where nothing is asked.

    Raises ProviderFailure if its address cannot be made of what the provider sent.
    """
    rules, token = about.identity, about.tokens.access_token.reveal()
    if rules.source != "request":
        return None
    headers = {"Accept": "application/json", **_headers(about)}
    headers |= about.provider.token_use.headers(token)
    body = rules.body.encode() if rules.body else None
    if body:
        headers["Content-Type"] = JSON
    return Message(rules.method, _endpoint(about), headers, body)


def account(about: About, data: Any) -> Account | None:
    """Return the account that the answer, the token answer or the callback tells of."""
    rules = about.identity
    source = {"request": data, "token": about.tokens.extra, "callback": dict(about.callback)}
    told = source[rules.source]
    parts = [at_path(told, path) for path in rules.id_paths]
    if not any(parts):
        return None
    if rules.ids_are_local:
        values = _parts(about)
        parts = [*(values[name] for name in PLACEHOLDER.findall(rules.endpoint or "")), *parts]
    kept = {path: at_path(told, path) for path in rules.capture}
    return Account(
        id="/".join(parts)[:255],
        label=at_path(told, rules.label_path),
        data={path: value for path, value in kept.items() if value},
    )


def _endpoint(about: About) -> str:
    if known := about.client.endpoints.identity_endpoint:
        return known
    values = _parts(about)
    if missing := set(PLACEHOLDER.findall(about.identity.endpoint or "")) - set(values):
        raise ProviderFailure("identity_unavailable") from KeyError(*missing)
    return filled(about.provider, about.identity.endpoint or "", values)


def _parts(about: About) -> dict[str, str]:
    """Return the parts of an address: settings, and what the provider sent if it matches."""
    api = about.provider.api
    given = {**captured(about.provider, about.tokens), **about.callback}
    found = {value.name: value.part(given) for value in (api.values if api else ())}
    own = {name: value for name, value in found.items() if value}
    return {**about.callback, **own, **about.settings}


def _headers(about: About) -> dict[str, str]:
    client_id = about.client.client_id
    return {
        name: value.replace("{client_id}", client_id)
        for name, value in about.identity.headers.items()
    }
