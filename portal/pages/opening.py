"""What every way of opening a visit shares: the ticket or token, one transaction, the cookie."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from integrations import connect, tickets
from integrations.connect import Wish
from integrations.errors import NotFound, SessionInvalid
from integrations.models import Flow, Project, VisitTicket
from integrations.secret import Secret
from portal import sessions
from portal.pages.visit import SESSION_COOKIE, keep_opener
from portal.sessions import Opened, Opening, Visitor

MAX_TICKET = 128


@dataclass(frozen=True)
class Caller:
    """The person a visit is for, and the ticket that says so if it was not a user token."""

    visitor: Visitor
    ticket: VisitTicket | None = None


@sensitive_variables("token", "ticket")
def caller_of(request: HttpRequest, project: Project) -> Caller:
    """Return whom the posted user token or embed ticket speaks of. Raises SessionInvalid."""
    token, ticket = request.POST.get("user_token", ""), request.POST.get("ticket", "")
    if not ticket:
        return Caller(sessions.visitor(project=project, user_token=token))
    if token or len(ticket) > MAX_TICKET:
        raise SessionInvalid("ticket_invalid")
    try:
        row = tickets.visit(ticket=Secret(ticket), kind=VisitTicket.Kind.EMBED)
    except NotFound:
        raise SessionInvalid("ticket_invalid") from None
    if row.project_id != project.pk:
        raise SessionInvalid("ticket_invalid")
    return by_ticket(row)


def by_ticket(ticket: VisitTicket) -> Caller:
    """Return the person a ticket speaks of: its API key vouches for them."""
    visitor = Visitor(
        end_user=ticket.end_user, signing_key=None, org_admin=False, api_key=ticket.api_key
    )
    return Caller(visitor, ticket)


def opened(*, caller: Caller, opening: Opening, wish: Wish | None) -> tuple[Opened, Flow | None]:
    """Open the visit and begin its flow, both or neither; the ticket is used up with them.

    Raises NotFound for a ticket that another call took, and as `open_session` and `begin`.
    """
    with transaction.atomic():
        if caller.ticket:
            tickets.use_visit(caller.ticket)
        made = sessions.open_session(visitor=caller.visitor, opening=opening)
        flow = connect.begin(session=made.session, wish=wish) if wish else None
    return made, flow


def with_cookie(made: Opened) -> HttpResponse:
    """Lead on to the pages of a full-page visit, whose handle is in a cookie."""
    response = HttpResponseRedirect(reverse("portal"), status=303)
    response.set_cookie(
        SESSION_COOKIE,
        made.handle.reveal(),
        max_age=int(sessions.ABSOLUTE.total_seconds()),
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )
    return keep_opener(response, made.session)
