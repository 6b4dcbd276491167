"""Checking a client in advance, and saying what the provider shows. Neither is ever needed."""

from __future__ import annotations

from django.http import HttpResponse

from integrations import access, connect, preflight, reporting, stages
from integrations.errors import InvalidInput
from integrations.limits import PAGE, PREFLIGHT, PREFLIGHT_CLIENT
from integrations.models import Flow
from portal import limits
from portal.limits import states
from portal.pages import install, sights
from portal.pages.rendering import rendered
from portal.pages.visit import PortalRequest, portal_page

OPEN = Flow.EDITABLE


@portal_page()
@states(PAGE, PREFLIGHT, PREFLIGHT_CLIENT)
def check(request: PortalRequest) -> HttpResponse:
    """Ask the provider about the person's own client; its answer stops nobody."""
    flow = _flow(request)
    limits.spend(request, PAGE)
    if flow.status not in OPEN or flow.client_version is None or not stages.enters_client(flow):
        return _whole(install.show(request, flow))
    preflight.ask_for(version=flow.client_version, who=request.portal_session)
    if request.headers.get("HX-Request"):
        return rendered(request, "install/_checks.html", install.review_screen(request, flow))
    return install.show(request, flow)


@portal_page()
@states(PAGE)
def problem(request: PortalRequest) -> HttpResponse:
    """Note what the person sees at the provider, and show what helps against it."""
    flow = _flow(request)
    limits.spend(request, PAGE)
    if flow.status not in OPEN or flow.client_version is None:
        return _whole(install.show(request, flow))
    place = request.POST.get("place", "")
    try:
        chosen = reporting.report(flow=flow, seen=request.POST.get("problem", ""))
        seen = sights.sight(flow, place=place, chosen=chosen)
    except InvalidInput as error:
        seen = sights.sight(flow, place=place, error=error.errors[0].message)
    if request.headers.get("HX-Request"):
        screen = install.waiting_screen(request, flow, sight=seen)
        return rendered(request, "install/_problems.html", screen)
    return install.show(request, flow, sight=seen)


def _flow(request: PortalRequest) -> Flow:
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    connect.end_if_stale(flow)
    return flow


def _whole(response: HttpResponse) -> HttpResponse:
    """Let a whole page take the place of the page, wherever a part of it was asked for."""
    response.headers["HX-Retarget"] = response.headers["HX-Reselect"] = "#page"
    response.headers["HX-Reswap"] = "outerHTML"
    return response
