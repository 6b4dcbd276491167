"""Pages for those who are limited where work of theirs would be lost, or a poll would end."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse

from integrations import choices
from integrations.clients import ClientConfig
from integrations.errors import RateLimited
from integrations.models import Flow
from integrations.models.projects import OWN_CLIENT
from portal import limits, texts
from portal.pages import options
from portal.pages.rendering import rendered
from portal.pages.screens import WaitingScreen
from portal.pages.visit import PortalRequest, page


def form_again(
    request: PortalRequest,
    flow: Flow,
    *,
    step: tuple[int, int],
    typed: tuple[ClientConfig, str],
    error: RateLimited,
) -> HttpResponse:
    """Show the form with all that was typed but the secret; nothing was saved.

    Raises `error` where no form would be shown.
    """
    if flow.status not in Flow.EDITABLE or flow.account_type != OWN_CLIENT:
        raise error
    config, scope_text = typed
    choices.keep_draft(flow=flow, config=config, scope_text=scope_text)
    notice = texts.notice("options_too_often")
    screen = options.screen(request, flow, step=step, notices=(notice,))
    response = page(request, "install/options.html", screen, 429)
    limits.told(response, error)
    return response


def poll_later(request: PortalRequest, screen: WaitingScreen, error: RateLimited) -> HttpResponse:
    """Let a page that polls too often go on later. Raises `error` for a button."""
    if not request.headers.get("HX-Request"):
        raise error
    later = replace(screen, delay=error.retry_after)
    response = rendered(request, "install/_poller.html", later, status=429)
    limits.told(response, error)
    return response
