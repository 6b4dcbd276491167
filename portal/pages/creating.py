"""What registers the app at the provider, filled in with what stands in the form."""

from __future__ import annotations

from django.http import HttpResponse

from integrations import access, choices, connect
from integrations.errors import NotAllowed
from integrations.limits import PAGE
from integrations.models import Flow
from integrations.models.projects import OWN_CLIENT
from portal.limits import limited
from portal.pages import install, options
from portal.pages.rendering import rendered
from portal.pages.visit import PortalRequest, portal_page


@portal_page()
@limited(PAGE)
def fill_in(request: PortalRequest) -> HttpResponse:
    """Keep what was typed, all but the secret, and show the artefacts that follow from it.

    A script gets this part alone; without one, the form is shown again.
    """
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    connect.end_if_stale(flow)
    if flow.account_type != OWN_CLIENT or flow.status not in Flow.EDITABLE:
        raise NotAllowed("account_type_not_allowed")
    config, scope_text = options.read(request.POST, flow.integration.provider)
    choices.keep_draft(flow=flow, config=config, scope_text=scope_text)
    if request.headers.get("HX-Request"):
        screen = options.screen(request, flow, step=(1, 1))
        return rendered(request, "install/_create.html", screen)
    return install.form_page(request, flow)
