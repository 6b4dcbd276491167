"""What becomes of a grant: whose it is, how it is renewed, and how it ends."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from integrations.catalog.values import (
    PLACEHOLDER,
    Endpoint,
    Headers,
    Label,
    ParamName,
    Params,
    Path,
    ScopeToken,
    Strict,
    Text,
    WebLink,
)

AuthMethod = Literal["client_secret_post", "client_secret_basic"]


class Identity(Strict):
    """How to learn which account was connected.

    `source` "request" calls `endpoint` with the new access token; "token" reads the token answer,
    and "callback" what `callback_params` kept. Paths are dotted, list positions are numbers
    (`user.id`, `0.url`), and `|` separates alternatives (`team.id|enterprise.id`). The account id
    is built from all `id_paths`, which must be immutable at the provider; the label is only shown.
    `ids_are_local` says that ids are unique only within the endpoint's own host or path, so what
    forms it belongs to the id. A value of `headers` may hold {client_id}. `body` is JSON. `capture`
    are paths of the answer that are kept in provider_data.
    """

    source: Literal["request", "token", "callback"] = "request"
    endpoint: Endpoint | None = None
    method: Literal["GET", "POST"] = "GET"
    headers: Headers = {}
    body: Annotated[str, Field(max_length=2000)] = ""
    id_paths: Annotated[tuple[Path, ...], Field(min_length=1)]
    ids_are_local: bool = False
    label_path: Path
    capture: tuple[Path, ...] = ()

    @model_validator(mode="after")
    def has_endpoint(self) -> Self:
        """Refuse a request that has nowhere to go, and a body that could not be sent."""
        if self.source == "request" and not self.endpoint:
            raise ValueError("source = 'request' needs an endpoint")
        if self.body and self.method != "POST":
            raise ValueError("a body needs method = 'POST'")
        return self

    @field_validator("headers")
    @classmethod
    def only_the_client_id(cls, value: dict[str, str]) -> dict[str, str]:
        """Refuse a header that would carry anything but the public client id."""
        found = {name for text in value.values() for name in PLACEHOLDER.findall(text)}
        if unknown := found - {"client_id"}:
            raise ValueError(f"{{{sorted(unknown)[0]}}} cannot be put into a header")
        return value


class Refresh(Strict):
    """What the provider does with refresh tokens. Lifetimes in seconds, used when it is silent.

    `endpoint` is where refreshes go instead of the token endpoint, `params` what they carry instead
    of `token_params`. `old_access_token_survives` is false where a refresh ends the access token
    before it, so that nobody is handed the old one meanwhile. `not_before_end` is how many seconds
    before a token's end the provider takes a refresh at the earliest. `revoked_statuses` are the
    statuses besides 400 and 401 with which the provider says that a grant is over.
    """

    rotation: Literal["none", "grace", "strict"] = "none"
    issued: bool = True
    offline_scope: ScopeToken | None = None
    access_token_lifetime: Annotated[int, Field(ge=60)] | None = None
    old_access_token_survives: bool = True
    not_before_end: Annotated[int, Field(ge=5, le=3600)] | None = None
    revoked_statuses: tuple[Annotated[int, Field(ge=200, le=499)], ...] = ()
    endpoint: Endpoint | None = None
    method: Literal["GET", "POST"] = "POST"
    grant_type: Annotated[str, Field(pattern=r"\A[a-z_]{1,64}\Z")] = "refresh_token"
    token_param: Literal["refresh_token", "access_token"] = "refresh_token"
    client_authentication: bool = True
    auth_method: AuthMethod | None = None
    params: Params | None = None


class Revocation(Strict):
    """How a grant is ended at the provider, and where a person can do it by hand.

    `request` "token" posts the token (RFC 7009 section 2.1), with client authentication unless
    `client_authentication` is false; "account" posts the account id in its place; "bearer" calls
    `revocation_endpoint` with the access token,
    and names it in `token_param` too if that is set. `tokens` says which of the two tokens it
    takes. One revocation ends this "grant", or all grants of the "account" to the client, or all
    grants of the "installation", which the first of the `id_paths` names.
    """

    request: Literal["token", "bearer", "account"] = "token"
    method: Literal["POST", "DELETE"] = "POST"
    format: Literal["form", "json"] = "form"
    token_param: ParamName | None = None
    client_id_param: ParamName | None = None
    client_secret_param: ParamName | None = None
    tokens: Literal["both", "refresh", "access"] = "both"
    client_authentication: bool = True
    auth_method: AuthMethod | None = None
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
