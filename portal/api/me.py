"""The end user's own view, for the SDK."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from integrations import access, organizations, tokens
from integrations.limits import SAVE_OPTIONS
from integrations.models import Connection, Integration
from portal import sessions
from portal.api import views
from portal.api.auth import Person, UserToken, caller
from portal.api.schemas import IntegrationList, Me, Problem, UserIntegration, UserOut
from portal.api.visits import ClientList, SecretIn, SecretOut
from portal.middleware import CLEAR

router = Router(auth=UserToken(), tags=["end user"])


@router.get("", response={200: Me, 401: Problem, 403: Problem})
def me(request: HttpRequest) -> Me:
    """Return the person and their connections by integration."""
    person: Person = caller(request)
    mine = access.connections_of(person)
    rows = access.integrations_of(person.project)
    return Me(user=_user(person), integrations=[_mine(row, mine) for row in rows])


@router.get("/integrations", response={200: IntegrationList, 401: Problem, 403: Problem})
def integrations(request: HttpRequest) -> IntegrationList:
    """Return what the project offers the person."""
    person: Person = caller(request)
    mine = organizations.governing_id(person)
    rows = access.integrations_of(person.project)
    shown = [views.integration(row, organization=mine) for row in rows]
    return IntegrationList(integrations=shown)


@router.delete(
    "/connections/{uuid:connection_id}", response={204: None, 401: Problem, 404: Problem}
)
def disconnect(request: HttpRequest, connection_id: UUID) -> Status[None]:
    """Disconnect one of the person's own connections."""
    person: Person = caller(request)
    connection = access.connection_of(who=person, pk=connection_id)
    tokens.disconnect(connection=connection, actor=person.actor)
    return Status(204, None)


@router.delete("/sessions", response={204: None, 401: Problem, 403: Problem})
def sign_out(request: HttpRequest, response: HttpResponse) -> Status[None]:
    """End all open visits of the person, as when they sign out of the page that calls."""
    person: Person = caller(request)
    sessions.end_all(person.end_user)
    response.headers[CLEAR[0]] = CLEAR[1]
    return Status(204, None)


@router.get("/clients", response={200: ClientList, 401: Problem, 403: Problem})
def clients(request: HttpRequest) -> ClientList:
    """List the OAuth clients that the person may change. Secrets are never part of it."""
    rows = access.clients_of(caller(request))
    return ClientList(clients=[views.client(row) for row in rows])


@router.put(
    "/clients/{uuid:client_id}/secret",
    auth=UserToken(SAVE_OPTIONS),
    response={200: SecretOut, **dict.fromkeys((400, 401, 403, 404, 415, 422), Problem)},
)
def replace_secret(request: HttpRequest, client_id: UUID, payload: SecretIn) -> SecretOut:
    """Replace the secret of an app the person entered; whatever it connected stays connected.

    It is tried on one of the app's grants first. 422: the provider did not take it, and the one
    before stays in use.
    """
    person: Person = caller(request)
    client = access.client_of(who=person, pk=client_id)
    return views.replaced(client=client, payload=payload, actor=person.actor)


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
