"""What goes over the wire. Names are the vocabulary's, in snake case."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from portal.api.stages import InputOut

# What neither database could compare: control characters and lone surrogates.
QueryText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]*$", max_length=500)]


class FieldProblem(Schema):
    """One field at fault."""

    field: str
    code: str
    message: str


class Problem(Schema):
    """An error as a problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    display_message: str
    suggested_action: str
    request_id: str
    errors: list[FieldProblem] = []


class ConnectionOut(Schema):
    """A connection. Tokens are never part of it.

    `revocation` says what became of the grant at the provider once the connection was
    disconnected: revoked, shared, unsupported or failed; until then it is empty.
    """

    id: UUID
    integration: str
    user: str
    organization: str | None
    status: str
    reason: str
    account_type: str
    account_id: str
    account_label: str
    external_id: str
    scopes: list[str]
    missing_scopes: list[str]
    provider_data: dict[str, str]
    revocation: str
    created_at: datetime
    updated_at: datetime


class ConnectionPage(Schema):
    """A page of connections; `next_cursor` is null on the last."""

    connections: list[ConnectionOut]
    next_cursor: str | None


class AccessTokenIn(Schema):
    """What the caller knows: the provider refused the token of `seen_generation`."""

    model_config = ConfigDict(extra="forbid")

    seen_generation: Annotated[int, Field(strict=True, ge=1, lt=2**63)] | None = None


class ProjectClientOut(Schema):
    """An OAuth client. Its secret is never part of it: at most its last four characters are."""

    id: UUID
    integration: str
    owner: str
    user: str | None
    organization: str | None
    state: str
    client_id: str | None
    secret_last4: str
    secret_expires_on: date | None
    redirect_url: str
    connections: int
    created_at: datetime


class ClientPage(Schema):
    """A page of OAuth clients; `next_cursor` is null on the last."""

    clients: list[ProjectClientOut]
    next_cursor: str | None


class EventOut(Schema):
    """One link of the project's history."""

    id: UUID
    sequence: int
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    data: dict[str, Any]


class EventPage(Schema):
    """A page of events; `next_cursor` is null on the last."""

    events: list[EventOut]
    next_cursor: str | None


class AccessTokenOut(Schema):
    """A token to call the provider with. `expires_at` is null where the provider does not say.

    `generation` grows with each refresh.
    """

    access_token: str
    token_type: str
    expires_at: datetime | None
    generation: int


class IntegrationOut(Schema):
    """An integration as the user API and the vendor API show it."""

    type: str
    name: str
    icon: str
    description: str
    account_types: list[str]


class IntegrationList(Schema):
    """The active integrations of the project."""

    integrations: list[IntegrationOut]


class UserOut(Schema):
    """The person the user token speaks of."""

    id: UUID
    external_id: str
    name: str
    email: str
    organization: str | None


class UserIntegration(Schema):
    """An integration with the person's own connections of it."""

    type: str
    name: str
    enabled: bool
    connections: list[ConnectionOut]


class Me(Schema):
    """The person and what they have connected."""

    user: UserOut
    integrations: list[UserIntegration]


class FlowError(Schema):
    """Why a flow failed."""

    code: str
    display_message: str


class FlowOut(Schema):
    """Where a flow stands, and what its stage asks for."""

    id: UUID
    status: str
    stage: str
    integration: str
    account_type: str
    inputs: list[InputOut]
    redirect_url: str | None
    client_owner: str | None
    error: FlowError | None
    connection: ConnectionOut | None


class ConnectionQuery(Schema):
    """Filters of the connection list; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    user: QueryText | None = None
    org: QueryText | None = None
    integration: QueryText | None = None
    status: QueryText | None = None
    cursor: QueryText | None = None
    limit: int = 50


class ClientQuery(Schema):
    """Filters of the client list; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    user: QueryText | None = None
    org: QueryText | None = None
    integration: QueryText | None = None
    owner: QueryText | None = None
    state: QueryText | None = None
    cursor: QueryText | None = None
    limit: int = 50


class EventQuery(Schema):
    """Filters of the event list; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    action: QueryText | None = None
    actor: QueryText | None = None
    object_type: QueryText | None = None
    object_id: QueryText | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: QueryText | None = None
    limit: int = 50
