"""Tickets: what may open one visit or start one flow, once. Only digests are kept.

Looking at a ticket uses nothing up, so a link scanner does no harm; taking it is one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integrations import audit
from integrations.errors import NotFound
from integrations.models import ApiKey, EndUser, Flow, StartTicket, UsedToken, VisitTicket
from integrations.secret import Secret, digest, new_token

VISIT_FOR, START_FOR = timedelta(minutes=10), timedelta(minutes=2)


@dataclass(frozen=True)
class VisitOrder:
    """What the vendor's backend asks a ticket for; everything in it has been checked."""

    kind: str
    integration: str = ""
    account_types: tuple[str, ...] = ()
    return_url: str = ""


@dataclass(frozen=True)
class Issued:
    """A ticket at the only moment it can be read."""

    ticket: Secret
    expires_at: datetime


def issue_visit(*, key: ApiKey, end_user: EndUser, order: VisitOrder) -> Issued:
    """Make a ticket for one visit of this person. It ends with the API key that asked for it."""
    ticket, expires_at = new_token(), timezone.now() + VISIT_FOR
    with transaction.atomic():
        row = VisitTicket.objects.create(
            ticket_hash=digest(ticket),
            project=key.project,
            api_key=key,
            end_user=end_user,
            kind=order.kind,
            integration=order.integration,
            account_types=list(order.account_types),
            return_url=order.return_url,
            expires_at=expires_at,
        )
        audit.record(
            project=key.project,
            actor=f"api_key:{key.prefix}",
            action="visit.ticket_created",
            subject=row,
            kind=order.kind,
            end_user=end_user.external_id,
        )
    return Issued(Secret(ticket), expires_at)


def visit(*, ticket: Secret, kind: str) -> VisitTicket:
    """Return a ticket that could be used now, using nothing up. Raises NotFound, one for all."""
    row = (
        VisitTicket.objects.select_related("project", "api_key", "end_user__project")
        .filter(ticket_hash=digest(ticket.reveal()), kind=kind, used_at=None)
        .filter(expires_at__gt=timezone.now(), project__is_active=True)
        .first()
    )
    if row is None or not row.api_key.is_live:
        raise NotFound("link_ended")
    return row


def use_visit(row: VisitTicket) -> None:
    """Take a visit's ticket for this call alone. Raises NotFound."""
    now = timezone.now()
    fresh = VisitTicket.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now)
    if not fresh.update(used_at=now):
        raise NotFound("link_ended")


def issue_start(flow: Flow) -> Secret:
    """Make the one ticket that starts this flow from the page its session belongs to."""
    ticket = new_token()
    with transaction.atomic():
        StartTicket.objects.filter(flow=flow).delete()
        StartTicket.objects.create(
            ticket_hash=digest(ticket),
            flow=flow,
            session=flow.session,
            expires_at=timezone.now() + START_FOR,
        )
    return Secret(ticket)


def start(ticket: Secret) -> StartTicket:
    """Return a start ticket that could be used now, using nothing up. Raises NotFound."""
    row = (
        StartTicket.objects.select_related("flow")
        .filter(ticket_hash=digest(ticket.reveal()), used_at=None, expires_at__gt=timezone.now())
        .first()
    )
    if row is None:
        raise NotFound("start_ticket_ended")
    return row


def use_start(row: StartTicket) -> None:
    """Take a start ticket for this call alone. Raises NotFound."""
    now = timezone.now()
    fresh = StartTicket.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now)
    if not fresh.update(used_at=now):
        raise NotFound("start_ticket_ended")


def drop_stale_tickets() -> int:
    """Delete tickets and used tokens whose time is over. Return how many rows went."""
    now = timezone.now()
    models = (VisitTicket, StartTicket, UsedToken)
    return sum(model.objects.filter(expires_at__lte=now).delete()[0] for model in models)
