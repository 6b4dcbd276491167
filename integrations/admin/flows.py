"""Flows: how far each attempt came, and why it ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from integrations.admin.base import CSS, NOTHING, ReadOnlyAdmin, codes, link, plain
from integrations.models import AuditEvent, Flow

REQUEST_WORDS = {
    "PENDING": "Waiting for the provider's answer",
    "CLAIMED": "The provider answered",
    "FAILED": "This trip to the provider failed",
}


@admin.register(Flow)
class FlowAdmin(ReadOnlyAdmin):
    """Attempts to install an integration."""

    list_display = (
        "short_id",
        "integration",
        "end_user_text",
        "status",
        "code",
        "reported",
        "created_at",
    )
    list_display_links = ("short_id",)
    list_select_related = ("integration__project", "end_user")
    list_filter = ("status", "account_type", "project", "integration")
    search_fields = ("=id", "=error_code", "end_user__external_id", "end_user__email")
    search_help_text = "Search by flow id, error code, user id or email."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "pk")
    fields = (
        "id",
        "status",
        "code",
        "project_link",
        "integration_link",
        "end_user_link",
        "account_type",
        "client_link",
        "connection_link",
        "scopes_text",
        "timeline",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        """Leave out what was typed into the form."""
        rows: QuerySet[Flow] = super().get_queryset(request)
        return rows.defer("draft").annotate(problems_reported=Count("problems"))

    @admin.display(description="flow", ordering="id")
    def short_id(self, row: Flow) -> str:
        """The beginning of the id, as it appears in logs."""
        return str(row.pk)[:8]

    @admin.display(description="end user")
    def end_user_text(self, row: Flow) -> str:
        """Who was connecting."""
        return plain(row.end_user)

    @admin.display(description="error code", ordering="error_code")
    def code(self, row: Flow) -> str:
        """The public code of the failure."""
        return row.error_code or NOTHING

    @admin.display(description="saw at provider", ordering="problems_reported")
    def reported(self, row: Any) -> int:
        """How many things the person said they saw at the provider."""
        return int(row.problems_reported)

    @admin.display(description="project")
    def project_link(self, row: Flow) -> str:
        """A link to the project."""
        return link(row.project)

    @admin.display(description="integration")
    def integration_link(self, row: Flow) -> str:
        """A link to the integration."""
        return link(row.integration)

    @admin.display(description="end user")
    def end_user_link(self, row: Flow) -> str:
        """A link to the end user."""
        return link(row.end_user)

    @admin.display(description="OAuth client")
    def client_link(self, row: Flow) -> str:
        """A link to the client it used."""
        return link(row.oauth_client)

    @admin.display(description="connection")
    def connection_link(self, row: Flow) -> str:
        """A link to what came of it."""
        return link(row.connection, "Connection") if row.connection else NOTHING

    @admin.display(description="scopes")
    def scopes_text(self, row: Flow) -> str:
        """What was asked for."""
        return codes(row.scopes)

    @admin.display(description="timeline")
    def timeline(self, row: Flow) -> str:
        """The stages with their times, oldest first."""
        return render_to_string("admin/integrations/timeline.html", {"stages": stages(row)})

    class Media:
        css = CSS


def stages(flow: Flow) -> list[tuple[datetime, str]]:
    """Return what happened in a flow, oldest first, as moments and words."""
    return sorted(_stages(flow), key=lambda stage: stage[0])


def _stages(flow: Flow) -> Iterator[tuple[datetime, str]]:
    yield flow.created_at, "The flow was opened"
    for request in flow.requests.defer("code_verifier"):
        yield request.created_at, "Sent to the provider"
        if request.claimed_at:
            yield request.claimed_at, REQUEST_WORDS[request.status]
    for event in AuditEvent.objects.filter(project_id=flow.project_id, object_id=str(flow.pk)):
        yield event.at, event.action
    code = f" with {flow.error_code}" if flow.error_code else ""
    yield flow.updated_at, f"Last change: {flow.get_status_display()}{code}"
