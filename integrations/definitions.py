"""Providers that a project describes itself, from what an issuer publishes or from addresses.

What a stranger's document says can only fill in names and addresses. It never switches a
protection off: PKCE stays on, and `iss` stays required once it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.conf import settings

from integrations import inputs
from integrations.addresses import clean_url
from integrations.catalog import custom
from integrations.catalog.schema import Provider
from integrations.errors import (
    CatalogError,
    FieldError,
    InvalidInput,
    ProviderFailure,
    ProviderUnavailable,
)
from integrations.oauth import client as oauth
from integrations.oauth import discovery
from integrations.oauth.discovery import ISS_FLAG, Metadata

ENDPOINTS = (*discovery.ENDPOINTS, *discovery.OPTIONAL_ENDPOINTS)
METHODS = ("client_secret_basic", "client_secret_post")
PROPOSED_SCOPES = ("openid", "email", "profile", "offline_access")
OFFLINE = "offline_access"
DESCRIBED = {
    "openid": "Know which account it is",
    "email": "See the email address of the account",
    "profile": "See the name and picture of the account",
    OFFLINE: "Stay connected while nobody is there",
}
STEPS = (
    "Open the place where OAuth apps are registered there; they may be called clients.",
    "Create a web application that has a client secret (a confidential client).",
    "Paste this address as its redirect URL: {redirect_url}",
    "If permissions have to be allowed there, allow these: {scopes}",
    "Copy the client ID and the client secret into this form.",
)
NO_PKCE = (
    "The document does not say that PKCE is supported. It is used all the same: a server that "
    "does not know it takes no notice."
)
KEEPS_ISS = (
    "The document no longer promises the parameter iss in authorization responses. It stays "
    "required. To give it up, describe the provider without its issuer."
)
CATALOG_FIELDS = {"identity.endpoint": "userinfo_endpoint", "api.base_url": "api_base_url"}


@dataclass(frozen=True)
class Entered:
    """What an admin enters. With an issuer the endpoints are read, and none may be entered.

    `pkce_off_reason` is the admin's own decision to do without PKCE, and why.
    """

    name: str
    issuer: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    auth_method: str = ""
    pkce_off_reason: str = ""
    default_scopes: str = ""
    account_id_path: str = "sub"
    account_label_path: str = "email|preferred_username|name"
    api_base_url: str = ""
    console: str = ""


@dataclass(frozen=True)
class Described:
    """Checked data of a provider, for an admin to look at before it is kept.

    `hosts` are those that nobody entered: a document named them, each for some of its members.
    """

    data: dict[str, Any]
    hosts: Mapping[str, tuple[str, ...]]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One value that is not what it was."""

    name: str
    before: str
    after: str


def described(entered: Entered, *, before: Mapping[str, Any] | None = None) -> Described:
    """Read, check and put together what the provider is. Nothing is stored.

    `before` is what the integration has now. Raises InvalidInput naming the field.
    """
    if entered.issuer:
        return _discovered(entered, before or {})
    addresses = {
        name: clean_url(
            value,
            field=name,
            label=name.replace("_", " "),
            loopback=settings.OUTBOUND_LOOPBACK_HTTP,
        )
        for name, value in entered.endpoints.items()
        if value or name in discovery.ENDPOINTS
    }
    method = entered.auth_method or METHODS[0]
    data = _data(entered, addresses, method=method, offered=())
    return Described(_checked(data), {}, ())


def addresses_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return every address that something is sent to, by the name of its field."""
    found = {name: str(data[name]) for name in ENDPOINTS if data.get(name)}
    if data.get("identity"):
        found["userinfo_endpoint"] = str(data["identity"]["endpoint"])
    if data.get("api"):
        found["api_base_url"] = str(data["api"]["base_url"])
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what would change, in the order of the names, except the day it was looked at."""
    old, new = _flat(before), _flat(after)
    names = [name for name in sorted({*old, *new}) if name != "checked"]
    changed = (Difference(name, old.get(name, ""), new.get(name, "")) for name in names)
    return tuple(each for each in changed if each.before != each.after)


def _discovered(entered: Entered, before: Mapping[str, Any]) -> Described:
    if any(entered.endpoints.values()):
        _refuse("issuer", "ambiguous", "Enter an issuer or endpoints, not both.")
    loopback = settings.OUTBOUND_LOOPBACK_HTTP
    issuer = clean_url(entered.issuer, field="issuer", label="issuer", loopback=loopback)
    if issuer != entered.issuer.strip(inputs.EDGES) or urlsplit(issuer).query:
        message = "Write the issuer as the provider does: a lower-case host, no port, no query."
        _refuse("issuer", "not_exact", message)
    found = discovery.read(issuer)
    addresses = {name: _public(name, value) for name, value in found.endpoints.items()}
    method = entered.auth_method or _method(found)
    data = _data(entered, addresses, method=method, offered=found.scopes)
    data["issuer"], notices = issuer, []
    required = bool(before.get("issuer") == issuer and before.get(ISS_FLAG))
    data[ISS_FLAG] = found.sends_iss or required
    if required and not found.sends_iss:
        notices.append(KEEPS_ISS)
    if found.challenge_methods is None or "S256" not in found.challenge_methods:
        notices.append(NO_PKCE)
    checked = _checked(data)
    return Described(checked, _strange_hosts(checked, issuer), tuple(notices))


