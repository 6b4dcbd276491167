"""Integrations: which providers a project offers, on which terms, with which client."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from integrations import audit, clients, rotation
from integrations.admin import artefacts
from integrations.admin.base import (
    CSS,
    JS,
    NOTHING,
    ModelForm,
    actor,
    codes,
    copy_field,
    listed,
)
from integrations.admin.catalog_page import CatalogPage
from integrations.admin.clients import secret_status
from integrations.admin.custom_pages import DescribedProviderPages
from integrations.admin.funnel import FunnelField
from integrations.admin.guide_reports import GuideField
from integrations.admin.integration_forms import (
    AddIntegrationForm,
    ChangeIntegrationForm,
    catalog_entry,
    change_form,
    client_field_names,
    current_version,
)
from integrations.admin.scope_grid import ScopeLists
from integrations.admin.snippets import rendered, snippets
from integrations.models import ClientVersion, Integration, OAuthClient
from integrations.models.projects import DEFAULT_ACCOUNT

IDENTITY = ("project", "provider_name", "slug")
POLICY = ("is_active", "account_types", "description")
WIDE = ("wide",)


@admin.register(Integration)
class IntegrationAdmin(FunnelField, GuideField, CatalogPage, DescribedProviderPages):
    """A provider switched on in a project."""

    list_display = ("slug", "provider_name", "project", "is_active", "types", "client_set")
    list_select_related = ("project",)
    list_filter = ("is_active", "project")
    search_fields = ("slug", "provider_slug", "project__name")
    search_help_text = "Search by slug, provider or project."
    ordering = ("project__name", "slug")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        """Find out in the same query whose client is set."""
        rows: QuerySet[Integration] = super().get_queryset(request)
        vendor = OAuthClient.objects.filter(
            integration=OuterRef("pk"), owner=OAuthClient.Owner.VENDOR, state="ACTIVE"
        )
        return rows.annotate(vendor_client_set=Exists(vendor))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Ask for the provider first, and for what that provider needs afterwards."""
        kwargs["form"] = change_form(catalog_entry(obj)) if obj else AddIntegrationForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show policy and client of what exists; as text to those who may only look."""
        if obj is None:
            return ((None, {"fields": AddIntegrationForm.Meta.fields}),)
        if not self.has_change_permission(request, obj):
            shown = (*IDENTITY, "is_active", "types", "description", "scopes", "client_status")
            return ((None, {"fields": shown}),)
        scopes = {"fields": ("scope_policy", "custom_scopes_allowed")}
        sections = [(None, {"fields": (*IDENTITY, *POLICY, "see_also")}), ("Scopes", scopes)]
        sections.insert(1, ("How far people come", {"fields": ("funnel", "guide_reports")}))
        sections.append(("Calls through the portal", {"fields": ("proxy_rules",)}))
        provider = catalog_entry(obj)
        if provider:
            ready = ("artefacts",) if provider.create else ()
            fields = {"fields": ("redirect_url", *ready, *client_field_names(provider))}
            sections.append(("Your client", {**fields, "classes": WIDE}))
        sections.append(("In your application", {"fields": ("to_copy",), "classes": WIDE}))
        return sections

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep what other people's code and providers already know."""
        shown = ("redirect_url", "artefacts", "see_also", "to_copy", "funnel", "guide_reports")
        return (*IDENTITY, *shown) if obj else ()

    @method_decorator(sensitive_post_parameters("client_secret"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep the secret out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Save, record, and store the client through the one function that may."""
        super().save_model(request, obj, form, change)
        if form.changed_data:
            audit.record(
                project=obj.project,
                actor=actor(request),
                action="integration.changed" if change else "integration.created",
                subject=obj,
                fields=form.changed_data,
                **_policy(obj),
            )
        if isinstance(form, ChangeIntegrationForm):
            self._store_client(request, obj, form)

    def _store_client(
        self, request: HttpRequest, obj: Integration, form: ChangeIntegrationForm
    ) -> None:
        if form.client_touched():
            saved = form.store_client(actor=actor(request))
            for notice in saved.notices.values():
                messages.info(request, notice)
            _tell_left_behind(request, saved.version)
        offers_own = DEFAULT_ACCOUNT in obj.account_types
        if obj.is_active and offers_own and current_version(obj) is None:
            text = "People cannot connect through your app yet: enter its client below."
            messages.warning(request, text)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to scopes and client."""
        messages.success(request, "The integration was added. Now set its scopes and your client.")
        return HttpResponseRedirect(reverse("admin:integrations_integration_change", args=[obj.pk]))

    @admin.display(description="provider", ordering="provider_slug")
    def provider_name(self, row: Integration) -> str:
        """The provider's name, also if its file is gone."""
        entry = catalog_entry(row)
        return entry.name if entry else f"{row.provider_slug} (not in the catalog)"

    @admin.display(description="account types")
    def types(self, row: Integration) -> str:
        """The account types offered."""
        return ", ".join(row.account_types)

    @admin.display(description="your client", boolean=True)
    def client_set(self, row: Any) -> bool:
        """Whether the vendor's client is set."""
        return bool(row.vendor_client_set)

    @admin.display(description="your client")
    def client_status(self, row: Integration) -> str:
        """What may be said about the vendor's secret."""
        return secret_status(current_version(row))

    @admin.display(description="default scopes")
    def scopes(self, row: Integration) -> str:
        """The default scopes as stored."""
        lists = ScopeLists.of(row)
        return NOTHING if lists.default is None else codes(list(lists.default))

    @admin.display(description="redirect URL")
    def redirect_url(self, row: Integration) -> str:
        """The URL to register at the provider. The slot is made when it is first shown."""
        url = clients.vendor_client(row).redirect_uri()
        return copy_field("redirect-url", "Redirect URL", url)

    @admin.display(description="create it for me")
    def artefacts(self, row: Integration) -> str:
        """What registers the app, with the redirect URL and the default scopes filled in."""
        return artefacts.shown(row, row.provider)

    @admin.display(description="see also")
    def see_also(self, row: Integration) -> str:
        """A link to what is connected."""
        return listed("connection", "Connections", integration__id__exact=row.pk)

    @admin.display(description="to copy")
    def to_copy(self, row: Integration) -> str:
        """What a developer copies to offer it."""
        entry = catalog_entry(row)
        return rendered(snippets(row, name=entry.name if entry else row.slug))

    class Media:
        css = CSS
        js = JS


def _tell_left_behind(request: HttpRequest, version: ClientVersion) -> None:
    rows = rotation.bound_to_old_app(client=version.oauth_client, version=version)
    if count := rows.count():
        text = (
            f"Connections that stay with the app before, until each person connects again: {count}."
        )
        messages.warning(request, text)


def _policy(integration: Integration) -> dict[str, Any]:
    return {
        "is_active": integration.is_active,
        "account_types": integration.account_types,
        "default_scopes": integration.default_scopes,
        "required_scopes": integration.required_scopes,
        "allowed_scopes": integration.allowed_scopes,
        "custom_scopes_allowed": integration.custom_scopes_allowed,
        "proxy_rules": integration.proxy_rules,
    }
