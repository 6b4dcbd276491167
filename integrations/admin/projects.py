"""Projects: where they may embed, where they return to, which keys they trust."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from integrations import apikeys, audit, members
from integrations.admin.base import (
    CSS,
    JS,
    ModelForm,
    ReadOnlyInline,
    TabularInline,
    actor,
    copy_field,
    link,
    listed,
)
from integrations.admin.keys import ApiKeyInline, KeyPages, SigningKeyInline
from integrations.admin.keysets import KeySetPage
from integrations.models import AllowedOrigin, Integration, Project, ReturnUrl

TOKENS = ("tokens_stopped", "read_alert_limit", "read_alert_freezes")
URL_ACTIONS: dict[type, tuple[str, str]] = {
    AllowedOrigin: ("origin", "origin"),
    ReturnUrl: ("return_url", "url"),
}


class OriginInline(TabularInline):
    """Where the portal may be embedded."""

    model = AllowedOrigin
    extra = 0


class ReturnUrlInline(TabularInline):
    """Where full-page visits may end."""

    model = ReturnUrl
    extra = 0
    verbose_name = "return URL"
    verbose_name_plural = "return URLs"


class IntegrationInline(ReadOnlyInline):
    """What the project offers."""

    model = Integration
    fields = ("slug_link", "provider_slug", "is_active")
    readonly_fields = fields
    ordering = ("slug",)

    @admin.display(description="slug")
    def slug_link(self, row: Integration) -> str:
        """A link to the integration's page."""
        return link(row, row.slug)


@admin.register(Project)
class ProjectAdmin(KeySetPage, KeyPages):
    """One vendor application each."""

    change_form_template = "admin/integrations/project/change_form.html"
    list_display = ("name", "id", "is_active", "integrations_count", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "=id")
    search_help_text = "Search by name or project id."
    ordering = ("name", "pk")
    fields = (
        "name",
        "is_active",
        "require_jti",
        "api_calls_per_minute",
        "project_id",
        "created_at",
        "see_also",
        *TOKENS,
    )
    readonly_fields = ("project_id", "created_at", "see_also")
    inlines = (OriginInline, ReturnUrlInline, IntegrationInline, SigningKeyInline, ApiKeyInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        """Count what each project offers, in the same query."""
        rows: QuerySet[Project] = super().get_queryset(request)
        active = Count("integrations", filter=Q(integrations__is_active=True))
        return rows.annotate(active_integrations=active)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse those tied to projects: they could not see the new one."""
        return not members.is_tied(request.user) and super().has_add_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask only for the name first."""
        return super().get_fields(request, obj) if obj else ("name",)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Show no lists before there is a project."""
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Create with an audit chain; record who did it and which fields changed."""
        if not change:
            _become(obj, audit.create_project(name=obj.name, actor=actor(request)))
            return
        stopped, obj.tokens_stopped = obj.tokens_stopped, form.initial["tokens_stopped"]
        super().save_model(request, obj, form, change)
        apikeys.set_tokens_stopped(project=obj, stopped=stopped, actor=actor(request))
        if form.changed_data:
            audit.record(
                project=obj,
                actor=actor(request),
                action="project.changed",
                subject=obj,
                fields=form.changed_data,
                is_active=obj.is_active,
            )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Record each origin and return URL that came or went."""
        if formset.model not in URL_ACTIONS:
            super().save_formset(request, form, formset, change)
            return
        kind, field = URL_ACTIONS[formset.model]
        before = set(formset.queryset.values_list(field, flat=True))
        super().save_formset(request, form, formset, change)
        after = set(formset.queryset.values_list(field, flat=True))
        for value in sorted(before - after):
            _record(request, form.instance, f"{kind}.removed", value)
        for value in sorted(after - before):
            _record(request, form.instance, f"{kind}.added", value)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the project's page, where the rest is filled in."""
        self.message_user(request, "The project was created. Now add origins, keys and providers.")
        return HttpResponseRedirect(reverse("admin:integrations_project_change", args=[obj.pk]))

    @admin.display(description="active integrations", ordering="active_integrations")
    def integrations_count(self, row: Any) -> int:
        """How many integrations are switched on."""
        return int(row.active_integrations)

    @admin.display(description="project id")
    def project_id(self, row: Project) -> str:
        """The id that code needs, ready to copy."""
        return copy_field("project-id", "Project id", str(row.pk))

    @admin.display(description="see also")
    def see_also(self, row: Project) -> str:
        """Links to the project's look, connections, flows and audit log."""
        look = format_html('<a href="{}">Look</a>', reverse("admin:look", args=[row.pk]))
        return format_html_join(
            " · ",
            "{}",
            (
                (look,),
                *(
                    (listed(model, text, project__id__exact=row.pk),)
                    for model, text in (
                        ("connection", "Connections"),
                        ("flow", "Flows"),
                        ("auditevent", "Audit events"),
                    )
                ),
            ),
        )

    class Media:
        css = CSS
        js = JS


def _become(obj: Project, created: Project) -> None:
    # The admin goes on with its own object, so that object becomes the one that was created.
    obj.pk, obj.audit_key, obj.created_at = created.pk, created.audit_key, created.created_at
    obj._state.adding, obj._state.db = False, created._state.db


def _record(request: HttpRequest, project: Project, action: str, value: str) -> None:
    audit.record(project=project, actor=actor(request), action=action, subject=project, value=value)
