"""The style sheet and the logo of a project, at addresses that change with what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from integrations import theming
from integrations.models import Branding, Project

FOR_GOOD, FOR_NOW = "public, max-age=31536000, immutable", "public, max-age=60"


@dataclass(frozen=True)
class Look:
    """What a page loads to look like its project, and whether it is light, dark or either."""

    style: str = ""
    logo: str = ""
    mode: str = "auto"


PLAIN = Look()


def look_of(project: Project) -> Look:
    """Return the look of a project's pages."""
    try:
        row = project.branding
    except Branding.DoesNotExist:
        return PLAIN
    named = [str(row.pk), row.digest()]
    return Look(
        style=reverse("look-style", args=named),
        logo=reverse("look-logo", args=named) if row.logo else "",
        mode=row.mode,
    )


@require_safe
def style(request: HttpRequest, project_id: UUID, digest: str) -> HttpResponse:
    """Answer a project's style sheet. Whoever asks: it holds four colours and a font."""
    row = _branding(project_id)
    answer = HttpResponse(theming.style_sheet(row.tokens()), content_type="text/css; charset=utf-8")
    return _kept(answer, row, digest)


@require_safe
def logo(request: HttpRequest, project_id: UUID, digest: str) -> HttpResponse:
    """Answer a project's logo, as an image and nothing else."""
    row = _branding(project_id)
    if not row.logo:
        raise Http404
    return _kept(HttpResponse(bytes(row.logo), content_type="image/png"), row, digest)


def _branding(project_id: UUID) -> Branding:
    row = Branding.objects.filter(pk=project_id, project__is_active=True).first()
    if row is None:
        raise Http404
    return row


def _kept(answer: HttpResponse, row: Branding, digest: str) -> HttpResponse:
    # A page that was drawn before the last change still gets a look, but not for good.
    answer.headers["Cache-Control"] = FOR_GOOD if digest == row.digest() else FOR_NOW
    return answer
