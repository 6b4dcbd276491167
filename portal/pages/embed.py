"""Opening a visit: the host page posts the user token here, into an iframe or a full page."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from integrations.connect import Wish
from integrations.errors import ConnectError, NotAllowed, NotFound, SessionInvalid
from integrations.limits import FAILED_CREDENTIALS, OPEN, OPEN_ADDRESS
from integrations.models import PortalSession, Project, VisitTicket
from integrations.text import storable
from portal import languages, limits, sessions
from portal.limits import states
from portal.pages import errors, handshake, install, manage, opening
from portal.pages.opening import Caller
from portal.pages.visit import PortalRequest
from portal.sessions import Opened, Opening

DESTINATIONS = {
    PortalSession.Display.EMBED: "iframe",
    PortalSession.Display.PAGE: "document",
    PortalSession.Display.WINDOW: "document",
}
MODES = ("install", "manage", "reconnect")


# The caller is another site by design: the registered origin and the user token are the checks.
@csrf_exempt
@require_POST
@sensitive_post_parameters()
@states(OPEN, OPEN_ADDRESS, FAILED_CREDENTIALS)
def open_visit(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Open a visit for the person the user token speaks of, and show its first page."""
    origin = handshake.asking_origin(request)
    framed_by = ""
    try:
        project = sessions.project_of(project_id)
        if not sessions.may_embed(project=project, origin=origin):
            raise NotAllowed("origin_not_allowed")
        display = _display(request)
        framed_by = origin if display == PortalSession.Display.EMBED else ""
        return _first_page(request, project, Opening(origin=origin, display=display))
    except ConnectError as error:
        return errors.refused(request, error, framed_by=framed_by)


def _display(request: HttpRequest) -> str:
    display = request.POST.get("display", PortalSession.Display.EMBED)
    if display not in DESTINATIONS:
        raise NotAllowed("start_refused")
    expected = DESTINATIONS[PortalSession.Display(display)]
    if request.headers.get("Sec-Fetch-Dest", expected) != expected:
        raise NotAllowed("start_refused")
    return display


def _first_page(request: HttpRequest, project: Project, bare: Opening) -> HttpResponse:
    bare = replace(bare, locale=storable(request.POST.get("locale", "")))
    languages.use(bare.locale)
    mode = _mode(request)
    caller = _caller(request, project)
    wish = None if mode == "manage" else _wish(request, caller.ticket)
    full = replace(
        bare,
        return_url=_return_url(request, caller.ticket),
        theme=request.POST.get("theme", ""),
    )
    try:
        made, flow = opening.opened(caller=caller, opening=full, wish=wish)
    except NotFound as error:
        raise (SessionInvalid("ticket_invalid") if error.code == "link_ended" else error) from None
    if bare.display != PortalSession.Display.EMBED:
        return opening.with_cookie(made)
    visit = _as_visit(request, made)
    return install.show(visit, flow) if flow else manage.show(visit)


def _mode(request: HttpRequest) -> str:
    mode = request.POST.get("mode", "install")
    if mode not in MODES or (mode == "reconnect" and not request.POST.get("connection_id")):
        raise NotAllowed("start_refused")
    return mode


def _caller(request: HttpRequest, project: Project) -> Caller:
    try:
        caller = opening.caller_of(request, project)
    except SessionInvalid:
        limits.spend(request, FAILED_CREDENTIALS)
        raise
    limits.spend(request, OPEN, OPEN_ADDRESS, who=caller.visitor.end_user)
    return caller


def _return_url(request: HttpRequest, ticket: VisitTicket | None) -> str:
    return (ticket and ticket.return_url) or storable(request.POST.get("return_url", ""))


def _wish(request: HttpRequest, ticket: VisitTicket | None) -> Wish | None:
    """Return what to connect. What the ticket names, the page cannot change."""
    if ticket and ticket.integration:
        slug, kinds = ticket.integration, ticket.account_types
    else:
        slug, kinds = request.POST.get("integration", ""), request.POST.getlist("account_type")
    if ticket and not slug:
        return None
    return Wish(
        integration=slug,
        account_types=tuple(kind.strip() for kind in kinds if kind.strip()),
        connection_id=request.POST.get("connection_id", ""),
        external_id=request.POST.get("external_id", ""),
    )


def _as_visit(request: HttpRequest, opened: Opened) -> PortalRequest:
    request.portal_session = opened.session  # type: ignore[attr-defined]
    embedded = opened.session.display == PortalSession.Display.EMBED
    request.handle = opened.handle.reveal() if embedded else ""  # type: ignore[attr-defined]
    return request  # type: ignore[return-value]
