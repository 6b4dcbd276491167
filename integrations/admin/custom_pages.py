"""Pages on which a project's own provider is described, looked at and kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from integrations import customizing, members
from integrations.admin import custom_forms
from integrations.admin.base import OneAtATime, actor, page, require_right, required_object
from integrations.admin.custom_forms import (
    CONFIRMED,
    REVIEWED,
    AddDescribedForm,
    DescribeForm,
    Reviewed,
)
from integrations.catalog import custom
from integrations.definitions import Described
from integrations.errors import InvalidInput
from integrations.models import Integration, Project

STALE = "What you looked at is not what would be kept now. Look at it again."
UNCONFIRMED = "Confirm each host, or go back: your clients' secrets and tokens would go there."


class DescribedProviderPages(OneAtATime):
    """Two pages, for the admin of integrations."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages before the generated ones, which take any word for an id."""
        wrap = self.admin_site.admin_view
        return [
            path("describe/", wrap(self.describe_view), name="integrations_integration_describe"),
            path(
                "<uuid:pk>/provider/",
                wrap(self.provider_view),
                name="integrations_integration_provider",
            ),
            *super().get_urls(),
        ]

    def describe_view(self, request: HttpRequest) -> HttpResponse:
        """Describe a provider that is not in the catalog, and switch it on."""
        require_right(request, "add_integration")
        return self._step(request, None)

    def provider_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Describe it anew, or read again what its issuer publishes."""
        integration: Integration = required_object(self, request, pk, "change")
        if integration.provider_slug != custom.SLUG:
            raise Http404
        return self._step(request, integration)

    def _step(self, request: HttpRequest, integration: Integration | None) -> HttpResponse:
        if REVIEWED in request.POST:
            return self._keep(request, integration)
        form = _form(request, integration)
        before = integration.custom_provider if integration else None
        described = None
        if request.method == "POST" and form.is_valid():
            described = form.described(before)
        if described is None:
            return self._form_page(request, integration, form)
        return self._review_page(
            request, integration, _shown(request, integration, form, described)
        )

    def _keep(self, request: HttpRequest, integration: Integration | None) -> HttpResponse:
        user = str(request.user.pk)
        found = custom_forms.reviewed(request.POST[REVIEWED], user=user, integration=integration)
        if found is None:
            messages.error(request, STALE)
            return redirect(request.path)
        if set(found.hosts) - set(request.POST.getlist(CONFIRMED)):
            return self._review_page(request, integration, found, error=UNCONFIRMED)
        try:
            row = self._kept(request, integration, found)
        except InvalidInput as error:
            messages.error(request, error.errors[0].message)
            return redirect(request.path)
        return redirect(reverse("admin:integrations_integration_change", args=[row.pk]))

    def _kept(
        self, request: HttpRequest, integration: Integration | None, found: Reviewed
    ) -> Integration:
        if integration is None:
            project = _projects(request).get(pk=found.project)
            row = customizing.create(
                project=project, slug=found.slug, data=found.data, actor=actor(request)
            )
            self.log_addition(request, row, "Described the provider")
            messages.success(request, "The integration was added. Now set its scopes and client.")
            return row
        clients, live = customizing.left_behind(integration, found.data)
        customizing.change(integration=integration, data=found.data, actor=actor(request))
        self.log_change(request, integration, "Changed the provider")
        messages.success(request, "The provider was changed.")
        if clients or live:
            messages.warning(request, _left_behind(clients, live))
        return integration

    def _form_page(
        self, request: HttpRequest, integration: Integration | None, form: DescribeForm
    ) -> HttpResponse:
        return page(
            self,
            request,
            "integration/describe.html",
            title="The provider" if integration else "Describe a provider",
            original=integration,
            form=form,
        )

    def _review_page(
        self,
        request: HttpRequest,
        integration: Integration | None,
        found: Reviewed,
        *,
        error: str = "",
    ) -> HttpResponse:
        counted = customizing.left_behind(integration, found.data) if integration else (0, 0)
        return page(
            self,
            request,
            "integration/review.html",
            title="What would be kept",
            original=integration,
            rows=custom_forms.rows(found.before, found.data),
            hosts=custom_forms.host_rows(found),
            own_host=custom_forms.own_host(found.data),
            notices=found.notices,
            warning=_left_behind(*counted) if any(counted) else "",
            error=error,
            reviewed=found.signed(),
            again=request.path,
        )


def _form(request: HttpRequest, integration: Integration | None) -> DescribeForm:
    typed = request.POST if request.method == "POST" else None
    if integration:
        return DescribeForm(typed, initial=custom_forms.initial(integration))
    form = AddDescribedForm(typed, initial={"project": request.GET.get("project")})
    field: Any = form.fields["project"]
    field.queryset = _projects(request)
    return form


def _projects(request: HttpRequest) -> Any:
    return members.visible(Project.objects.order_by("name"), request.user)


def _shown(
    request: HttpRequest, integration: Integration | None, form: DescribeForm, described: Described
) -> Reviewed:
    project = form.cleaned_data.get("project")
    return Reviewed(
        user=str(request.user.pk),
        project=str(project.pk) if project else "",
        slug=form.cleaned_data.get("slug", ""),
        integration=str(integration.pk) if integration else "",
        before=integration.custom_provider if integration else None,
        data=described.data,
        hosts={host: list(names) for host, names in described.hosts.items()},
        notices=list(described.notices),
    )


def _left_behind(clients: int, live: int) -> str:
    return (
        f"Clients whose secret has to be entered again: {clients}. Connections that stay with the "
        f"addresses before, until each person connects again: {live}."
    )
