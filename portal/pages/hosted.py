"""Links that open a visit. Looking at one uses nothing up; the button on its page does."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from integrations import access, tickets
from integrations.connect import Wish
from integrations.errors import ConnectError, NotAllowed
from integrations.limits import HOSTED
from integrations.models import Binding, PortalSession, VisitTicket
from integrations.secret import Secret
from portal.limits import limited
from portal.pages import errors, looks, opening
from portal.pages.rendering import rendered
from portal.pages.screens import HostedScreen
from portal.pages.visit import View, app_of, from_our_pages, name_of
from portal.sessions import Opening


def worded(view: View) -> View:
    """Show refusals as pages, and keep the address, which holds the ticket, out of Referer."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except ConnectError as error:
            response = errors.refused(request, error)
        # Not "no-referrer": the button's own POST would then have the Origin null.
        response.headers["Referrer-Policy"] = "strict-origin"
        return response

    return wrapped


# No cookie speaks for anybody here: the ticket does, and the Origin says that our page posted it.
@csrf_exempt
@worded
@require_http_methods(["GET", "POST"])
@limited(HOSTED)
@sensitive_variables()
def link(request: HttpRequest, ticket: str) -> HttpResponse:
    """Say for whom and for what the link is; its button opens the visit, once."""
    row = tickets.visit(ticket=Secret(ticket), kind=VisitTicket.Kind.HOSTED)
    if request.method == "POST":
        return _opened(request, row)
    screen = HostedScreen(
        vendor=row.project.name,
        person=name_of(row.end_user),
        app=app_of(access.active_integration(project=row.project, slug=row.integration))
        if row.integration
        else None,
        action=request.path,
        look=looks.look_of(row.project),
    )
    return rendered(request, "hosted/link.html", screen)


def _opened(request: HttpRequest, row: VisitTicket) -> HttpResponse:
    if not from_our_pages(request):
        raise NotAllowed("start_refused")
    wish = Wish(row.integration, tuple(row.account_types)) if row.integration else None
    made, _ = opening.opened(
        caller=opening.by_ticket(row),
        opening=Opening(
            origin=settings.BASE_ORIGIN,
            display=PortalSession.Display.PAGE,
            return_url=row.return_url,
            # Whoever was sent the link may have passed it on.
            binding=Binding.WEAK,
        ),
        wish=wish,
    )
    return opening.with_cookie(made)
