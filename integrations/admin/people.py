"""End users and organizations: rows that user tokens make."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from integrations.admin.base import ReadOnlyAdmin, link, listed, plain
from integrations.admin.organization_apps import OrganizationApps
from integrations.models import EndUser, Organization


@admin.register(EndUser)
class EndUserAdmin(ReadOnlyAdmin):
    """Who connects accounts."""

    list_display = ("external_id_text", "name_text", "email", "organization", "project")
    list_display_links = ("external_id_text",)
    list_select_related = ("organization", "project")
    list_filter = ("project",)
    search_fields = ("external_id", "name", "email")
    search_help_text = "Search by id in your application, name or email."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "pk")
    fields = (
        "external_id_text",
        "name_text",
        "email",
        "organization_link",
        "project_link",
        "created_at",
        "connections_link",
    )

    @admin.display(description="user id", ordering="external_id")
    def external_id_text(self, row: EndUser) -> str:
        """The user token's `sub`."""
        return plain(row.external_id)

    @admin.display(description="name", ordering="name")
    def name_text(self, row: EndUser) -> str:
        """The name the vendor gave."""
        return plain(row.name)

    @admin.display(description="organization")
    def organization_link(self, row: EndUser) -> str:
        """A link to the organization."""
        return link(row.organization)

    @admin.display(description="project")
    def project_link(self, row: EndUser) -> str:
        """A link to the project."""
        return link(row.project)

    @admin.display(description="connections")
    def connections_link(self, row: EndUser) -> str:
        """A link to the user's connections."""
        return listed("connection", "See this user's connections", end_user__id__exact=row.pk)


@admin.register(Organization)
class OrganizationAdmin(OrganizationApps):
    """The vendor's customers."""

    list_display = ("external_id_text", "project")
    list_select_related = ("project",)
    list_filter = ("project",)
    search_fields = ("external_id",)
    search_help_text = "Search by id in your application."
    ordering = ("external_id",)
    fields = (
        "external_id_text",
        "project_link",
        "users_link",
        "apps_link",
        "policies_link",
        "app_link",
    )

    @admin.display(description="organization id", ordering="external_id")
    def external_id_text(self, row: Organization) -> str:
        """The user token's `org`."""
        return plain(row.external_id)

    @admin.display(description="project")
    def project_link(self, row: Organization) -> str:
        """A link to the project."""
        return link(row.project)

    @admin.display(description="end users")
    def users_link(self, row: Organization) -> str:
        """A link to the organization's people."""
        return listed("enduser", "See this organization's people", organization__id__exact=row.pk)

    @admin.display(description="apps")
    def apps_link(self, row: Organization) -> str:
        """A link to the clients that everybody in it uses."""
        return listed("oauthclient", "See its apps", organization__id__exact=row.pk)

    @admin.display(description="policies")
    def policies_link(self, row: Organization) -> str:
        """A link to what was settled for it."""
        return listed("organizationpolicy", "See its policies", organization__id__exact=row.pk)

    @admin.display(description="new app")
    def app_link(self, row: Organization) -> str:
        """A link to the page that gives it an app."""
        url = reverse("admin:integrations_organization_app", args=[row.pk])
        return format_html('<a href="{}">Set up an app</a>', url)
