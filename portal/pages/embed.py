"""Opening a visit: the host page posts the user token here, into an iframe or a full page."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations import connect
from integrations.connect import Wish
from integrations.errors import ConnectError, NotAllowed, SessionInvalid
from integrations.limits import FAILED_CREDENTIALS, OPEN, OPEN_ADDRESS
from integrations.models import PortalSession, Project
from integrations.text import storable
from portal import limits, sessions
from portal.limits import states
from portal.pages import errors, install, manage
from portal.pages.visit import SESSION_COOKIE, PortalRequest
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
@states(OPEN, OPEN_ADDRESS, FAILED_CREDENTIALS)
def open_visit(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Open a visit for the person the user token speaks of, and show its first page."""
    origin = request.headers.get("Origin", "")
    framed_by = ""
    try:
        project = sessions.project_of(project_id)
        if not sessions.may_embed(project=project, origin=origin):
            raise NotAllowed("origin_not_allowed")
        display = _display(request)
        framed_by = origin if display == PortalSession.Display.EMBED else ""
        opened = _opened(request, project, Opening(origin=origin, display=display))
        return _first_page(request, opened)
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


def _opened(request: HttpRequest, project: Project, opening: Opening) -> Opened:
    try:
        visitor = sessions.visitor(project=project, user_token=request.POST.get("user_token", ""))
    except SessionInvalid:
        limits.spend(request, FAILED_CREDENTIALS)
        raise
    limits.spend(request, OPEN, OPEN_ADDRESS, who=visitor.end_user)
    full = Opening(
        origin=opening.origin,
        display=opening.display,
        return_url=storable(request.POST.get("return_url", "")),
        locale=storable(request.POST.get("locale", "")),
        theme=request.POST.get("theme", ""),
    )
    return sessions.open_session(visitor=visitor, opening=full)


def _first_page(request: HttpRequest, opened: Opened) -> HttpResponse:
    session = opened.session
    mode = request.POST.get("mode", "install")
    if mode not in MODES or (mode == "reconnect" and not request.POST.get("connection_id")):
        raise NotAllowed("start_refused")
    visit = _as_visit(request, opened)
    flow = None if mode == "manage" else connect.begin(session=session, wish=_wish(request))
    if session.display != PortalSession.Display.EMBED:
        return _with_cookie(opened)
    return install.show(visit, flow) if flow else manage.show(visit)


def _wish(request: HttpRequest) -> Wish:
    kinds = (kind.strip() for kind in request.POST.getlist("account_type"))
    return Wish(
        integration=request.POST.get("integration", ""),
        account_types=tuple(kind for kind in kinds if kind),
        connection_id=request.POST.get("connection_id", ""),
        external_id=request.POST.get("external_id", ""),
    )


def _as_visit(request: HttpRequest, opened: Opened) -> PortalRequest:
    request.portal_session = opened.session  # type: ignore[attr-defined]
    embedded = opened.session.display == PortalSession.Display.EMBED
    request.handle = opened.handle.reveal() if embedded else ""  # type: ignore[attr-defined]
    return request  # type: ignore[return-value]


def _with_cookie(opened: Opened) -> HttpResponse:
    response = HttpResponseRedirect(reverse("portal"), status=303)
    response.set_cookie(
        SESSION_COOKIE,
        opened.handle.reveal(),
        max_age=int(sessions.ABSOLUTE.total_seconds()),
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
