"""The trip to the provider and back: start, callback, done. Order matters in all three."""

from __future__ import annotations

from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from integrations import access, authorization, connect, tickets
from integrations.authorization import Response
from integrations.errors import AuthorizationFailed, ConnectError, NotAllowed
from integrations.limits import START
from integrations.models import Flow, PortalSession
from integrations.secret import Secret
from portal import languages, limits, sessions
from portal.limits import limited, states
from portal.pages import errors, looks, sights
from portal.pages.rendering import rendered
from portal.pages.screens import DoneScreen, LeavingScreen
from portal.pages.visit import SESSION_COOKIE, PortalRequest, View, app_of, frame, portal_page

COOKIE_PREFIX = "__Host-cp_f_" if settings.SECURE else "cp_f_"
MAX_TICKET, MAX_STATES = 128, 4
# What some providers call the code, and how much else a callback may carry.
OTHER_CODE, MAX_PARAMS = "code", 40
MAX_QUERY, LIMITS = 8_192, {"state": 128, "code": 4_096, "iss": 512, "error": 64}
LEAVING_CSP = {
    "default-src": ["'none'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "script-src": ["'none'"],
    "connect-src": ["'none'"],
    "form-action": ["'none'"],
}


def opener_kept(view: View) -> View:
    """Do not cut the window from its opener: Django's own default would (HTML, COOP)."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
        return response

    return wrapped


# Origin and handle, or Origin and a start ticket, are compared below for each of the two callers.
@opener_kept
@csrf_exempt
@states(START)
def start(request: HttpRequest) -> HttpResponse:
    """Bind this browser to a new authorization request and lead it to the provider.

    Only by POST, from our own pages or with a start ticket from the page it was made for: a link
    that starts a flow could be sent to somebody else. Answers 200 with a page that leads on,
    because browsers apply form-action to every redirect after a form, also to the provider's own.
    """
    if request.method == "POST" and "start_ticket" in request.POST:
        return _from_host_page(request)
    return _from_our_page(request)


@portal_page()
@limited(START)
def _from_our_page(request: PortalRequest) -> HttpResponse:
    _require_navigation(request)
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    return _leaving(request, flow)


@sensitive_variables()
def _from_host_page(request: HttpRequest) -> HttpResponse:
    try:
        _require_navigation(request)
        row = tickets.start(Secret(request.POST.get("start_ticket", "")[:MAX_TICKET]))
        session = sessions.live(row.session_id)
        # The origin is compared before the ticket is used: a refusal must not use it up.
        if not _is_from(request, session):
            raise NotAllowed("start_refused")
        request.portal_session, request.handle = session, ""  # type: ignore[attr-defined]
        limits.spend(request, START)
        tickets.use_start(row)
        flow = access.flow_of(who=session, pk=row.flow_id)
        return _leaving(request, flow)  # type: ignore[arg-type]
    except ConnectError as error:
        return errors.refused(request, error)


def _is_from(request: HttpRequest, session: PortalSession) -> bool:
    origin = request.headers.get("Origin", "")
    headless = session.display == PortalSession.Display.HEADLESS
    named = headless and bool(origin) and origin == session.origin
    return named and sessions.may_embed(project=session.project, origin=origin)


def _require_navigation(request: HttpRequest) -> None:
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        raise NotAllowed("start_refused")
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        raise NotAllowed("start_refused")


def _leaving(request: PortalRequest, flow: Flow) -> HttpResponse:
    trip = connect.authorize(flow=flow)
    shared = frame(request)
    screen = LeavingScreen(
        vendor=shared.vendor,
        person=shared.person,
        app=app_of(flow.integration),
        url=trip.url,
        look=shared.look,
    )
    response = rendered(request, "oauth/leaving.html", screen)
    response._csp_replace = LEAVING_CSP  # type: ignore[attr-defined]
    response.headers["Referrer-Policy"] = "no-referrer"
    _bind(response, flow, trip.browser_token)
    return response


@opener_kept
@require_GET
@sensitive_variables()
def callback(request: HttpRequest, slot: str) -> HttpResponse:
    """Take the authorization response, and leave its query behind by a 303."""
    if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
        return HttpResponse(status=204)
    try:
        flow = connect.complete(slot=slot, response=_response(request), cookies=_cookies(request))
    except ConnectError as error:
        answer = errors.refused(request, error)
    else:
        answer = HttpResponseRedirect(reverse("oauth-done", args=[flow.pk]), status=303)
        # A late answer to an earlier trip must not unbind the one under way.
        if flow.status not in Flow.RUNNING:
            answer.delete_cookie(_cookie_name(flow), path="/")
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@opener_kept
@require_GET
def done(request: HttpRequest, flow_id: UUID) -> HttpResponse:
    """Say how it ended. Knows nothing but the flow's public id, so it names no account."""
    flow = get_object_or_404(
        Flow.objects.select_related("integration__project", "project", "session"), pk=flow_id
    )
    connect.end_if_stale(flow)
    languages.use(flow.session.locale)
    vendor, app = flow.project.name, app_of(flow.integration)
    failed = flow.status in (Flow.Status.FAILED, Flow.Status.CANCELLED, Flow.Status.EXPIRED)
    back = _return_url(flow)
    screen = DoneScreen(
        vendor=vendor,
        app=app,
        flow_id=flow.pk,
        outcome=_outcome(flow, failed=failed),
        notice=sights.failure(flow) if failed else None,
        return_path=_return_path(request, flow),
        confirm_url=f"{back}?cp_flow={flow.pk}" if back and _unconfirmed(flow) else "",
        host_url=back if _headless(flow) else "",
        host_origin=flow.session.origin if _headless(flow) else "",
        way_back=_way_back(flow),
        look=looks.look_of(flow.project),
    )
    response = rendered(request, "oauth/done.html", screen)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _unconfirmed(flow: Flow) -> bool:
    return flow.status == Flow.Status.AWAITING_CONFIRMATION


def _headless(flow: Flow) -> bool:
    return flow.session.display == PortalSession.Display.HEADLESS


def _return_path(request: HttpRequest, flow: Flow) -> str:
    # The cookie of another visit says nothing about where this flow began.
    full_page = flow.session.display in PortalSession.COOKIE
    return reverse("portal") if full_page and SESSION_COOKIE in request.COOKIES else ""


def _return_url(flow: Flow) -> str:
    """Return where the person goes on, as long as the project still registers it."""
    url = flow.session.return_url
    return url if url and sessions.registered(flow.project, url) else ""


def _way_back(flow: Flow) -> str:
    session = flow.session
    if session.display != PortalSession.Display.EMBED:
        return ""
    embeds = sessions.may_embed(project=flow.project, origin=session.origin)
    return _return_url(flow) or (f"{session.origin}/" if embeds else "")


def _outcome(flow: Flow, *, failed: bool) -> str:
    if failed:
        return "failed"
    if _unconfirmed(flow):
        return "unconfirmed"
    if flow.status == Flow.Status.NEEDS_OPTIONS:
        return "choosing"
    return "connected" if flow.status == Flow.Status.COMPLETED else "waiting"


def _response(request: HttpRequest) -> Response:
    """Read the answer's parameters.

    Raises AuthorizationFailed for one given twice or too long, after failing the flow whose state
    it carries: no provider answers so, and what follows would not be this answer either.
    """
    too_long = len(request.META.get("QUERY_STRING", "")) > MAX_QUERY
    found = {name: request.GET.getlist(name) for name in LIMITS}
    params = tuple((name, value) for name, values in request.GET.lists() for value in values)
    # The repr of a request has its query, and reports of errors have that repr in every frame.
    request.META |= {"QUERY_STRING": "", "RAW_URI": request.path}
    if too_long or len(params) > MAX_PARAMS or not _well_formed(found, params):
        known = dict.fromkeys(found["state"][:MAX_STATES])
        connect.spoil(Secret(state) for state in known if len(state) <= LIMITS["state"])
        raise AuthorizationFailed("state_unknown")
    one = {name: values[0] if values else "" for name, values in found.items()}
    return Response(
        state=Secret(one["state"]),
        code=Secret(one["code"]) if one["code"] else None,
        error=one["error"],
        iss=one["iss"] if found["iss"] else None,
        params=params,
    )


def _well_formed(found: dict[str, list[str]], params: tuple[tuple[str, str], ...]) -> bool:
    for name, values in found.items():
        if len(values) > 1 or any(len(value) > LIMITS[name] for value in values):
            return False
    if any(found["error"]):
        return any(found["state"]) and not any(found["code"])
    # Which name the provider uses is known with the state; here it only has to be a code's.
    named = any(value for name, value in params if name.endswith(OTHER_CODE))
    return any(found["state"]) and named


def _cookie_name(flow: Flow) -> str:
    return f"{COOKIE_PREFIX}{authorization.cookie_key(flow)}"


def _cookies(request: HttpRequest) -> dict[str, str]:
    return {
        name.removeprefix(COOKIE_PREFIX): value
        for name, value in request.COOKIES.items()
        if name.startswith(COOKIE_PREFIX)
    }


def _bind(response: HttpResponse, flow: Flow, browser_token: Secret) -> None:
    # Lax, not Strict: a Strict cookie is missing when the provider's page was interactive.
    response.set_cookie(
        _cookie_name(flow),
        browser_token.reveal(),
        max_age=int(authorization.LIFETIME.total_seconds()),
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )
