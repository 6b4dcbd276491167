"""The page on which the vendor's staff give an organization an app: by a link, or somebody's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from integrations import clients, handoffs, organizations
from integrations.admin.base import (
    ReadOnlyAdmin,
    actor,
    copy_field,
    page,
    require_right,
    required_object,
)
from integrations.errors import NotAllowed
from integrations.models import Integration, OAuthClient, Organization
from integrations.models.projects import OWN_CLIENT

TEMPLATE = "organization/app.html"
REFUSALS = {
    "org_admin_required": "People enter this provider's address themselves, so only an "
    "administrator of the organization may set up its app, in the portal.",
    "organization_has_client": "The organization has an app of this integration already.",
    "client_not_usable": "The app does not belong to one of the organization's people any more.",
    "own_app_required": "The organization's policy does not allow it.",
    "default_app_required": "The organization's policy says that it connects with your app.",
    "account_type_not_allowed": "The integration does not offer own apps.",
}


class AppForm(forms.Form):
    """Where the app comes from."""

    integration = forms.ModelChoiceField(
        Integration.objects.none(),
        required=False,
        label="Make a link for",
        help_text="Whoever gets the link enters the app. You can open it yourself.",
    )
    client = forms.ModelChoiceField(
        OAuthClient.objects.none(),
        required=False,
        label="Or share the app of",
        help_text="It keeps its redirect URL, secret and connections.",
    )

    def __init__(self, organization: Organization, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = Integration.objects.filter(project=organization.project_id, is_active=True)
        theirs = OAuthClient.objects.filter(
            end_user__organization=organization, state=OAuthClient.State.ACTIVE
        )
        integration: Any = self.fields["integration"]
        client: Any = self.fields["client"]
        integration.queryset = offered.order_by("slug")
        client.queryset = theirs.select_related("integration", "end_user").order_by("-created_at")
        client.label_from_instance = lambda row: f"{row.end_user}: {row.integration.slug}"

    def clean(self) -> Any:
        """Take exactly one of the two."""
        chosen = [name for name in ("integration", "client") if self.cleaned_data.get(name)]
        if not self.errors and len(chosen) != 1:
            raise forms.ValidationError("Choose an integration or somebody's app, one of them.")
        return self.cleaned_data


class OrganizationApps(ReadOnlyAdmin):
    """The page, for the admin of organizations."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page below an organization's own."""
        view = self.admin_site.admin_view(self.app_view)
        return [
            path("<uuid:pk>/app/", view, name="integrations_organization_app"),
            *super().get_urls(),
        ]

    def app_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask where the app comes from; show the link, once, or share the app."""
        row: Organization = required_object(self, request, pk, "view")
        require_right(request, "change_oauthclient")
        data = request.POST if request.method == "POST" else None
        form, made = AppForm(row, data), None
        if request.method == "POST" and form.is_valid():
            try:
                if client := form.cleaned_data["client"]:
                    return _shared(request, row, client)
                made = _link(request, row, form.cleaned_data["integration"])
            except NotAllowed as error:
                form.add_error(None, REFUSALS.get(error.code, "This is not permitted."))
        return page(self, request, TEMPLATE, **_context(row, form, made))


def _context(row: Organization, form: AppForm, made: handoffs.Issued | None) -> dict[str, Any]:
    context: dict[str, Any] = {"title": "Set up an app", "original": row, "form": form}
    if made:
        url = settings.BASE_URL + reverse("handoff", args=[made.ticket.reveal()])
        context |= {"link": copy_field("link", "Link", url), "until": made.hand_off.expires_at}
    return context


def _link(
    request: HttpRequest, organization: Organization, integration: Integration
) -> handoffs.Issued:
    organizations.require_offered(
        kind=OWN_CLIENT, integration=integration, organization=organization.pk
    )
    client = organizations.client_or_draft(integration=integration, organization=organization.pk)
    return handoffs.issue_for_vendor(client=client, actor=actor(request))


def _shared(request: HttpRequest, organization: Organization, client: OAuthClient) -> HttpResponse:
    if client.integration.provider.host_settings():
        raise NotAllowed("org_admin_required")
    clients.promote(client=client, organization=organization, actor=actor(request))
    messages.success(request, "The app is the organization's now.")
    return redirect(reverse("admin:integrations_oauthclient_change", args=[client.pk]))
