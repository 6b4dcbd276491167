"""For a host page whose policy forbids it to send forms: a page of ours in its frame sends them."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from integrations.errors import NotFound
from integrations.models import AllowedOrigin
from portal import sessions
from portal.pages import errors
from portal.pages.visit import from_our_pages


@require_GET
def frame(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Show an empty page that the project's origins may frame. It knows nobody and does nothing.

    Its script takes the fields of an opening from the page around it, and posts them with that
    page's origin, which the browser vouches for (HTML, MessageEvent.origin).
    """
    try:
        project = sessions.project_of(project_id)
    except NotFound as error:
        return errors.refused(request, error)
    rows = AllowedOrigin.objects.filter(project=project).order_by("origin")
    origins = list(rows.values_list("origin", flat=True))
    response = render(request, "embed/_frame.html", {"origins": " ".join(origins)})
    response._csp_replace = {"frame-ancestors": origins or ["'none'"]}  # type: ignore[attr-defined]
    response.xframe_options_exempt = True
    return response


def asking_origin(request: HttpRequest) -> str:
    """Return the origin of the page that opens a visit, also if our own page asks for it."""
    if from_our_pages(request) and request.POST.get("host_origin"):
        return str(request.POST["host_origin"])
    return request.headers.get("Origin", "")