def _public(name: str, value: str) -> str:
    """Return an address of the document, if it may be called now (RFC 8414 section 2)."""
    loopback = settings.OUTBOUND_LOOPBACK_HTTP
    url = clean_url(value, field=name, label=f"{name} in the document", loopback=loopback)
    try:
        oauth.transport.look_up(url)
    except ProviderUnavailable:
        _refuse(name, "unreachable", f"The host of the {name} in the document does not exist.")
    except ProviderFailure:
        message = f"The host of the {name} in the document leads to an address that is not public."
        _refuse(name, "provider_address_refused", message)
    return url


def _method(found: Metadata) -> str:
    # Left out, it is Basic (RFC 8414 section 2).
    offered = found.auth_methods if found.auth_methods is not None else METHODS
    method = next((name for name in METHODS if name in offered), None)
    if method is None:
        message = "The document offers no way to authenticate with a client secret."
        _refuse("token_endpoint_auth_methods_supported", "unsupported", message)
    return method


def _data(
    entered: Entered, addresses: Mapping[str, str], *, method: str, offered: tuple[str, ...]
) -> dict[str, Any]:
    chosen = inputs.clean_scopes(entered.default_scopes, field="default_scopes")
    defaults = chosen or tuple(name for name in PROPOSED_SCOPES if name in offered)
    names = tuple(dict.fromkeys((*defaults, *offered)))
    host = urlsplit(addresses["authorization_endpoint"]).hostname
    data: dict[str, Any] = {name: addresses[name] for name in ENDPOINTS[:3] if name in addresses}
    data |= {
        "name": entered.name,
        "category": "Custom",
        "website": f"https://{host}/",
        "documentation": f"https://{host}/",
        "checked": datetime.now(UTC).date().isoformat(),
        "token_endpoint_auth_method": method,
        "default_scopes": list(defaults),
        "scopes": [{"name": name, "description": DESCRIBED.get(name, name)} for name in names],
        # Right for one that keeps its refresh tokens, too: then no other ever comes.
        "refresh": {"rotation": "strict"}
        | ({"offline_scope": OFFLINE} if OFFLINE in names else {}),
        "setup": _setup(entered, f"https://{host}/"),
    }
    return data | _optional(entered, addresses)


def _optional(entered: Entered, addresses: Mapping[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if endpoint := addresses.get("userinfo_endpoint"):
        paths = {"id_paths": [entered.account_id_path], "label_path": entered.account_label_path}
        data["identity"] = {"endpoint": endpoint, **paths}
    if entered.api_base_url:
        label, loopback = "API address", settings.OUTBOUND_LOOPBACK_HTTP
        url = clean_url(entered.api_base_url, field="api_base_url", label=label, loopback=loopback)
        data["api"] = {"base_url": url}
    if entered.pkce_off_reason:
        data |= {"code_challenge_method": "none", "code_challenge_reason": entered.pkce_off_reason}
    return data


def _setup(entered: Entered, website: str) -> dict[str, Any]:
    console = website
    if entered.console:
        label = "address where apps are registered"
        console = clean_url(entered.console, field="console", label=label, any_query=True)
    return {
        "console": console,
        "redirect_uri_label": "Redirect URL",
        "minutes": 10,
        "role": f"Someone who may register apps at {entered.name}",
        "steps": list(STEPS),
    }


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data as it is kept, after the rules for every provider file."""
    try:
        provider = custom.provider(data, loopback_http=settings.OUTBOUND_LOOPBACK_HTTP)
    except CatalogError as error:
        name = CATALOG_FIELDS.get(error.key, error.key.split(".")[0])
        _refuse(name or "issuer", "invalid", f"The {name.replace('_', ' ')} {error.reason}.")
    return _plain(provider)


def _plain(provider: Provider) -> dict[str, Any]:
    return provider.model_dump(mode="json", exclude_unset=True, exclude={"slug"})


def _strange_hosts(data: Mapping[str, Any], issuer: str) -> dict[str, tuple[str, ...]]:
    hosts: dict[str, tuple[str, ...]] = {}
    for name, url in addresses_of(data).items():
        host = urlsplit(url).netloc
        if host != urlsplit(issuer).netloc and name != "api_base_url":
            hosts[host] = (*hosts.get(host, ()), name)
    return hosts


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            named = (item["name"] if isinstance(item, Mapping) else item for item in value)
            found[f"{prefix}{name}"] = " ".join(str(item) for item in named)
        else:
            found[f"{prefix}{name}"] = str(value)
    return found


def _refuse(name: str, code: str, message: str) -> NoReturn:
    raise InvalidInput(FieldError(name, code, message))
