"""The page of somebody whose colleague enters the app: the link, and that they wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils.formats import date_format

from integrations.models import Flow, HandOff, OAuthClient
from integrations.secret import Secret
from integrations.wording import said
from portal.pages.screens import App, Frame
from portal.pages.visit import PortalRequest, app_of, frame, page

POLL_EVERY = 5


@dataclass(frozen=True)
class SentScreen:
    """install/sent.html. `link` and `message` are empty once the link was shown.

    `shared` says that the app will be the whole organization's.
    """

    frame: Frame
    app: App
    flow_id: UUID
    until: datetime
    shared: bool
    seen: str
    link: str = field(default="", repr=False)
    message: str = field(default="", repr=False)
    delay: int = POLL_EVERY


def show(
    request: PortalRequest, flow: Flow, row: HandOff, ticket: Secret | None = None
) -> HttpResponse:
    """Show the page; the link only when it was made just now, as nobody knows it afterwards."""
    link = f"{settings.BASE_URL}{reverse('handoff', args=[ticket.reveal()])}" if ticket else ""
    screen = SentScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        until=row.expires_at,
        shared=row.oauth_client.owner == OAuthClient.Owner.ORGANIZATION,
        seen=flow.updated_at.isoformat(),
        link=link,
        message=_message(flow, row, link) if link else "",
    )
    return page(request, "install/sent.html", screen)


def _message(flow: Flow, row: HandOff, link: str) -> str:
    return said(
        "Please register an app for {vendor} at {provider} and enter its details here. The page "
        "says how, step by step. The link works once, until {day}: {link}",
        vendor=flow.project.name,
        provider=flow.integration.provider.name,
        day=date_format(row.expires_at, "DATE_FORMAT"),
        link=link,
    )
