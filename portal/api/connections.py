"""Connections, for the vendor's backend."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Status

from integrations import reads, tokens
from integrations.errors import NotFound
from integrations.limits import ACCESS_TOKENS
from integrations.models import Connection
from portal.api import cursors, views
from portal.api.auth import Vendor, VendorKey, caller
from portal.api.idempotency import idempotent
from portal.api.schemas import (
    AccessTokenIn,
    AccessTokenOut,
    ConnectionOut,
    ConnectionPage,
    ConnectionQuery,
    Problem,
)

router = Router(tags=["connections"])


@router.get(
    "",
    auth=VendorKey("connections:read"),
    response={200: ConnectionPage, 400: Problem, 401: Problem, 403: Problem, 422: Problem},
)
def list_connections(request: HttpRequest, query: Query[ConnectionQuery]) -> ConnectionPage:
    """List connections, newest first; disconnected ones only when asked for by status."""
    vendor: Vendor = caller(request)
    cursors.refuse_unknown(request, ConnectionQuery)
    limit = cursors.limited(query.limit)
    rows = list(_filtered(vendor, query)[: limit + 1])
    more = len(rows) > limit
    return ConnectionPage(
        connections=[views.connection(row) for row in rows[:limit]],
        next_cursor=cursors.by_time(rows[limit - 1]) if more else None,
    )


@router.get(
    "/{uuid:connection_id}",
    auth=VendorKey("connections:read"),
    response={200: ConnectionOut, 401: Problem, 403: Problem, 404: Problem},
)
def get_connection(request: HttpRequest, connection_id: UUID) -> ConnectionOut:
    """Return one connection."""
    return views.connection(_connection(caller(request), connection_id))


@router.delete(
    "/{uuid:connection_id}",
    auth=VendorKey("connections:write"),
    response={
        204: None,
        401: Problem,
        403: Problem,
        404: Problem,
        409: Problem,
        422: Problem,
    },
)
@idempotent()
def delete_connection(request: HttpRequest, connection_id: UUID) -> Status[None]:
    """Disconnect: stop at once and erase the tokens. The shell and its history stay."""
    vendor: Vendor = caller(request)
    tokens.disconnect(connection=_connection(vendor, connection_id), actor=vendor.actor)
    return Status(204, None)


@router.post(
    "/{uuid:connection_id}/access-token",
    auth=VendorKey("tokens:read", ACCESS_TOKENS),
    response={
        200: AccessTokenOut,
        400: Problem,
        401: Problem,
        403: Problem,
        404: Problem,
        409: Problem,
        415: Problem,
        422: Problem,
        502: Problem,
        503: Problem,
    },
)
@idempotent(kept=False)
def access_token(
    request: HttpRequest, connection_id: UUID, body: AccessTokenIn | None = None
) -> AccessTokenOut:
    """Return a fresh access token, refreshed once if it must be. 409: a person must act.

    A backend whose call the provider refused with 401 sends the `generation` of the token it used
    as `seen_generation`, and gets a later token.
    """
    vendor: Vendor = caller(request)
    try:
        # Only named here: the tokens are read in one query, with the project they belong to.
        found = tokens.access_token_for(
            Connection(pk=connection_id, project=vendor.project),
            seen_generation=body.seen_generation if body else None,
        )
    except NotFound:
        _connection(vendor, connection_id)
        raise
    reads.note(key=vendor.key, connection_id=connection_id)
    return AccessTokenOut(
        access_token=found.token.reveal(),
        token_type=found.token_type,
        expires_at=found.expires_at,
        generation=found.generation,
    )


def _connection(vendor: Vendor, pk: UUID) -> Connection:
    row = _all(vendor).filter(pk=pk).first()
    if row is None:
        raise NotFound("connection_not_found")
    return row


def _all(vendor: Vendor) -> QuerySet[Connection]:
    return Connection.objects.filter(project=vendor.project).select_related(
        "project", "integration", "end_user__organization"
    )


def _filtered(vendor: Vendor, query: ConnectionQuery) -> QuerySet[Connection]:
    rows = _all(vendor).order_by("-created_at", "-id")
    if query.user is not None:
        rows = rows.filter(end_user__external_id=query.user)
    if query.org is not None:
        rows = rows.filter(end_user__organization__external_id=query.org)
    if query.integration is not None:
        rows = rows.filter(integration__slug=query.integration)
    if query.status is None:
        rows = rows.exclude(status=Connection.Status.DISCONNECTED)
    else:
        known = Connection.Status.values
        rows = rows.filter(status=cursors.one_of("status", query.status, known))
    return cursors.after_time(rows, query.cursor) if query.cursor else rows
