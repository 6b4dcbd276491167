"""The keys a provider file may have. No key can switch a protection off."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from integrations.catalog.api import Api
from integrations.catalog.values import PLACEHOLDER as PLACEHOLDER
from integrations.catalog.values import RESERVED_PARAMS as RESERVED_PARAMS
from integrations.catalog.values import (
    Endpoint,
    Label,
    Name,
    Params,
    ScopeToken,
    Strict,
    Text,
    WebLink,
    checked_pattern,
)

Dialect = Literal[
    "slack_token_response",
    "errors_in_http_200",
]


class Scope(Strict):
    """One permission of the provider, described in one line."""

    name: ScopeToken
    description: Text
    sensitive: bool = False
    admin_consent: bool = False


class Setting(Strict):
    """A value the provider needs besides the client: a subdomain, a tenant, a second scope list.

    `kind` is "text", "choice" (one of `options`, or anything matching `pattern`) or "scopes"
    (a scope list sent as the authorization parameter `param`).
    """

    name: Name
    label: Label
    kind: Literal["text", "choice", "scopes"] = "text"
    required: bool = True
    default: str = ""
    placeholder: str = ""
    help: str = ""
    prefix: str = ""
    suffix: str = ""
    pattern: Annotated[str, AfterValidator(checked_pattern)] | None = None
    max_length: Annotated[int, Field(ge=1, le=2000)] = 253
    lowercase: bool = True
    reserved: tuple[str, ...] = ()
    options: dict[str, str] = {}
    param: str | None = None

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Refuse a setting whose values nothing would check."""
        if self.kind == "scopes" and not self.param:
            raise ValueError("a scopes setting needs the param it is sent as")
        if self.kind != "scopes" and self.pattern is None:
            raise ValueError("a text or choice setting needs a pattern")
        if self.param in RESERVED_PARAMS:
            raise ValueError(f"{self.param} is set by the flow and cannot be a setting")
        if self.default and self.pattern and not re.fullmatch(self.pattern, self.default):
            raise ValueError("the default does not match the pattern")
        return self


class Identity(Strict):
    """How to learn which account was connected.

    `source` "request" calls `endpoint` with the new access token; "token" reads the token answer.
    Paths are dotted, list positions are numbers (`user.id`, `0.url`), and `|` separates
    alternatives (`team.id|enterprise.id`). The account id is built from all `id_paths`, which must
    be immutable at the provider; the label is only shown. `ids_are_local` says that ids are unique
    only within the endpoint's own host or path, so the settings that form it belong to the id.
    """

    source: Literal["request", "token"] = "request"
    endpoint: Endpoint | None = None
    method: Literal["GET", "POST"] = "GET"
    id_paths: Annotated[tuple[str, ...], Field(min_length=1)]
    ids_are_local: bool = False
    label_path: str

    @model_validator(mode="after")
    def has_endpoint(self) -> Self:
        """A request needs somewhere to go."""
        if self.source == "request" and not self.endpoint:
            raise ValueError("source = 'request' needs an endpoint")
        return self


class Refresh(Strict):
    """What the provider does with refresh tokens. Lifetimes in seconds, used when it is silent.

    `old_access_token_survives` is false where a refresh ends the access token before it, so that
    nobody is handed the old one meanwhile. `revoked_statuses` are the statuses besides 400 and 401
    with which the provider says that a grant is over.
    """

    rotation: Literal["none", "grace", "strict"] = "none"
    issued: bool = True
    offline_scope: ScopeToken | None = None
    access_token_lifetime: Annotated[int, Field(ge=60)] | None = None
    old_access_token_survives: bool = True
    revoked_statuses: tuple[Annotated[int, Field(ge=200, le=499)], ...] = ()


class Revocation(Strict):
    """How a grant is ended at the provider, and where a person can do it by hand.

    `request` "token" posts the token (RFC 7009 section 2.1), with client authentication unless
    `client_authentication` is false; "bearer" calls `revocation_endpoint` with the access token.
    One revocation ends this "grant", or all grants of the "account" to the client, or all grants
    of the "installation", which the first of the `id_paths` names.
    """

    request: Literal["token", "bearer"] = "token"
    method: Literal["POST", "DELETE"] = "POST"
    client_authentication: bool = True
    ends: Literal["grant", "account", "installation"] = "grant"
    page: WebLink | None = None
    steps: Annotated[tuple[Text, ...], Field(max_length=5)] = ()


class PostOption(Strict):
    """A choice that only the new token can offer, such as one of several sites.

    `list_path` leads to the list in the answer (empty: the answer is the list); the other paths
    are within an item. The chosen id is kept in provider_data under the name of the table, and as
    the account if `is_account` says so. `matches`, with the settings filled in, is what stands at
    `hint_path` of the item to choose without asking.
    """

    label: Label
    help: str = ""
    endpoint: Endpoint
    list_path: str = ""
    id_path: Annotated[str, Field(min_length=1)]
    label_path: Annotated[str, Field(min_length=1)]
    hint_path: str = ""
    is_account: bool = False
    matches: Annotated[str, Field(max_length=512)] = ""


