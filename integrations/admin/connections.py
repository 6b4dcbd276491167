"""Connections: what is connected, what needs attention. Never the tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse

from integrations import revocation
from integrations.admin.base import (
    CSS,
    NOTHING,
    ReadOnlyAdmin,
    actor,
    codes,
    link,
    page,
    plain,
    required_object,
)
from integrations.models import AuditEvent, Connection
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT

Status = Connection.Status
NEEDS_ATTENTION = (Status.PENDING, Status.LIMITED, Status.INVALID)
TIMELINE_EVENTS = 50


class StatusFilter(admin.SimpleListFilter):
    """Status, without what was disconnected unless that is asked for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the views of the list, then the single states."""
        views = [("attention", "Needs attention"), ("all", "All, also disconnected")]
        return [*views, *((status.value, status.label) for status in Status)]

    def choices(self, changelist: ChangeList) -> Any:
        """Name the default by what it leaves out."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "All but disconnected"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the connections of the chosen view."""
        value = self.value()
        if value == "attention":
            return queryset.filter(status__in=NEEDS_ATTENTION)
        if value in Status.values:
            return queryset.filter(status=value)
        return queryset if value == "all" else queryset.exclude(status=Status.DISCONNECTED)


class MissingFilter(admin.SimpleListFilter):
    """Whether required scopes were not granted."""

    title = "missing scopes"
    parameter_name = "missing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return yes and no."""
        return [("yes", "Some are missing"), ("no", "None is missing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the connections with or without gaps."""
        if self.value() == "yes":
            return queryset.exclude(missing_scopes=[])
        return queryset.filter(missing_scopes=[]) if self.value() == "no" else queryset


class AccountTypeFilter(admin.SimpleListFilter):
    """Whose app the connection uses."""

    title = "app"
    parameter_name = "app"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the two account types."""
        return [(DEFAULT_ACCOUNT, "Your app"), (OWN_CLIENT, "The customer's own app")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the connections of the chosen type."""
        return queryset.filter(account_type=self.value()) if self.value() else queryset


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    """End users' accounts at providers."""

    change_form_template = "admin/integrations/connection/change_form.html"
    list_display = (
        "user_text",
        "organization",
        "integration_slug",
        "account_text",
        "app",
        "status_text",
        "scopes_count",
        "missing_count",
        "created_at",
    )
    list_select_related = ("end_user__organization", "integration__project")
    list_filter = (StatusFilter, AccountTypeFilter, MissingFilter, "project", "integration")
    search_fields = (
        "=id",
        "=external_id",
        "end_user__external_id",
        "end_user__email",
        "account_label",
    )
    search_help_text = "Search by connection id, external id, user id, email or account."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "pk")
    fieldsets = (
        (None, {"fields": ("id", "status_text", "revocation", "account_text", "external_id")}),
        ("Whose", {"fields": ("project_link", "user_link", "organization")}),
        ("How", {"fields": ("integration_link", "app", "client_link")}),
        ("Scopes", {"fields": ("requested_text", "granted_text", "missing_text")}),
        ("When", {"fields": ("created_at", "updated_at", "disconnected_at", "timeline")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before disconnecting."""
        own = path(
            "<uuid:pk>/disconnect/",
            self.admin_site.admin_view(self.disconnect_view),
            name="integrations_connection_disconnect",
        )
        return [own, *super().get_urls()]

    def disconnect_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask, then erase the tokens and keep the shell."""
        row = required_object(self, request, pk, "change")
        back = redirect(reverse("admin:integrations_connection_change", args=[pk]))
        if row.status in Connection.GONE:
            messages.info(request, "This connection is disconnected already.")
            return back
        if request.method != "POST":
            crumb = f"{row.integration.slug} of {row.end_user}"
            template = "connection/disconnect.html"
            return page(self, request, template, title="Disconnect", original=row, crumb=crumb)
        revocation.disconnect(connection=row, actor=actor(request))
        messages.success(request, "The connection was disconnected. No more tokens are handed out.")
        return back

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Head the page with words instead of ids."""
        row = self.get_object(request, object_id)
        subtitle = f"{row.integration.slug} of {row.end_user}" if row else None
        kwargs["extra_context"] = {**(kwargs.get("extra_context") or {}), "subtitle": subtitle}
        return super().change_view(request, object_id, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """Leave out what the provider said about the account: it is for the vendor's backend."""
        rows: QuerySet[Connection] = super().get_queryset(request)
        return rows.defer("provider_data")

    @admin.display(description="user", ordering="end_user__external_id")
    def user_text(self, row: Connection) -> str:
        """Who connected it."""
        return plain(row.end_user)

    @admin.display(description="organization")
    def organization(self, row: Connection) -> str:
        """The user's organization."""
        return plain(row.end_user.organization)

    @admin.display(description="account", ordering="account_label")
    def account_text(self, row: Connection) -> str:
        """What the provider calls the account."""
        return plain(row.account_label)

    @admin.display(description="app", ordering="account_type")
    def app(self, row: Connection) -> str:
        """Whose OAuth app it uses."""
        return "Yours" if row.account_type == DEFAULT_ACCOUNT else "Customer's own"

    @admin.display(description="status", ordering="status")
    def status_text(self, row: Connection) -> str:
        """The state and, if it needs a person, the reason."""
        return f"{row.status} ({row.reason})" if row.reason else row.status

    @admin.display(description="integration", ordering="integration__slug")
    def integration_slug(self, row: Connection) -> str:
        """The integration, without its project: that is a filter."""
        return row.integration.slug

    @admin.display(description="missing")
    def missing_count(self, row: Connection) -> str:
        """How many required scopes were not granted."""
        return str(len(row.missing_scopes)) if row.missing_scopes else NOTHING

    @admin.display(description="scopes")
    def scopes_count(self, row: Connection) -> int:
        """How many scopes were granted."""
        return len(row.scopes)

    @admin.display(description="missing scopes")
    def missing_text(self, row: Connection) -> str:
        """Which required scopes were not granted."""
        return codes(row.missing_scopes)

    @admin.display(description="requested")
    def requested_text(self, row: Connection) -> str:
        """What was asked for."""
        return codes(row.requested_scopes)

    @admin.display(description="granted")
    def granted_text(self, row: Connection) -> str:
        """What the provider granted."""
        return codes(row.scopes)

    @admin.display(description="project")
    def project_link(self, row: Connection) -> str:
        """A link to the project."""
        return link(row.project)

    @admin.display(description="user")
    def user_link(self, row: Connection) -> str:
        """A link to the end user."""
        return link(row.end_user)

    @admin.display(description="integration")
    def integration_link(self, row: Connection) -> str:
        """A link to the integration."""
        return link(row.integration)

    @admin.display(description="OAuth client")
    def client_link(self, row: Connection) -> str:
        """A link to the client, with the slot that its redirect URL ends in."""
        return link(row.oauth_client, row.oauth_client.slot)

    @admin.display(description="history")
    def timeline(self, row: Connection) -> str:
        """The newest audit events about it, oldest first."""
        events = AuditEvent.objects.filter(project_id=row.project_id, object_id=str(row.pk))
        newest = events.order_by("-sequence")[:TIMELINE_EVENTS]
        stages = [(event.at, f"{event.action} by {event.actor}") for event in reversed(newest)]
        return render_to_string("admin/integrations/timeline.html", {"stages": stages})

    class Media:
        css = CSS
