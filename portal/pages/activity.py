"""What happened with one of a person's connections, or with an app they may change."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse

from integrations import access, activity
from integrations.activity import Entry
from integrations.limits import PAGE
from portal.limits import limited
from portal.pages.screens import App, Frame
from portal.pages.visit import PortalRequest, app_of, frame, page, portal_page


@dataclass(frozen=True)
class ActivityScreen:
    """manage/activity.html. `account_label` is empty where it is about an app."""

    frame: Frame
    app: App
    account_label: str
    entries: tuple[Entry, ...]


@portal_page()
@limited(PAGE)
def show(request: PortalRequest) -> HttpResponse:
    """Tell what happened: with a connection, or with an app if that is named."""
    session = request.portal_session
    if pk := request.POST.get("client", ""):
        client = access.client_of(who=session, pk=pk)
        entries = activity.of_client(who=session, client=client)
        return _shown(request, app_of(client.integration), "", entries)
    connection = access.any_connection_of(who=session, pk=request.POST.get("connection", ""))
    entries = activity.of_connection(who=session, connection=connection)
    return _shown(request, app_of(connection.integration), connection.account_label, entries)


def _shown(
    request: PortalRequest, app: App, account_label: str, entries: tuple[Entry, ...]
) -> HttpResponse:
    screen = ActivityScreen(frame(request), app, account_label, entries)
    return page(request, "manage/activity.html", screen)
