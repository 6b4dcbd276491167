"""Error pages: the same for every refusal, also inside an iframe."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from integrations.errors import (
    AuthorizationFailed,
    ConnectError,
    IntegrityBroken,
    NotAllowed,
    NotFound,
    RateLimited,
    SessionInvalid,
)
from integrations.models import PortalSession
from integrations.wording import said
from portal import limits, texts
from portal.middleware import CLEAR, frameable_by, request_id
from portal.pages import looks
from portal.pages.rendering import rendered
from portal.pages.screens import ErrorScreen
from portal.texts import Notice

STATUS = {
    NotFound: 404,
    NotAllowed: 403,
    SessionInvalid: 401,
    AuthorizationFailed: 400,
    RateLimited: 429,
    IntegrityBroken: 500,
}


def refused(request: HttpRequest, error: ConnectError, *, framed_by: str = "") -> HttpResponse:
    """Show a refusal. `framed_by` is an origin already checked, which may then show it framed."""
    session: PortalSession | None = getattr(request, "portal_session", None)
    if session and session.display == PortalSession.Display.EMBED:
        framed_by = session.origin
    framed_by = framed_by or getattr(error, "origin", "")
    vendor = session.project.name if session else said("the app you came from")
    notice = texts.notice(error.code, vendor=vendor)
    response = shown(request, notice, STATUS.get(type(error), 400), framed_by=framed_by)
    limits.told(response, error)
    if isinstance(error, SessionInvalid):
        response.headers[CLEAR[0]] = CLEAR[1]
    return response


def shown(
    request: HttpRequest, notice: Notice, status: int, *, framed_by: str = ""
) -> HttpResponse:
    """Render the error page."""
    screen = ErrorScreen(
        notice=notice,
        request_id=request_id(request),
        embed_origin=framed_by,
        status=status,
        look=_look(request),
    )
    response = rendered(request, "errors/error.html", screen, status=status)
    return frameable_by(response, framed_by) if framed_by else response


def _look(request: HttpRequest) -> looks.Look:
    session: PortalSession | None = getattr(request, "portal_session", None)
    return looks.look_of(session.project) if session else looks.PLAIN


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400: the request could not be read."""
    text = said("The request was too large or could not be read. Nothing was changed.")
    notice = Notice(
        "bad_request", said("We could not read this request"), text, said("Go back and try again.")
    )
    return shown(request, notice, 400)


def forbidden(
    request: HttpRequest, exception: Exception | None = None, reason: str = ""
) -> HttpResponse:
    """Answer 403, also for a missing CSRF token in the admin."""
    text = said("The page it came from may be out of date. Nothing was changed.")
    notice = Notice(
        "forbidden", said("This request was refused"), text, said("Reload the page and try again.")
    )
    return shown(request, notice, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    text = said("The address may be mistyped, or the page has ended.")
    return shown(request, Notice("not_found", said("There is no page here"), text), 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without saying anything about what failed."""
    return shown(request, texts.notice("internal_error"), 500)
