"""Who is visiting: one decorator for all portal pages, and the frame that they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from integrations.errors import ConnectError, InvalidInput, NotAllowed, SessionInvalid
from integrations.models import EndUser, Integration, PortalSession
from portal import languages, logos, sessions, texts
from portal.middleware import frameable_by
from portal.pages import errors, looks
from portal.pages.rendering import rendered
from portal.pages.screens import App, Frame

SESSION_COOKIE = "__Host-cp_s" if settings.SECURE else "cp_s"


class PortalRequest(HttpRequest):
    """A request of a live portal session. `handle` is empty in a full-page visit."""

    portal_session: PortalSession
    handle: str


View = Callable[..., HttpResponse]


def portal_page(methods: Sequence[str] = ("POST",)) -> Callable[[View], View]:
    """Admit only requests that our own pages made, of a live session.

    A POST needs Origin equal to BASE_URL's (RFC 6454 section 7); that, with the handle or the
    SameSite cookie, is what stands in for Django's CSRF token here. Refusals become pages.
    """

    def decorator(view: View) -> View:
        @csrf_exempt
        @sensitive_post_parameters()
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return _by_address(request, methods)
            try:
                admit(request)
                response = view(request, *args, **kwargs)
                return keep_opener(response, request.portal_session)  # type: ignore[attr-defined]
            except InvalidInput:
                raise
            except ConnectError as error:
                return errors.refused(request, error)

        return guarded

    return decorator


def _by_address(request: HttpRequest, methods: Sequence[str]) -> HttpResponse:
    """Answer somebody who reloads a page by its address: where they stand, or a refusal."""
    home, visiting = reverse("portal"), SESSION_COOKIE in request.COOKIES
    if visiting and request.method == "GET" and request.path.startswith(home):
        return HttpResponseRedirect(home, status=303)
    refusal = errors.shown(request, texts.notice("start_refused"), 405)
    refusal.headers["Allow"] = ", ".join(methods)
    return refusal


@sensitive_variables("handle", "token")
def admit(request: HttpRequest) -> None:
    """Make `request` a PortalRequest. Raises NotAllowed or SessionInvalid."""
    if request.method == "POST" and not from_our_pages(request):
        raise NotAllowed("start_refused")
    handle = request.POST.get("handle", "")
    token = handle or request.COOKIES.get(SESSION_COOKIE, "")
    if not token or len(token) > 128:
        raise SessionInvalid
    session = sessions.session_of(token)
    shown = (PortalSession.Display.EMBED,) if handle else PortalSession.COOKIE
    if session.display not in shown:
        raise SessionInvalid
    # A browser has one cookie: another visit in it must not take what a page of this one posts.
    if not handle and request.method == "POST" and request.POST.get("visit") != str(session.pk):
        raise SessionInvalid("visit_replaced")
    languages.use(session.locale)
    request.portal_session = session  # type: ignore[attr-defined]
    request.handle = handle  # type: ignore[attr-defined]


def from_our_pages(request: HttpRequest) -> bool:
    """Return whether the browser says that a page of ours made this request."""
    same_site = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    return request.headers.get("Origin") == settings.BASE_ORIGIN and same_site


def frame(request: PortalRequest) -> Frame:
    """Return what every page of this visit shows and carries."""
    session = request.portal_session
    embedded = session.display == PortalSession.Display.EMBED
    look = looks.look_of(session.project)
    return Frame(
        vendor=session.project.name,
        person=name_of(session.end_user),
        handle=request.handle,
        visit="" if request.handle else str(session.pk),
        embedded=embedded,
        embed_origin=session.origin if embedded else "",
        theme=session.theme or look.mode,
        look=look,
        return_url=session.return_url,
    )


def keep_opener(response: HttpResponse, session: PortalSession) -> HttpResponse:
    """Let the page that opened this window see it closed: Django's default cuts them apart."""
    if session.display == PortalSession.Display.WINDOW:
        response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response


def name_of(end_user: EndUser) -> str:
    """Return how pages name a person."""
    return end_user.name or end_user.email or end_user.external_id


def app_of(integration: Integration) -> App:
    """Return the integration as pages show it."""
    # A provider whose file was taken away must not take the person's list away too.
    known = integration.is_known
    return App(
        slug=integration.slug,
        name=integration.provider.name if known else integration.slug,
        description=integration.description,
        logo=logos.address(integration.provider_slug),
    )


def page(request: PortalRequest, template: str, screen: object, status: int = 200) -> HttpResponse:
    """Render a screen; in an embedded visit only the session's origin may frame it."""
    response = rendered(request, template, screen, status=status)
    session = request.portal_session
    if session.display == PortalSession.Display.EMBED:
        return frameable_by(response, session.origin)
    return response
