"""Tickets for visits, for the vendor's backend."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from ninja import Router, Status

from integrations import access, clients, connect, handoffs, organizations, tickets
from integrations.errors import FieldError, InvalidInput, NotAllowed
from integrations.models import EndUser, Organization, Project, ReturnUrl, VisitTicket
from integrations.models.projects import OWN_CLIENT
from integrations.text import storable
from integrations.tickets import VisitOrder
from portal import sessions
from portal.api.auth import Vendor, VendorKey, caller
from portal.api.idempotency import idempotent
from portal.api.schemas import Problem
from portal.api.visits import SessionIn, SessionOut
from portal.visitors import SUBJECT

router = Router(auth=VendorKey("sessions:write"), tags=["sessions"])


@router.post(
    "",
    response={
        201: SessionOut,
        400: Problem,
        401: Problem,
        403: Problem,
        404: Problem,
        409: Problem,
        415: Problem,
        422: Problem,
    },
    exclude_none=True,
)
@idempotent(kept=False)
def create_session(request: HttpRequest, payload: SessionIn) -> Status[SessionOut]:
    """Make a one-time link (hosted) or ticket (embed) that opens a visit within ten minutes.

    Or a link (handoff) with which somebody else enters a client, within seven days.
    """
    vendor: Vendor = caller(request)
    _check_names(payload)
    if payload.kind == "handoff":
        return Status(201, _hand_off(vendor, payload))
    order = _order(vendor.project, payload)
    end_user = sessions.person(
        project=vendor.project, external_id=payload.user, org=payload.org or None
    )
    made = tickets.issue_visit(key=vendor.key, end_user=end_user, order=order)
    ticket = made.ticket.reveal()
    if order.kind == VisitTicket.Kind.EMBED:
        return Status(201, SessionOut(ticket=ticket, expires_at=made.expires_at))
    url = settings.BASE_URL + reverse("hosted", args=[ticket])
    return Status(201, SessionOut(url=url, expires_at=made.expires_at))


def _hand_off(vendor: Vendor, payload: SessionIn) -> SessionOut:
    _check_hand_off(payload)
    integration = access.active_integration(project=vendor.project, slug=payload.integration or "")
    with transaction.atomic():
        end_user = sessions.person(
            project=vendor.project, external_id=payload.user, org=payload.org or None
        )
        organization = end_user.organization_id
        organizations.require_offered(
            kind=OWN_CLIENT, integration=integration, organization=organization
        )
        if payload.org and organization:
            client = organizations.client_or_draft(
                integration=integration, organization=organization
            )
        else:
            client = clients.own_client(integration=integration, end_user=end_user)
        made = handoffs.issue_for_vendor(
            client=client, actor=vendor.actor, end_user=end_user, key=vendor.key
        )
    url = settings.BASE_URL + reverse("handoff", args=[made.ticket.reveal()])
    return SessionOut(url=url, expires_at=made.hand_off.expires_at)


def _check_hand_off(payload: SessionIn) -> None:
    faults = []
    if not payload.integration:
        faults.append(FieldError("integration", "required", "Name the integration it is for."))
    unused = {"return_url": payload.return_url, "account_type": payload.account_type}
    message = "Leave this out: a hand-off opens a form and no visit."
    faults += [FieldError(name, "invalid", message) for name, value in unused.items() if value]
    if faults:
        raise InvalidInput(*faults)


def _check_names(payload: SessionIn) -> None:
    message = "Use 1 to 255 printable ASCII characters without spaces."
    named = {"user": payload.user} | ({"org": payload.org} if payload.org else {})
    faults = [
        FieldError(name, "invalid", message) for name in named if not SUBJECT.match(named[name])
    ]
    if payload.account_type and not payload.integration:
        faults.append(FieldError("integration", "required", "Name the integration it is for."))
    if faults:
        raise InvalidInput(*faults)


def _order(project: Project, payload: SessionIn) -> VisitOrder:
    kinds = tuple(payload.account_type)
    if payload.integration:
        integration = access.active_integration(project=project, slug=payload.integration)
        connect.account_types(
            integration=integration, asked=kinds, organization=_organization(project, payload)
        )
    return VisitOrder(
        kind=payload.kind,
        integration=payload.integration or "",
        account_types=kinds,
        return_url=_return_url(project, payload),
    )


def _organization(project: Project, payload: SessionIn) -> UUID | None:
    """Return the organization that the person will be in, as far as it is known already."""
    if payload.org:
        rows = Organization.objects.filter(project=project, external_id=payload.org)
        return rows.values_list("pk", flat=True).first()
    people = EndUser.objects.filter(project=project, external_id=payload.user)
    return people.values_list("organization", flat=True).first()


def _return_url(project: Project, payload: SessionIn) -> str:
    """Return where the visit ends. A link needs one: only there can an approval be confirmed."""
    if payload.return_url:
        if not sessions.registered(project, storable(payload.return_url)):
            raise NotAllowed("return_url_not_allowed")
        return payload.return_url
    known = list(ReturnUrl.objects.filter(project=project).values_list("url", flat=True)[:2])
    if payload.kind == "embed":
        return ""
    if len(known) != 1:
        message = "Give one of the project's return URLs: what was approved is confirmed there."
        raise InvalidInput(FieldError("return_url", "required", message))
    return known[0]
