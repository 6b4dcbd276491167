"""What goes over the wire about visits and headless flows. An unknown field is refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict

from portal.api.guides import ArtefactOut, InstructionOut
from portal.api.schemas import FieldProblem
from portal.api.stages import InputOut


class StrictIn(Schema):
    """A body: exact types, and nothing that is not described."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SessionIn(StrictIn):
    """For whom and for what a visit may be opened.

    `handoff` is a link with which somebody else enters an own client: of the user, or with `org` of
    that whole organization.
    """

    user: str
    org: str | None = None
    integration: str | None = None
    account_type: list[str] = []
    kind: Literal["hosted", "embed", "handoff"]
    return_url: str | None = None


class SessionOut(Schema):
    """A link, or a ticket that a page of yours posts in place of a user token."""

    url: str | None = None
    ticket: str | None = None
    expires_at: datetime


class ConfirmIn(StrictIn):
    """Who is signed in where the person came back to: your own session's user."""

    end_user: str


class FlowIn(StrictIn):
    """What to connect, and how."""

    integration: str
    account_type: list[str] = []
    connection_id: str | None = None
    external_id: str | None = None
    return_url: str | None = None


class AccountTypeIn(StrictIn):
    """The chosen account type."""

    account_type: str


class PreOptionsIn(StrictIn):
    """The person's own client.

    Without `client_secret` the saved one is kept, without `scopes` the selected ones.
    `secret_expires_on` is the day the secret ends (2027-03-14), or empty; without it, a secret
    that is kept keeps its day. With `another_client` the flow moves on to a new redirect URL and
    nothing else is read; with `owner`, to that of the organization's client (for its
    administrators) or back to the person's own.
    """

    client_id: str = ""
    client_secret: str | None = None
    secret_expires_on: str | None = None
    scopes: list[str] | None = None
    settings: dict[str, str] = {}
    another_client: bool = False
    owner: Literal["end_user", "organization"] | None = None


class PostOptionsIn(StrictIn):
    """What the person chose after approving."""

    post_option: str


class CheckOut(Schema):
    """One thing that was checked in advance. It is advice: nothing is refused because of it.

    `result` is accepted, rejected or unknown: it cannot be told. `field` is what to correct.
    """

    name: Literal["client_id", "credentials", "redirect_url"]
    result: Literal["accepted", "rejected", "unknown"]
    text: str
    field: str


class StepOut(Schema):
    """Where a headless flow stands and what it asks for.

    `checks` say what is known of the person's own client in advance.
    `start_ticket` is there at stage oauth, to be posted to /oauth/start within two minutes, and
    `instruction` at stage preOptions: what has to be done at the provider first. `create` is what
    does most of it: a link, a command or a manifest.
    `notices` say what was tidied up, by field. `client_owner` says whose client the flow goes
    through: vendor, organization or end_user. `redirect_url` is there for those who may change it.
    """

    id: UUID
    status: str
    stage: str
    inputs: list[InputOut]
    redirect_url: str | None
    client_owner: str | None
    start_ticket: str | None = None
    instruction: InstructionOut | None = None
    create: list[ArtefactOut] = []
    notices: list[FieldProblem] = []
    checks: list[CheckOut] = []


class SecretIn(StrictIn):
    """A new secret of the same app, and the day it expires (2027-03-14), if known."""

    client_secret: str
    expires_on: str = ""


class SecretOut(Schema):
    """A secret that took over.

    `checked` says that the provider took it just now; else the one before is kept until it does.
    `connections` counts those that use the app: all stay connected.
    """

    id: UUID
    secret_last4: str
    secret_expires_on: date | None
    checked: bool
    connections: int


class ClientOut(Schema):
    """An OAuth client that the person may change. `redirect_url` is registered at the provider.

    `owner` is end_user, or organization for one that an administrator keeps for all its people.
    """

    id: UUID
    integration: str
    owner: str
    client_id: str
    secret_last4: str
    secret_expires_on: date | None
    settings: dict[str, str]
    redirect_url: str
    created_at: datetime
    updated_at: datetime


class ClientList(Schema):
    """The clients that the person may change, newest first."""

    clients: list[ClientOut]
