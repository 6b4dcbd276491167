"""Where a provider's messages differ from those of RFC 6749 by a name or by a place.

What differs by more than that has a name of its own among the dialects.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from integrations.catalog.values import (
    Endpoint,
    Name,
    ParamName,
    Path,
    Pattern,
    Strict,
    TokenHeader,
    checked_param,
)


class Parameters(Strict):
    """Other names for parameters of RFC 6749, and those that a provider does not take.

    `code` is its name in the token request and `response_code` the one in the callback. Where the
    provider knows redirect URIs by a name only, `redirect_uri_setting` is the setting that holds
    it: the callback goes to what is registered under the name, and is checked as ever. `state` and
    the parameters of PKCE have no other names and cannot be left out.
    """

    client_id: str = "client_id"
    client_secret: str = "client_secret"
    code: str = "code"
    response_code: str = "code"
    redirect_uri_setting: Name | None = None
    authorization_without: tuple[
        Literal["response_type", "client_id", "redirect_uri", "scope"], ...
    ] = ()
    token_without: tuple[Literal["grant_type", "redirect_uri"], ...] = ()

    @model_validator(mode="after")
    def other_names(self) -> Self:
        """Refuse a name that means something else."""
        named = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": self.code,
        }
        for standard, name in {**named, "response_code": self.response_code}.items():
            if name != standard.removeprefix("response_"):
                checked_param(name)
        if len(set(named.values())) < len(named):
            raise ValueError("two parameters of one name")
        return self


class TokenResponse(Strict):
    """Where a token answer holds what RFC 6749 section 5.1 has at its top.

    `expires_at` leads to a moment (RFC 3339) that stands for expires_in. `token_types` are the
    provider's own words for a bearer token.
    """

    access_token: Path = "access_token"
    refresh_token: Path = "refresh_token"
    expires_in: Path = "expires_in"
    scope: Path = "scope"
    expires_at: Path | None = None
    token_types: tuple[Annotated[str, Field(pattern=r"\A[A-Za-z ]{1,32}\Z")], ...] = ()


class TokenUse(Strict):
    """How calls carry the access token: as RFC 6750 section 2.1 says, or in the provider's way."""

    header: TokenHeader = "Authorization"
    scheme: Annotated[str, Field(pattern=r"\A(?:[A-Za-z][A-Za-z0-9-]{0,31})?\Z")] = "Bearer"

    def headers(self, token: str) -> dict[str, str]:
        """Return the header that carries this token."""
        return {self.header: f"{self.scheme} {token}".strip()}


class CallbackParam(Strict):
    """A parameter of the callback besides those of RFC 6749, kept in provider_data as `name`.

    The whole value must match `pattern`; its group, if it has one, is what is kept. `equals`, with
    the settings filled in, is what the whole value must be: so a callback can contradict where a
    secret goes, and never decide it.
    """

    name: Name
    param: Annotated[str, Field(pattern=r"\A[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")]
    pattern: Pattern
    required: bool = False
    equals: Annotated[str, Field(max_length=512)] = ""

    @model_validator(mode="after")
    def not_the_flows_own(self) -> Self:
        """Refuse a parameter that the flow itself reads."""
        if self.param != "scope":
            checked_param(self.param)
        return self


class LongLived(Strict):
    """A second exchange: of the token that a code gave, for one that lasts (Meta's platforms)."""

    endpoint: Endpoint
    method: Literal["GET", "POST"] = "POST"
    grant_type: Annotated[str, Field(pattern=r"\A[a-z_]{1,64}\Z")]
    token_param: ParamName
