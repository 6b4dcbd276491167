"""OAuth clients: the slots and what is known about what they hold. Never the secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format

from integrations.admin.base import (
    CSS,
    JS,
    NOTHING,
    ReadOnlyAdmin,
    ReadOnlyInline,
    copy_field,
    link,
    listed,
    plain,
)
from integrations.models import ClientVersion, OAuthClient

DAY = "j M Y"
SOON = timedelta(days=30)
OWNERS = {"vendor": "You", "organization": "Organization", "end_user": "User"}


def secret_status(version: ClientVersion | None) -> str:
    """Return what may be said about a stored secret."""
    if version is None:
        return "Not set"
    ends = f", ends in {version.last4}" if version.last4 else ""
    return f"Set{ends}, added {date_format(version.created_at, DAY)}"


class ExpiryFilter(admin.SimpleListFilter):
    """When the secret in use ends, as far as anybody said."""

    title = "secret"
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return what there may be to do."""
        return [("soon", f"Expires within {SOON.days} days"), ("over", "Expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the clients whose secret ends soon, or has ended."""
        # A secret is good until its day is over.
        today = datetime.now(UTC).date()
        if self.value() == "soon":
            days = (today, today + SOON)
            return queryset.filter(current_version__secret_expires_on__range=days)
        if self.value() == "over":
            return queryset.filter(current_version__secret_expires_on__lt=today)
        return queryset


class VersionInline(ReadOnlyInline):
    """What the slot held over time."""

    model = ClientVersion
    verbose_name_plural = "versions, newest first"
    fields = ("number", "client_id_text", "secret", "settings_text", "secret_expires_on")
    readonly_fields = fields
    ordering = ("-number",)

    @admin.display(description="client id")
    def client_id_text(self, row: ClientVersion) -> str:
        """The client id, as text of others."""
        return plain(row.client_id)

    @admin.display(description="secret")
    def secret(self, row: ClientVersion) -> str:
        """Whether there is a secret, and since when."""
        return secret_status(row)

    @admin.display(description="settings")
    def settings_text(self, row: ClientVersion) -> str:
        """The settings that were saved with it."""
        return ", ".join(f"{name}: {value}" for name, value in row.settings.items()) or NOTHING


@admin.register(OAuthClient)
class OAuthClientAdmin(ReadOnlyAdmin):
    """The slots. A vendor's client is edited on the page of its integration."""

    list_display = (
        "short_slot",
        "integration_slug",
        "owner_text",
        "state",
        "client_id",
        "is_set",
        "expires",
    )
    list_display_links = ("short_slot",)
    list_select_related = ("integration", "current_version", "end_user", "organization")
    list_filter = ("owner", "state", ExpiryFilter, "integration__project")
    search_fields = (
        "slot",
        "current_version__client_id",
        "end_user__external_id",
        "organization__external_id",
    )
    search_help_text = "Search by slot, client id, user id or organization id."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "pk")
    inlines = (VersionInline,)
    fields = (
        "integration_link",
        "owner_text",
        "state",
        "redirect_url",
        "client_id",
        "secret",
        "expires",
        "created_at",
        "connections_link",
    )

    @admin.display(description="slot", ordering="slot")
    def short_slot(self, row: OAuthClient) -> str:
        """The beginning of the slot."""
        return f"{row.slot[:8]}…"

    @admin.display(description="integration", ordering="integration__slug")
    def integration_slug(self, row: OAuthClient) -> str:
        """The integration, without its project: that is a filter."""
        return row.integration.slug

    @admin.display(description="secret set", boolean=True)
    def is_set(self, row: OAuthClient) -> bool:
        """Whether a secret is saved, as a tick or a cross."""
        return row.current_version_id is not None

    @admin.display(description="owner", ordering="owner")
    def owner_text(self, row: OAuthClient) -> str:
        """Whose app it is."""
        owner = row.end_user or row.organization
        return plain(f"{OWNERS[row.owner]} {owner}" if owner else OWNERS[row.owner])

    @admin.display(description="client id", ordering="current_version__client_id")
    def client_id(self, row: OAuthClient) -> str:
        """The client id in use."""
        return plain(row.current_version.client_id if row.current_version else "")

    @admin.display(description="secret")
    def secret(self, row: OAuthClient) -> str:
        """Whether a secret is saved."""
        return secret_status(row.current_version)

    @admin.display(description="secret expires", ordering="current_version__secret_expires_on")
    def expires(self, row: OAuthClient) -> str:
        """When the secret ends, if someone said so."""
        day = row.current_version.secret_expires_on if row.current_version else None
        return date_format(day, DAY) if day else NOTHING

    @admin.display(description="integration")
    def integration_link(self, row: OAuthClient) -> str:
        """A link to the integration."""
        return link(row.integration)

    @admin.display(description="redirect URL")
    def redirect_url(self, row: OAuthClient) -> str:
        """The URL to register at the provider, ready to copy."""
        return copy_field("redirect-url", "Redirect URL", row.redirect_uri())

    @admin.display(description="connections")
    def connections_link(self, row: OAuthClient) -> str:
        """A link to what was connected with it."""
        return listed("connection", "See its connections", oauth_client__id__exact=row.pk)

    class Media:
        css = CSS
        js = JS
