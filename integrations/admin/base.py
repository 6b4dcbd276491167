"""What the pages of the admin share: read-only pages, names of actors, links, safe counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from integrations import members

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    ModelForm = forms.ModelForm[Any]
else:
    ModelAdmin, TabularInline, ModelForm = admin.ModelAdmin, admin.TabularInline, forms.ModelForm

CSS = {"all": ("admin_connect.css",)}
JS = ("admin_connect.js",)
COUNTED_ROWS = 10_000
NOTHING = "-"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Count at most COUNTED_ROWS rows: counting a log of millions would take seconds."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or COUNTED_ROWS if there are more."""
        rows: Any = self.object_list
        return int(rows[:COUNTED_ROWS].count())


class Scoped(ModelAdmin):
    """Rows of projects, shown to those who may see the project: in lists, pages and choices."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Keep to the projects of the person at work."""
        return members.visible(super().get_queryset(request), request.user)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer rows of those projects only."""
        rows = kwargs.get("queryset", db_field.related_model._default_manager.all())
        kwargs["queryset"] = members.visible(rows, request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Refuse to filter by a column without a filter: letter by letter, that reads it."""
        columns = self.opts.concrete_fields
        hidden = {each.name for each in columns if not (each.is_relation or each.primary_key)}
        filters: Sequence[Any] = self.get_list_filter(request)
        offered = {getattr(each, "parameter_name", each) for each in filters}
        if lookup.split(LOOKUP_SEP)[0] in hidden - offered - {self.date_hierarchy}:
            return False
        return super().lookup_allowed(lookup, value, request)


class ScopedFilter(admin.RelatedFieldListFilter):
    """A filter that names no row of a project the person may not see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the rows to choose from."""
        if not isinstance(model_admin, Scoped):
            return super().field_choices(field, request, model_admin)
        ordering = self.field_admin_ordering(field, request, model_admin)
        rows = members.visible(field.related_model._default_manager.all(), request.user)
        chosen = {"pk__in": rows.values("pk")}
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=chosen)


admin.FieldListFilter.register(lambda field: bool(field.remote_field), ScopedFilter, True)


class OneAtATime(Scoped):
    """Rows that are edited on a page of their own, never in bulk and never deleted."""

    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what hangs on the row is known to others. It is switched off instead."""
        return False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Ask again for secrets that were not kept while the person confirmed who they are."""
        form = super().get_form(request, obj, change, **kwargs)
        names = getattr(request, "secrets_dropped", ())
        return asking_again(form, names) if names else form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Leave out the button that adds another."""
        context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, *args, **kwargs)


class ReadOnlyAdmin(Scoped):
    """Rows that are looked at here and changed elsewhere."""

    paginator = BoundedPaginator
    show_full_result_count = False
    # Facets count the whole table once for every choice of every filter.
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    actions = None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Head the list with what it holds: there is nothing to select it for."""
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class ReadOnlyInline(TabularInline):
    """Related rows, shown only."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


def asking_again(form: type[ModelForm], names: Sequence[str]) -> type[ModelForm]:
    """Return the form, failing at these of its fields: what was typed there is gone."""

    class Again(form):  # type: ignore[misc, valid-type]
        def clean(self) -> Any:
            for name in names:
                if name in self.fields:
                    self.add_error(name, "Enter this again: secrets are not kept meanwhile.")
            return super().clean()

    return Again


def actor(request: HttpRequest) -> str:
    """Return how the audit log names the person at work."""
    return f"admin:{request.user.get_username()}"


def required_object(model_admin: ModelAdmin, request: HttpRequest, pk: UUID, action: str) -> Any:
    """Return a row the person may act on. Raises Http404 or PermissionDenied."""
    found = model_admin.get_queryset(request).filter(pk=pk).first()
    if found is None:
        raise Http404
    opts = model_admin.opts
    if not request.user.has_perm(f"{opts.app_label}.{action}_{opts.model_name}"):
        raise PermissionDenied
    return found


def require_right(request: HttpRequest, right: str) -> None:
    """Raise PermissionDenied for somebody without this right, such as "add_apikey"."""
    if not request.user.has_perm(f"integrations.{right}"):
        raise PermissionDenied


def page(
    model_admin: ModelAdmin, request: HttpRequest, template: str, **context: Any
) -> HttpResponse:
    """Return a page of the admin outside the generated ones."""
    shared = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts}
    return TemplateResponse(request, f"admin/integrations/{template}", {**shared, **context})


def link(target: models.Model | None, text: str = "") -> str:
    """Return a link to a row's own page. The text is set apart from what is around it."""
    if target is None:
        return NOTHING
    url = reverse(f"admin:integrations_{target._meta.model_name}_change", args=[target.pk])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url, text or str(target))


def copy_field(element_id: str, label: str, value: str) -> str:
    """Return a read-only field that selects itself and has a button to copy its value."""
    context = {"id": element_id, "label": label, "value": value}
    return render_to_string("admin/integrations/copy_field.html", context)


def listed(model_name: str, text: str, **filters: object) -> str:
    """Return a link to a list of rows, filtered."""
    url = reverse(f"admin:integrations_{model_name}_changelist")
    query = urlencode({name: str(value) for name, value in filters.items()})
    return format_html('<a href="{}?{}">{}</a>', url, query, text)


def plain(text: object) -> str:
    """Return text that someone outside typed, unable to turn the direction of its surroundings."""
    return format_html("<bdi>{}</bdi>", text) if text else NOTHING


def codes(names: list[str]) -> str:
    """Return scope names one under the other."""
    return format_html("<code>{}</code>", "\n".join(names)) if names else NOTHING
