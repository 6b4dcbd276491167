"""The end user's own view, for the SDK."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from integrations import access, connect, tokens
from integrations.models import Connection, Integration
from portal.api import views
from portal.api.auth import Person, PortalHandle, UserToken, caller
from portal.api.schemas import FlowOut, IntegrationList, Me, Problem, UserIntegration, UserOut

router = Router(auth=UserToken(), tags=["end user"])
flows = Router(auth=[PortalHandle(), UserToken()], tags=["end user"])


@router.get("", response={200: Me, 401: Problem, 403: Problem})
def me(request: HttpRequest) -> Me:
    """Return the person and their connections by integration."""
    person: Person = caller(request)
    mine = access.connections_of(person)
    rows = access.integrations_of(person.project)
    return Me(user=_user(person), integrations=[_mine(row, mine) for row in rows])


@router.get("/integrations", response={200: IntegrationList, 401: Problem, 403: Problem})
def integrations(request: HttpRequest) -> IntegrationList:
    """Return what the project offers."""
    rows = access.integrations_of(caller(request).project)
    return IntegrationList(integrations=[views.integration(row) for row in rows])


@router.delete(
    "/connections/{uuid:connection_id}", response={204: None, 401: Problem, 404: Problem}
)
def disconnect(request: HttpRequest, connection_id: UUID) -> Status[None]:
    """Disconnect one of the person's own connections."""
    person: Person = caller(request)
    connection = access.connection_of(who=person, pk=connection_id)
    tokens.disconnect(connection=connection, actor=person.actor)
    return Status(204, None)


@flows.get("/{uuid:flow_id}", response={200: FlowOut, 401: Problem, 404: Problem})
def flow(request: HttpRequest, flow_id: UUID) -> FlowOut:
    """Return where one of the person's own flows stands: the truth about its result."""
    row = access.flow_of(who=caller(request), pk=flow_id)
    connect.end_if_stale(row)
    return views.flow(row)


def _mine(row: Integration, connections: list[Connection]) -> UserIntegration:
    own = [item for item in connections if item.integration_id == row.pk]
    return UserIntegration(
        type=row.slug,
        name=row.provider.name,
        enabled=any(item.status in Connection.LIVE for item in own),
        connections=[views.connection(item) for item in own],
    )


def _user(person: Person) -> UserOut:
    end_user = person.end_user
    organization = end_user.organization
    return UserOut(
        id=end_user.pk,
        external_id=end_user.external_id,
        name=end_user.name,
        email=end_user.email,
        organization=organization.external_id if organization else None,
    )
