"""A client as it is registered at a provider, and where its requests go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from integrations.catalog.schema import PLACEHOLDER, Provider
from integrations.secret import Secret


@dataclass(frozen=True)
class Endpoints:
    """The endpoints of one provider with the settings filled in.

    `identity_endpoint` is None too where a part of it comes with the grant.
    """

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    identity_endpoint: str | None
    options_endpoint: str | None = None
    refresh_endpoint: str | None = None
    long_lived_endpoint: str | None = None

    @classmethod
    def of(cls, *, provider: Provider, settings: Mapping[str, str]) -> Endpoints:
        """Fill the placeholders with checked settings, percent-encoded; nothing is formatted."""
        identity = provider.identity.endpoint if provider.identity else None
        if set(PLACEHOLDER.findall(identity or "")) - {each.name for each in provider.settings}:
            identity = None
        options = next((option.endpoint for option in provider.post_options.values()), None)
        long_lived = provider.long_lived.endpoint if provider.long_lived else None
        # The client id is public, and a part of one provider's revocation endpoint.
        values = {"client_id": "{client_id}", **settings}
        refresh = provider.refresh.endpoint
        templates = (provider.revocation_endpoint, identity, options, refresh, long_lived)
        return cls(
            filled(provider, provider.authorization_endpoint, settings),
            filled(provider, provider.token_endpoint, settings),
            *(filled(provider, template, values) if template else None for template in templates),
        )


@dataclass(frozen=True)
class Client:
    """A client as it is registered at the provider (RFC 6749 section 2), with its settings."""

    client_id: str
    client_secret: Secret
    redirect_uri: str
    endpoints: Endpoints
    settings: Mapping[str, str] = field(default_factory=dict)


def filled(provider: Provider, template: str, values: Mapping[str, str]) -> str:
    """Return an address with its placeholders filled in; only a path keeps its slashes."""
    paths = {setting.name for setting in provider.settings if setting.kind == "path"}

    def part(name: str) -> str:
        if values[name] == f"{{{name}}}":
            return values[name]
        return quote(values[name], safe="/" if name in paths else "")

    return PLACEHOLDER.sub(lambda found: part(found[1]), template)


def sent(texts: Mapping[str, str | int], settings: Mapping[str, str]) -> dict[str, str | int]:
    """Return fixed parameters with settings filled in, without those whose setting is empty."""
    return {
        name: rendered(value, settings) if isinstance(value, str) else value
        for name, value in texts.items()
        if all(settings.get(each) for each in PLACEHOLDER.findall(str(value)))
    }


def rendered(text: str, settings: Mapping[str, str]) -> str:
    """Return a value that is sent, such as a scope, with settings filled in as they are."""
    return PLACEHOLDER.sub(lambda found: settings.get(found[1], found[0]), text)


def issuer(provider: Provider, settings: Mapping[str, str]) -> str | None:
    """Return the issuer of this place of the provider (RFC 8414 section 2), if it is known."""
    return filled(provider, provider.issuer, settings) if provider.issuer else None
