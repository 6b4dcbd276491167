"""The keys a provider file may have. No key can switch a protection off."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

PLACEHOLDER = re.compile(r"\{([a-z_]{1,32})\}")
RESERVED_PARAMS = frozenset(
    {"client_id", "client_secret", "redirect_uri", "response_type", "state", "scope", "code"}
    | {"code_challenge", "code_challenge_method", "code_verifier", "grant_type", "refresh_token"}
)
SCOPE_TOKEN = re.compile(r"\A[\x21\x23-\x5B\x5D-\x7E]{1,512}\Z")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
# RFC 3986 section 2 without "%": no percent-encoding can hide a name from the checks below.
URL_TEXT = re.compile(r"\A[A-Za-z0-9._~:/?\[\]@!$&'()*+,;={}-]+\Z")

Dialect = Literal[
    "slack_token_response",
    "errors_in_http_200",
]


def checked_template(value: str, info: ValidationInfo) -> str:
    """Return an endpoint template whose scheme is https and whose braces are all placeholders.

    Plain http passes only to a loopback host and only when the loader was told so.
    """
    if PLACEHOLDER.sub("", value).count("{") or PLACEHOLDER.sub("", value).count("}"):
        raise ValueError("only {setting_name} placeholders are allowed")
    parts = urlsplit(PLACEHOLDER.sub("x", value))
    loopback = bool((info.context or {}).get("loopback_http"))
    if parts.scheme != "https" and not (loopback and parts.hostname in LOOPBACK_HOSTS):
        raise ValueError("must be an https URL")
    if not parts.hostname or parts.username is not None or "#" in value:
        raise ValueError("must name a host and carry no user name and no fragment")
    if not URL_TEXT.match(value) or (parts.port is not None and not loopback):
        raise ValueError("must be plain URL characters without a port")
    if {name.lower() for name in re.findall(r"[?&;]([^=&;]+)", value)} & RESERVED_PARAMS:
        raise ValueError("must not carry a parameter that the flow sets itself")
    return value


def checked_params(value: dict[str, str | int]) -> dict[str, str | int]:
    """Return fixed request parameters that do not collide with those the flow sets."""
    if taken := set(value) & RESERVED_PARAMS:
        raise ValueError(f"{sorted(taken)[0]} is set by the flow and cannot be fixed here")
    return value


def checked_pattern(value: str) -> str:
    """Return a regular expression that is anchored at both ends and compiles."""
    if not (value.startswith(r"\A") and value.endswith(r"\Z")):
        raise ValueError(r"must begin with \A and end with \Z")
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError("is not a regular expression") from error
    return value


def checked_scope(value: str) -> str:
    """Return a scope token of RFC 6749 section 3.3."""
    if not SCOPE_TOKEN.match(value):
        raise ValueError("is not a scope token (RFC 6749 section 3.3)")
    return value


Endpoint = Annotated[str, AfterValidator(checked_template), Field(max_length=512)]
Params = Annotated[dict[str, str | int], AfterValidator(checked_params)]
ScopeToken = Annotated[str, AfterValidator(checked_scope)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Label = Annotated[str, Field(min_length=1, max_length=80)]
WebLink = Annotated[str, Field(pattern=r"\Ahttps://[^\s<>\"]{3,500}\Z")]


class Strict(BaseModel):
    """Immutable, and an unknown key is an error."""

    # Python's engine, because only it knows \Z.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, regex_engine="python-re")


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

    name: Annotated[str, Field(pattern=r"\A[a-z_]{1,32}\Z")]
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
    """What the provider does with refresh tokens. Lifetimes in seconds, used when it is silent."""

    rotation: Literal["none", "grace", "strict"] = "none"
    issued: bool = True
    offline_scope: ScopeToken | None = None
    access_token_lifetime: Annotated[int, Field(ge=60)] | None = None


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
    setup: Setup
    client_id_label: Label = "Client ID"
    client_id_hint: str = ""
    client_secret_label: Label = "Client secret"
    client_secret_hint: str = ""

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
    def defaults_are_described(self) -> Self:
        """Every default scope has its one-line description."""
        known = {scope.name for scope in self.scopes}
        if unknown := [name for name in self.default_scopes if name not in known]:
            raise ValueError(f"default scope {unknown[0]} has no description under [[scopes]]")
        return self

    def host_settings(self) -> frozenset[str]:
        """Names of the settings that form a host or path of an endpoint the secret is sent to."""
        return frozenset(PLACEHOLDER.findall(self.authorization_endpoint + self.token_endpoint))
