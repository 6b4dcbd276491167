"""The end of a visit, by the person or by the page that shows it."""

from __future__ import annotations

from django.http import HttpResponse

from integrations.limits import PAGE
from integrations.models import Flow
from portal import sessions
from portal.limits import limited
from portal.middleware import CLEAR
from portal.pages.screens import EndedScreen
from portal.pages.visit import SESSION_COOKIE, PortalRequest, frame, page, portal_page


@portal_page()
@limited(PAGE)
def end(request: PortalRequest) -> HttpResponse:
    """End the visit. A portal that is only `closed` leaves a trip to the provider its time."""
    session = request.portal_session
    under_way = session.flows.filter(status__in=(*Flow.RUNNING, Flow.Status.AWAITING_CONFIRMATION))
    if request.POST.get("closed") == "1" and under_way.exists():
        return HttpResponse(status=204)
    shown = EndedScreen(frame=frame(request))
    sessions.end(session)
    response = page(request, "hosted/ended.html", shown)
    response.headers[CLEAR[0]] = CLEAR[1]
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response
