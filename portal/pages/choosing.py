"""The choice after the approval, such as one of several sites."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse

from integrations import access, connect
from integrations.errors import FlowClosed, InvalidInput
from integrations.limits import PAGE
from integrations.models import Flow
from integrations.picking import FIELD
from integrations.wording import said
from portal.limits import limited
from portal.pages import result
from portal.pages.screens import App, FormError, Frame
from portal.pages.visit import PortalRequest, app_of, frame, page, portal_page

FEW = 8


@dataclass(frozen=True)
class ChoosingScreen:
    """install/choose.html. `options` are (id, label, hint), offered as a list if there are few."""

    frame: Frame
    app: App
    flow_id: UUID
    label: str
    help: str
    options: tuple[tuple[str, str, str], ...]
    errors: tuple[FormError, ...] = ()

    @property
    def few(self) -> bool:
        """Whether all options are shown at once."""
        return len(self.options) <= FEW


@portal_page()
@limited(PAGE)
def choose(request: PortalRequest) -> HttpResponse:
    """Take what was chosen and show the result, or the list again with what is wrong."""
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    if flow.status == Flow.Status.COMPLETED:
        return result.show(request, flow)
    if flow.status == Flow.Status.NEEDS_OPTIONS and not request.POST.get(FIELD):
        return show(request, flow, (FormError(FIELD, said("Choose one of the list.")),))
    try:
        connect.save_post_options(flow=flow, choice=request.POST.get(FIELD, ""))
    except InvalidInput as error:
        found = tuple(FormError(each.field, each.message) for each in error.errors)
        return show(request, flow, found)
    flow = access.flow_of(who=request.portal_session, pk=flow.pk)
    return result.show(request, flow)


def show(request: PortalRequest, flow: Flow, errors: tuple[FormError, ...] = ()) -> HttpResponse:
    """Show what there is to choose. Raises FlowClosed if nobody can choose any more."""
    item = next(iter(flow.integration.provider.post_options.values()), None)
    if item is None or flow.connection is None or not flow.connection.post_options:
        raise FlowClosed
    offered = flow.connection.post_options
    screen = ChoosingScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        label=item.label,
        help=item.help,
        options=tuple((each["id"], each["label"], each["hint"]) for each in offered),
        errors=errors,
    )
    return page(request, "install/choose.html", screen, 422 if errors else 200)
