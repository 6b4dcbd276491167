"""Whose an app is: a person's own, or their whole organization's."""

from __future__ import annotations

from django.http import HttpResponse

from integrations import access, clients, connect, organizations
from integrations.errors import NotAllowed
from integrations.limits import PAGE
from integrations.models import Organization
from integrations.wording import said
from portal.limits import limited
from portal.pages import install, manage
from portal.pages.visit import PortalRequest, portal_page
from portal.texts import Notice


@portal_page()
@limited(PAGE)
def owner(request: PortalRequest) -> HttpResponse:
    """Go on with the organization's app, or with the person's own; each has its redirect URL."""
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    connect.set_up_for(flow=flow, owner=request.POST.get("owner", ""))
    return install.show(request, flow)


@portal_page()
@limited(PAGE)
def promote(request: PortalRequest) -> HttpResponse:
    """Make one of an administrator's own apps their organization's; it keeps its redirect URL."""
    session = request.portal_session
    client = access.client_of(who=session, pk=request.POST.get("client", ""))
    pk = organizations.organization_id(session)
    if pk is None or not organizations.is_admin(session):
        raise NotAllowed("org_admin_required")
    organization = Organization.objects.get(pk=pk)
    actor = access.actor_of(session)
    clients.promote(client=client, organization=organization, actor=actor)
    name = client.integration.provider.name
    title = said("Your {name} app is your organization's now", name=name)
    text = said("Colleagues connect through it without entering anything.")
    return manage.show(request, Notice("promoted", title, text))
