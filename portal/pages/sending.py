"""Handing the own-client form over to a colleague, and taking it back."""

from __future__ import annotations

from django.http import HttpResponse

from integrations import access, connect, handoffs
from integrations.limits import PAGE
from integrations.models.projects import OWN_CLIENT
from portal.limits import limited
from portal.pages import install, sent
from portal.pages.visit import PortalRequest, portal_page


@portal_page()
@limited(PAGE)
def send(request: PortalRequest) -> HttpResponse:
    """Make a link for a colleague and show it, once; one made before ends."""
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    if flow.account_type != OWN_CLIENT:
        connect.choose_account_type(flow=flow, account_type=OWN_CLIENT)
        if flow.client_version_id:
            # The organization has an app already: there is nothing for anybody to enter.
            return install.show(request, flow)
    made = handoffs.issue(flow=flow)
    return sent.show(request, flow, made.hand_off, made.ticket)


@portal_page()
@limited(PAGE)
def withdraw(request: PortalRequest) -> HttpResponse:
    """End the link and show the form to the person again."""
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    handoffs.revoke(flow=flow)
    return install.show(request, flow)
