"""The trip to the provider and back: start, callback, done. Order matters in all three."""

from __future__ import annotations

from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from integrations import access, authorization, connect
from integrations.authorization import Response
from integrations.errors import AuthorizationFailed, ConnectError, NotAllowed
from integrations.limits import START
from integrations.models import Flow
from integrations.secret import Secret
from portal import texts
from portal.limits import limited
from portal.pages import errors
from portal.pages.screens import DoneScreen, LeavingScreen
from portal.pages.visit import SESSION_COOKIE, PortalRequest, View, app_of, frame, portal_page

COOKIE_PREFIX = "__Host-cp_f_" if settings.SECURE else "cp_f_"
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


@opener_kept
@portal_page()
@limited(START)
def start(request: PortalRequest) -> HttpResponse:
    """Bind this browser to a new authorization request and lead it to the provider.

    Only by POST from our own pages: a link that starts a flow could be sent to somebody else.
    Answers 200 with a page that leads on, because browsers apply form-action to every redirect
    after a form, also to the provider's own.
    """
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        raise NotAllowed("start_refused")
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        raise NotAllowed("start_refused")
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    trip = connect.authorize(flow=flow)
    shared = frame(request)
    screen = LeavingScreen(
        vendor=shared.vendor, person=shared.person, app=app_of(flow.integration), url=trip.url
    )
    response = render(request, "oauth/leaving.html", {"screen": screen})
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
    vendor, provider = flow.project.name, flow.integration.provider.name
    failed = flow.status in (Flow.Status.FAILED, Flow.Status.CANCELLED, Flow.Status.EXPIRED)
    code = flow.error_code or "flow_closed"
    screen = DoneScreen(
        vendor=vendor,
        app=app_of(flow.integration),
        flow_id=flow.pk,
        outcome=_outcome(flow, failed=failed),
        notice=texts.notice(code, provider=provider, vendor=vendor) if failed else None,
        return_path=reverse("portal") if SESSION_COOKIE in request.COOKIES else "",
    )
    response = render(request, "oauth/done.html", {"screen": screen})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _outcome(flow: Flow, *, failed: bool) -> str:
    if failed:
        return "failed"
    return "connected" if flow.status == Flow.Status.COMPLETED else "waiting"


def _response(request: HttpRequest) -> Response:
    """Read the answer's parameters. Raises AuthorizationFailed for one given twice or too long."""
    if len(request.META.get("QUERY_STRING", "")) > MAX_QUERY:
        raise AuthorizationFailed("state_unknown")
    found: dict[str, str | None] = {}
    for name, limit in LIMITS.items():
        values = request.GET.getlist(name)
        if len(values) > 1 or any(len(value) > limit for value in values):
            raise AuthorizationFailed("state_unknown")
        found[name] = values[0] if values else None
    if not found["state"] or bool(found["code"]) == bool(found["error"]):
        raise AuthorizationFailed("state_unknown")
    return Response(
        state=Secret(found["state"]),
        code=Secret(found["code"]) if found["code"] else None,
        error=found["error"] or "",
        iss=found["iss"],
    )


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
