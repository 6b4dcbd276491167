"""Which account types single organizations have."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from integrations import audit
from integrations.admin.base import BoundedPaginator, ModelForm, Scoped, actor
from integrations.models import OrganizationPolicy


class PolicyForm(ModelForm):
    """One policy; organization and integration are of one project."""

    class Meta:
        model = OrganizationPolicy
        fields = ("organization", "integration", "choice")
        widgets = {"choice": forms.RadioSelect}

    def clean(self) -> Any:
        """Refuse an organization of another project."""
        found = super().clean() or self.cleaned_data
        organization, integration = found.get("organization"), found.get("integration")
        if organization and integration and organization.project_id != integration.project_id:
            raise ValidationError("The organization belongs to another project.")
        return found


@admin.register(OrganizationPolicy)
class OrganizationPolicyAdmin(Scoped):
    """What the vendor settled for single organizations. Without one, an integration's own rules."""

    form = PolicyForm
    list_display = ("organization", "integration", "choice")
    list_select_related = ("organization", "integration__project")
    list_filter = ("choice", "integration__project")
    search_fields = ("organization__external_id", "integration__slug")
    search_help_text = "Search by organization id or integration."
    ordering = ("organization__external_id", "integration__slug")
    autocomplete_fields = ("organization",)
    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep whom it is about."""
        return ("organization", "integration") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Save and record."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            _record(request, obj, "organization_policy.set", choice=obj.choice)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Record and delete: the integration's own rules hold again."""
        with transaction.atomic():
            _record(request, obj, "organization_policy.removed", choice=obj.choice)
            super().delete_model(request, obj)


def _record(request: HttpRequest, row: OrganizationPolicy, action: str, **data: object) -> None:
    audit.record(
        project=row.integration.project,
        actor=actor(request),
        action=action,
        subject=row,
        organization=row.organization.external_id,
        integration=row.integration.slug,
        **data,
    )
