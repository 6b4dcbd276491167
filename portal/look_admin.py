"""The admin's page on which a project's look is chosen, with its pages beside the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.views.decorators.clickjacking import xframe_options_sameorigin

from integrations import audit, members, theming
from integrations.models import Branding, Project
from integrations.theming import DARK, LIGHT
from portal.pages.looks import PLAIN, Look, look_of
from portal.pages.rendering import rendered
from portal.pages.specimens import specimens

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Branding]
else:
    ModelForm = forms.ModelForm

SCREENS = (("choose", "Choosing"), ("review", "An error"), ("result", "Limited"))
RIGHT = "integrations.change_project"
FRAMED = {"frame-src": ["'self'"]}
BY_US = {"frame-ancestors": ["'self'"], "form-action": ["'none'"], "script-src": ["'none'"]}


class LookForm(ModelForm):
    """The tokens of a look."""

    class Meta:
        model = Branding
        fields = ("accent", "radius", "font", "mode")
        widgets = {"accent": forms.TextInput(attrs={"type": "color"})}


def urls(site: AdminSite) -> list[URLPattern]:
    """Return the page and the one it frames."""
    return [
        path("look/<uuid:pk>/", site.admin_view(_choose(site)), name="look"),
        path("look/<uuid:pk>/preview/", site.admin_view(preview), name="look-preview"),
        path("look/<uuid:pk>/preview.css", site.admin_view(preview_style), name="look-preview-css"),
    ]


def _choose(site: AdminSite) -> Any:
    def choose(request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show the form and the preview; with a valid form, keep the look."""
        project = _project(request, pk)
        # Before the form: what it reads into the row is not checked yet.
        logo = look_of(project).logo
        row = Branding.objects.filter(pk=pk).first() or Branding(project=project)
        if request.method == "POST":
            form = LookForm(request.POST, instance=row)
            if form.is_valid():
                _keep(request, project, form)
                return redirect(request.path)
        else:
            form = LookForm({**_saved(row), **request.GET.dict()}, instance=row)
        sound = form.is_valid()
        query = urlencode({**request.GET.dict(), **(_saved(form.instance) if sound else {})})
        context = {
            **site.each_context(request),
            "title": "Look",
            "project": project,
            "form": form,
            "sound": sound,
            "corrections": tuple(_corrections(form.instance.accent)) if sound else (),
            "screens": SCREENS,
            "shown": request.GET,
            "preview": reverse("admin:look-preview", args=[pk]),
            "query": query,
            "logo": logo,
        }
        response = TemplateResponse(request, "admin/integrations/project/look.html", context)
        response._csp_update = FRAMED  # type: ignore[attr-defined]
        return response

    return choose


@xframe_options_sameorigin
def preview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one of the portal's pages with the look that is being chosen. Nothing on it works."""
    project = _project(request, pk)
    saved = look_of(project)
    form = _asked(request, project)
    address = f"{reverse('admin:look-preview-css', args=[pk])}?{request.GET.urlencode()}"
    look = Look(style=address, logo=saved.logo, mode=saved.mode) if form.is_valid() else PLAIN
    theme = request.GET.get("theme", "") or form["mode"].value() or "auto"
    arabic = request.GET.get("direction") == "rtl"
    with translation.override("ar" if arabic else "en"):
        shown = specimens(vendor=project.name, look=look, theme=str(theme))
        template, screen = shown.get(request.GET.get("screen", ""), shown["choose"])
        response = rendered(request, template, screen)
    response._csp_replace = BY_US  # type: ignore[attr-defined]
    return response


def preview_style(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer the style sheet of the look that is being chosen."""
    form = _asked(request, _project(request, pk))
    if not form.is_valid():
        raise Http404
    sheet = theming.style_sheet(form.instance.tokens())
    return HttpResponse(sheet, content_type="text/css; charset=utf-8")


def _saved(row: Branding) -> dict[str, str]:
    return {name: str(getattr(row, name)) for name in LookForm.Meta.fields}


def _asked(request: HttpRequest, project: Project) -> LookForm:
    asked = {name: request.GET.get(name, "") for name in LookForm.Meta.fields}
    return LookForm(asked, instance=Branding(project=project))


def _project(request: HttpRequest, pk: UUID) -> Project:
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    project = members.visible(Project.objects.all(), request.user).filter(pk=pk).first()
    if project is None:
        raise Http404
    return project


def _keep(request: HttpRequest, project: Project, form: LookForm) -> None:
    actor = f"admin:{request.user.get_username()}"
    with transaction.atomic():
        form.save()
        audit.record(project=project, actor=actor, action="project.look_changed", subject=project)
    messages.success(request, "The look was saved. Pages opened from now on have it.")


def _corrections(accent: str) -> Any:
    """Say for each theme which colour is shown, and how well it can be read."""
    for theme, ground in (("light", LIGHT), ("dark", DARK)):
        colours = theming.palette(accent, ground)
        yield theme, colours.accent, colours.accent != accent, f"{colours.contrast:.1f}"
