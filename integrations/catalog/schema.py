"""The keys a provider file may have. No key can switch a protection off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from integrations.catalog import creation
from integrations.catalog.api import Api
from integrations.catalog.creation import Creation as Creation
from integrations.catalog.fields import Scope as Scope
from integrations.catalog.fields import Setting as Setting
from integrations.catalog.grants import AuthMethod as AuthMethod
from integrations.catalog.grants import Identity as Identity
from integrations.catalog.grants import PostOption as PostOption
from integrations.catalog.grants import Refresh as Refresh
from integrations.catalog.grants import Revocation as Revocation
from integrations.catalog.guide import Problem as Problem
from integrations.catalog.guide import Problems
from integrations.catalog.guide import RedirectUris as RedirectUris
from integrations.catalog.guide import Setup as Setup
from integrations.catalog.messages import (
    CallbackParam,
    LongLived,
    Parameters,
    TokenResponse,
    TokenUse,
)
from integrations.catalog.preflight import Preflight as Preflight
from integrations.catalog.preflight import pinned
from integrations.catalog.values import PLACEHOLDER as PLACEHOLDER
from integrations.catalog.values import RESERVED_PARAMS as RESERVED_PARAMS
from integrations.catalog.values import (
    Endpoint,
    Headers,
    Label,
    Name,
    Params,
    Path,
    ScopeToken,
    Strict,
    WebLink,
)

Dialect = Literal[
    "slack_token_response",
    "errors_in_http_200",
    "nonzero_code_is_error",
    "access_token_renews_itself",
    "long_lived_token",
    "scope_in_callback",
    "shopify_callback_hmac",
    "authorization_in_fragment",
    "square_revocation",
]
Fact = Literal[
    "authorization_endpoint",
    "token_endpoint",
    "default_scopes",
    "token_endpoint_auth_method",
    "token_request_format",
    "code_challenge_method",
    "authorization_params",
    "token_response",
    "identity",
    "refresh",
    "revocation",
    "redirect_uris",
    "issuer",
    "settings",
    "setup",
]
SLUG = r"\A(?!.*proxy)[a-z0-9][a-z0-9-]{0,62}\Z"
# What a dialect reads besides the message; one without the other would do nothing.
NEEDS: dict[str, str] = {
    "authorization_in_fragment": "authorization_fragment",
    "long_lived_token": "long_lived",
}


class Provider(Strict):
    """One provider. Endpoint names are those of RFC 8414, authentication methods of RFC 7591.

    `confidence` is how well its addresses and default scopes are confirmed: "high" by two sources
    or more. `verified` names what a source was found for; the rest is what such providers do.
    """

    slug: Annotated[str, Field(pattern=SLUG)]
    name: Label
    aliases: tuple[Annotated[str, Field(pattern=SLUG)], ...] = ()
    category: Label
    website: WebLink
    documentation: WebLink
    checked: date
    confidence: Literal["high", "medium"] | None = None
    verified: tuple[Fact, ...] = ()
    authorization_endpoint: Endpoint
    authorization_fragment: Annotated[str, Field(pattern=r"\A(?:/[a-z0-9_-]+)+\Z")] | None = None
    token_endpoint: Endpoint
    revocation_endpoint: Endpoint | None = None
    issuer: Endpoint | None = None
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_method: AuthMethod = "client_secret_post"
    token_request_format: Literal["form", "json"] = "form"
    token_request_headers: Headers = {}
    code_challenge_method: Literal["S256", "none"] = "S256"
    code_challenge_reason: str = ""
    scope_separator: Literal[" ", ","] = " "
    # False where permissions are set at the provider, so that no scope is sent.
    scopes_in_request: bool = True
    dialects: tuple[Dialect, ...] = ()
    parameters: Parameters = Parameters()
    token_response: TokenResponse = TokenResponse()
    token_use: TokenUse = TokenUse()
    authorization_params: Params = {}
    token_params: Params = {}
    callback_params: tuple[CallbackParam, ...] = ()
    default_scopes: tuple[ScopeToken, ...] = ()
    scopes: tuple[Scope, ...] = ()
    settings: tuple[Setting, ...] = ()
    capture: tuple[Path, ...] = ()
    identity: Identity | None = None
    long_lived: LongLived | None = None
    refresh: Refresh = Refresh()
    revocation: Revocation = Revocation()
    post_options: Annotated[dict[Name, PostOption], Field(max_length=1)] = {}
    api: Api | None = None
    create: Annotated[tuple[Creation, ...], Field(max_length=6)] = ()
    setup: Setup
    redirect_uris: RedirectUris = RedirectUris()
    errors: Problems = ()
    preflight: Preflight = Preflight()
    client_id_label: Label = "Client ID"
    client_id_hint: str = ""
    client_secret_label: Label = "Client secret"
    client_secret_hint: str = ""
    # How long the provider lets a secret live, so that its end is asked for.
    client_secret_max_days: int | None = Field(default=None, ge=1, le=3660)

    @field_validator("settings", "scopes", "callback_params")
    @classmethod
    def unique_names(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Refuse two settings, scopes or callback parameters of one name."""
        names = [item.name for item in value]
        if len(names) != len(set(names)):
            raise ValueError("names must be unique")
        return value

    @model_validator(mode="after")
    def placeholders_are_settings(self) -> Self:
        """Every placeholder is a required, pattern-checked setting of this provider.

        A token or a secret goes only to addresses that settings form. An access token also goes to
        the API, parts of whose address may come from an answer or a callback, if they match.
        """
        usable = {s.name for s in self.settings if s.pattern and s.required and s.kind != "scopes"}
        self._require(self._secret_endpoints(), usable, "setting")
        self._require([self.revocation_endpoint], usable | {"client_id"}, "setting")
        parts = usable | {param.name for param in self.callback_params if param.required}
        if self.api:
            parts |= {value.name for value in self.api.values}
            self._require([self.api.base_url], parts, "value")
        self._require([self.identity.endpoint if self.identity else None], parts, "setting")
        return self

    @model_validator(mode="after")
    def checks_stay_at_the_provider(self) -> Self:
        """A secret that is only tried goes to a host of this provider, whoever formed its name."""
        if self.preflight.asks and not pinned(self.token_endpoint, self.settings):
            raise ValueError("preflight asks a host whose end no setting's pattern fixes")
        return self

    @model_validator(mode="after")
    def words_are_settings(self) -> Self:
        """Every placeholder of a value that is sent is a checked setting of this provider."""
        known = {setting.name for setting in self.settings if setting.pattern}
        params = (self.authorization_params, self.token_params, self.refresh.params or {})
        sent = [str(value) for table in params for value in table.values()]
        sent += [name for name in self.default_scopes if "{" in name]
        sent += [param.equals for param in self.callback_params]
        self._require(sent, known, "setting")
        named = self.parameters.redirect_uri_setting
        if named and named not in {s.name for s in self.settings if s.required and s.pattern}:
            raise ValueError(f"redirect_uri_setting names {named}, which is no required setting")
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
        if unknown := {each.setting for each in self.errors} - known - {""}:
            raise ValueError(f"errors name settings.{sorted(unknown)[0]}, which is no setting")
        return self

    @model_validator(mode="after")
    def artefacts_are_filled(self) -> Self:
        """Every word of an artefact is filled in by the form, or is a setting."""
        known = {*creation.WORDS, *creation.NESTED, *(setting.name for setting in self.settings)}
        for item in self.create:
            if unknown := item.placeholders() - known:
                raise ValueError(f"create: {{{sorted(unknown)[0]}}} is filled in by nothing")
        return self

    @model_validator(mode="after")
    def defaults_are_described(self) -> Self:
        """Every default scope has its one-line description."""
        known = {scope.name for scope in self.scopes}
        if unknown := [name for name in self.default_scopes if name not in known]:
            raise ValueError(f"default scope {unknown[0]} has no description under [[scopes]]")
        return self

    @model_validator(mode="after")
    def dialects_have_what_they_need(self) -> Self:
        """Refuse a dialect without its key, and the key without its dialect."""
        for dialect, key in NEEDS.items():
            if (dialect in self.dialects) != bool(getattr(self, key)):
                raise ValueError(f"{key} and the dialect {dialect} belong together")
        return self

    def host_settings(self) -> frozenset[str]:
        """Names of the settings that form a host or path of an endpoint the secret is sent to."""
        endpoints = [*self._secret_endpoints(told=False), self.revocation_endpoint]
        found = PLACEHOLDER.findall("".join(filter(None, endpoints)))
        return frozenset(found) - {"client_id"}

    def _secret_endpoints(self, *, told: bool = True) -> list[str | None]:
        """Return the endpoints that get a code or a secret; `told` adds those a person is told."""
        found = [self.authorization_endpoint, self.token_endpoint, self.refresh.endpoint]
        found.append(self.long_lived.endpoint if self.long_lived else None)
        options = [option.endpoint for option in self.post_options.values()]
        return [*found, *options, self.setup.console, self.issuer] if told else found

    def _require(self, texts: Iterable[str | None], known: set[str], what: str) -> None:
        for text in filter(None, texts):
            if missing := set(PLACEHOLDER.findall(text)) - known:
                raise ValueError(f"placeholder {{{sorted(missing)[0]}}} is not a checked {what}")
