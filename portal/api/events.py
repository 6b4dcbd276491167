"""The project's audit log, for the vendor's backend."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from integrations.errors import FieldError, InvalidInput
from integrations.models import AuditEvent
from portal.api import cursors
from portal.api.auth import Vendor, VendorKey, caller
from portal.api.schemas import EventOut, EventPage, EventQuery, Problem

router = Router(tags=["events"])


@router.get(
    "",
    auth=VendorKey("events:read"),
    response={200: EventPage, 400: Problem, 401: Problem, 403: Problem, 422: Problem},
)
def list_events(request: HttpRequest, query: Query[EventQuery]) -> EventPage:
    """List what happened in the project, newest first. Events hold ids and codes, never a secret.

    An `action` that ends with a dot stands for all that begin with it, such as `connection.`.
    """
    vendor: Vendor = caller(request)
    cursors.refuse_unknown(request, EventQuery)
    limit = cursors.limited(query.limit)
    rows = list(_filtered(vendor, query)[: limit + 1])
    more = len(rows) > limit
    return EventPage(
        events=[_shown(row) for row in rows[:limit]],
        next_cursor=cursors.by_sequence(rows[limit - 1]) if more else None,
    )


def _filtered(vendor: Vendor, query: EventQuery) -> QuerySet[AuditEvent]:
    rows = AuditEvent.objects.filter(project=vendor.project).order_by("-sequence")
    if query.action is not None:
        # Exact text: some databases would compare without regard to case.
        begins = query.action.endswith(".")
        rows = rows.filter(**{"action__startswith" if begins else "action": query.action})
    for name in ("actor", "object_type", "object_id"):
        if (value := getattr(query, name)) is not None:
            rows = rows.filter(**{name: value})
    for name, lookup in (("since", "at__gte"), ("until", "at__lt")):
        if (moment := getattr(query, name)) is not None:
            if moment.tzinfo is None:
                raise InvalidInput(FieldError(name, "invalid", "Say the time zone, such as Z."))
            rows = rows.filter(**{lookup: moment})
    return cursors.after_sequence(rows, query.cursor) if query.cursor else rows


def _shown(row: AuditEvent) -> EventOut:
    return EventOut(
        id=row.pk,
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        action=row.action,
        object_type=row.object_type,
        object_id=row.object_id,
        data=row.data,
    )
