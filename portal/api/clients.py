"""OAuth clients, for the vendor's backend: which there are, and never their secrets."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from integrations import access
from integrations.models import Connection, OAuthClient
from portal.api import cursors, views
from portal.api.auth import Vendor, VendorKey, caller
from portal.api.schemas import ClientPage, ClientQuery, Problem, ProjectClientOut
from portal.api.visits import SecretIn, SecretOut

router = Router(tags=["clients"])


@router.get(
    "",
    auth=VendorKey("clients:read"),
    response={200: ClientPage, 400: Problem, 401: Problem, 403: Problem, 422: Problem},
)
def list_clients(request: HttpRequest, query: Query[ClientQuery]) -> ClientPage:
    """List OAuth clients, newest first, with what may be known of their secrets.

    A client that nobody has entered yet is there too: its redirect URL is shown to someone.
    """
    vendor: Vendor = caller(request)
    cursors.refuse_unknown(request, ClientQuery)
    limit = cursors.limited(query.limit)
    rows = list(_filtered(vendor, query)[: limit + 1])
    more = len(rows) > limit
    return ClientPage(
        clients=[_shown(row) for row in rows[:limit]],
        next_cursor=cursors.by_time(rows[limit - 1]) if more else None,
    )


@router.put(
    "/{uuid:client_id}/secret",
    auth=VendorKey("clients:write"),
    response={200: SecretOut, **dict.fromkeys((400, 401, 403, 404, 415, 422), Problem)},
)
def replace_client_secret(request: HttpRequest, client_id: UUID, payload: SecretIn) -> SecretOut:
    """Replace the secret of an app; whatever it connected stays connected.

    It is tried on one of the app's grants first. 422: the provider did not take it, and the one
    before stays in use.
    """
    vendor: Vendor = caller(request)
    client = access.project_client(project=vendor.project, pk=client_id)
    return views.replaced(client=client, payload=payload, actor=vendor.actor)


def _filtered(vendor: Vendor, query: ClientQuery) -> QuerySet[OAuthClient]:
    rows = OAuthClient.objects.filter(integration__project=vendor.project)
    rows = rows.select_related("integration", "current_version", "end_user", "organization")
    living = ~Q(connections__status=Connection.Status.DISCONNECTED)
    rows = rows.annotate(connection_count=Count("connections", filter=living))
    if query.user is not None:
        rows = rows.filter(end_user__external_id=query.user)
    if query.org is not None:
        rows = rows.filter(organization__external_id=query.org)
    if query.integration is not None:
        rows = rows.filter(integration__slug=query.integration)
    if query.owner is not None:
        owners = OAuthClient.Owner.values
        rows = rows.filter(owner=cursors.one_of("owner", query.owner, owners))
    if query.state is not None:
        states = OAuthClient.State.values
        rows = rows.filter(state=cursors.one_of("state", query.state, states))
    rows = rows.order_by("-created_at", "-id")
    return cursors.after_time(rows, query.cursor) if query.cursor else rows


def _shown(row: OAuthClient) -> ProjectClientOut:
    version = row.current_version
    return ProjectClientOut(
        id=row.pk,
        integration=row.integration.slug,
        owner=row.owner,
        user=row.end_user.external_id if row.end_user else None,
        organization=row.organization.external_id if row.organization else None,
        state=row.state,
        client_id=version.client_id if version else None,
        secret_last4=version.last4 if version else "",
        secret_expires_on=version.secret_expires_on if version else None,
        redirect_url=row.redirect_uri(),
        connections=row.connection_count,  # type: ignore[attr-defined]
        created_at=row.created_at,
    )
