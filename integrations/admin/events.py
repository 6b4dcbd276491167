"""The audit log."""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from integrations.admin.base import CSS, ReadOnlyAdmin, link, plain
from integrations.models import AuditEvent

LONG_ID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}\b")
ACTOR_KINDS = (
    ("admin:", "Administrators"),
    ("command:", "Commands"),
    ("user:", "End users"),
    ("api_key:", "API keys"),
    ("system", "The service itself"),
)
# A fixed list: asking a log of millions which kinds it holds would read all of it.
OBJECT_TYPES = (
    ("project", "Projects"),
    ("integration", "Integrations"),
    ("oauthclient", "OAuth clients"),
    ("connection", "Connections"),
    ("flow", "Flows"),
    ("apikey", "API keys"),
    ("signingkey", "Signing keys"),
    ("enduser", "End users"),
)


class ActorFilter(admin.SimpleListFilter):
    """Who acted, by the beginning of the actor's name."""

    title = "actor"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the kinds of actors."""
        return ACTOR_KINDS

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events of the chosen kind; another value than those offered chooses nothing."""
        known = {value for value, _ in ACTOR_KINDS}
        chosen = self.value()
        return queryset.filter(actor__startswith=chosen) if chosen in known else queryset


class ObjectFilter(admin.SimpleListFilter):
    """What was acted on."""

    title = "object"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the kinds of objects."""
        return OBJECT_TYPES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events about the chosen kind."""
        known = {value for value, _ in OBJECT_TYPES}
        chosen = self.value()
        return queryset.filter(object_type=chosen) if chosen in known else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """What happened, newest first."""

    list_display = ("moment", "number", "action", "actor_short", "object_link", "project")
    list_display_links = ("moment",)
    list_select_related = ("project",)
    list_filter = ("project", ActorFilter, ObjectFilter)
    search_fields = ("=action", "=object_id", "actor")
    search_help_text = "Search by action, such as api_key.created, by object id or by actor."
    date_hierarchy = "at"
    ordering = ("-at", "-sequence")
    fields = (
        "at",
        "project_link",
        "sequence",
        "action",
        "actor_text",
        "object_link",
        "data_text",
        "previous_hash",
        "hash",
    )

    @admin.display(description="at", ordering="at")
    def moment(self, row: AuditEvent) -> str:
        """When it happened, to the second."""
        return date_format(timezone.localtime(row.at), "j M Y H:i:s")

    @admin.display(description="no.", ordering="sequence")
    def number(self, row: AuditEvent) -> int:
        """Its place in the project's chain."""
        return row.sequence

    @admin.display(description="actor", ordering="actor")
    def actor_short(self, row: AuditEvent) -> str:
        """Who did it, with a long id cut short."""
        return plain(LONG_ID.sub(r"\1…", row.actor))

    @admin.display(description="actor", ordering="actor")
    def actor_text(self, row: AuditEvent) -> str:
        """Who did it."""
        return plain(row.actor)

    @admin.display(description="project")
    def project_link(self, row: AuditEvent) -> str:
        """A link to the project."""
        return link(row.project)

    @admin.display(description="object")
    def object_link(self, row: AuditEvent) -> str:
        """A link to what it was done to, if that has a page."""
        text = f"{row.object_type} {row.object_id[:8]}"
        try:
            name = f"admin:integrations_{row.object_type}_change"
            return format_html('<a href="{}">{}</a>', reverse(name, args=[row.object_id]), text)
        except NoReverseMatch:
            return text

    @admin.display(description="data")
    def data_text(self, row: AuditEvent) -> str:
        """Ids and codes that belong to the event."""
        return format_html("<pre>{}</pre>", json.dumps(row.data, indent=2, ensure_ascii=False))

    class Media:
        css = CSS
