"""The values that a provider file may hold, each checked on its own."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

PLACEHOLDER = re.compile(r"\{([a-z_]{1,32})\}")
RESERVED_PARAMS = frozenset(
    {"client_id", "client_secret", "redirect_uri", "response_type", "state", "scope", "code"}
    | {"code_challenge", "code_challenge_method", "code_verifier", "grant_type", "refresh_token"}
)
SCOPE_TOKEN = re.compile(r"\A[\x21\x23-\x5B\x5D-\x7E]{1,512}\Z")
# What a callback may carry by itself: nothing of a file may stand for one of these.
RESPONSE_PARAMS = frozenset(
    {"code", "state", "iss", "error", "error_description", "error_uri", "redirect_uri"}
)
# What the transport sets, what frames a message, and what would speak for somebody else.
RESERVED_HEADERS = frozenset(
    {"accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie"}
    | {"expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "forwarded"}
)
PARAM_NAME = re.compile(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")
HEADER_NAME = re.compile(r"\A[A-Za-z][A-Za-z0-9-]{0,63}\Z")
HEADER_VALUE = re.compile(r"\A[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?\Z")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
# RFC 3986 section 2 without "%": no percent-encoding can hide a name from the checks below.
URL_TEXT = re.compile(r"\A[A-Za-z0-9._~:/?\[\]@!$&'()*+,;={}-]+\Z")


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


def checked_param(value: str) -> str:
    """Return a parameter's name that is not one of those the flow sets."""
    if not PARAM_NAME.match(value):
        raise ValueError("is not a parameter's name")
    if value in RESERVED_PARAMS | RESPONSE_PARAMS:
        raise ValueError(f"{value} is set by the flow and cannot be named here")
    return value


def checked_headers(value: dict[str, str]) -> dict[str, str]:
    """Return fixed request headers that neither frame the message nor carry credentials."""
    for name, text in value.items():
        low = name.lower()
        if not HEADER_NAME.match(name) or low in RESERVED_HEADERS:
            raise ValueError(f"{name[:64]} cannot be fixed here")
        if low.startswith(("proxy-", "sec-", "x-forwarded-")) or not HEADER_VALUE.match(text):
            raise ValueError(f"{name[:64]} cannot be fixed here")
    return value


def checked_token_header(value: str) -> str:
    """Return the name of a header that may carry an access token."""
    if value != "Authorization":
        checked_headers({value: "x"})
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
ParamName = Annotated[str, AfterValidator(checked_param)]
Headers = Annotated[dict[str, str], AfterValidator(checked_headers)]
TokenHeader = Annotated[str, AfterValidator(checked_token_header)]
# Dotted, list positions are numbers, `|` separates alternatives.
Path = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_-]+(?:[.|][A-Za-z0-9_-]+)*\Z", max_length=128)]
Pattern = Annotated[str, AfterValidator(checked_pattern)]
ScopeToken = Annotated[str, AfterValidator(checked_scope)]
Name = Annotated[str, Field(pattern=r"\A[a-z_]{1,32}\Z")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Label = Annotated[str, Field(min_length=1, max_length=80)]
WebLink = Annotated[str, Field(pattern=r"\Ahttps://[^\s<>\"]{3,500}\Z")]


class Strict(BaseModel):
    """Immutable, and an unknown key is an error."""

    # Python's engine, because only it knows \Z.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, regex_engine="python-re")