class Setup(Strict):
    """What a person does at the provider to register an app, in our words."""

    console: Endpoint
    redirect_uri_label: Label
    minutes: Annotated[int, Field(ge=1, le=120)]
    role: Text
    steps: Annotated[tuple[Text, ...], Field(min_length=4, max_length=8)]
    tip: str = ""
    notice: str = ""


class Provider(Strict):
    """One provider. Endpoint names are those of RFC 8414, authentication methods of RFC 7591."""

    slug: Annotated[str, Field(pattern=r"\A(?!.*proxy)[a-z0-9][a-z0-9-]{0,62}\Z")]
    name: Label
    category: Label
    website: WebLink
    documentation: WebLink
    checked: date
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    revocation_endpoint: Endpoint | None = None
    issuer: Endpoint | None = None
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_method: Literal["client_secret_post", "client_secret_basic"] = (
        "client_secret_post"
    )
    token_request_format: Literal["form", "json"] = "form"
    code_challenge_method: Literal["S256", "none"] = "S256"
    code_challenge_reason: str = ""
    scope_separator: Literal[" ", ","] = " "
    dialects: tuple[Dialect, ...] = ()
    authorization_params: Params = {}
    token_params: Params = {}
    default_scopes: tuple[ScopeToken, ...] = ()
    scopes: tuple[Scope, ...] = ()
    settings: tuple[Setting, ...] = ()
    capture: tuple[str, ...] = ()
    identity: Identity | None = None
    refresh: Refresh = Refresh()
    revocation: Revocation = Revocation()
    post_options: Annotated[dict[Name, PostOption], Field(max_length=1)] = {}
    api: Api | None = None
    setup: Setup
    client_id_label: Label = "Client ID"
    client_id_hint: str = ""
    client_secret_label: Label = "Client secret"
    client_secret_hint: str = ""
    # How long the provider lets a secret live, so that its end is asked for.
    client_secret_max_days: int | None = Field(default=None, ge=1, le=3660)

    @field_validator("settings", "scopes")
    @classmethod
    def unique_names(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Refuse two settings or two scopes of one name."""
        names = [item.name for item in value]
        if len(names) != len(set(names)):
            raise ValueError("names must be unique")
        return value

    @model_validator(mode="after")
    def placeholders_are_settings(self) -> Self:
        """Every placeholder is a required, pattern-checked setting of this provider."""
        usable = {s.name for s in self.settings if s.pattern and s.required and s.kind != "scopes"}
        endpoints = [self.authorization_endpoint, self.token_endpoint, self.revocation_endpoint]
        endpoints += [self.identity.endpoint if self.identity else None, self.setup.console]
        endpoints += [option.endpoint for option in self.post_options.values()]
        if self.api:
            named = usable | {value.name for value in self.api.values}
            if unknown := self.api.placeholders() - named:
                raise ValueError(f"placeholder {{{sorted(unknown)[0]}}} is not a checked value")
        for template in filter(None, endpoints):
            if missing := set(PLACEHOLDER.findall(template)) - usable:
                raise ValueError(f"placeholder {{{sorted(missing)[0]}}} is not a checked setting")
        return self

    @model_validator(mode="after")
    def pkce_off_has_a_reason(self) -> Self:
        """PKCE is left out only where the provider breaks, and the file says why (RFC 7636)."""
        if self.code_challenge_method == "none" and not self.code_challenge_reason:
            raise ValueError("code_challenge_method = 'none' needs a code_challenge_reason")
        return self

    @model_validator(mode="after")
    def options_match_settings(self) -> Self:
        """A choice made without asking follows from a setting of this provider."""
        known = {setting.name for setting in self.settings}
        for option in self.post_options.values():
            if unknown := set(PLACEHOLDER.findall(option.matches)) - known:
                raise ValueError(f"matches names {{{sorted(unknown)[0]}}}, which is no setting")
        return self

    @model_validator(mode="after")
    def defaults_are_described(self) -> Self:
        """Every default scope has its one-line description."""
        known = {scope.name for scope in self.scopes}
        if unknown := [name for name in self.default_scopes if name not in known]:
            raise ValueError(f"default scope {unknown[0]} has no description under [[scopes]]")
        return self

    def host_settings(self) -> frozenset[str]:
        """Names of the settings that form a host or path of an endpoint the secret is sent to."""
        endpoints = self.authorization_endpoint + self.token_endpoint
        return frozenset(PLACEHOLDER.findall(endpoints + (self.revocation_endpoint or "")))
