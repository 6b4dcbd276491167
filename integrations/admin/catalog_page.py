"""A page of the admin that lists the catalog, to find a provider and switch it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse

from integrations.admin.base import ModelAdmin, page
from integrations.catalog import registry
from integrations.catalog.schema import Provider

MAX_QUERY = 80


@dataclass(frozen=True)
class Row:
    """One provider of the list."""

    provider: Provider
    logo: str
    add: str

    @property
    def own_hosts(self) -> bool:
        """Return whether each customer of the provider has a host of their own."""
        return bool(self.provider.host_settings())


class CatalogPage(ModelAdmin):
    """Adds the page to the admin of integrations."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page before the generated ones, which take any word for an id."""
        view = self.admin_site.admin_view(self.catalog_view)
        return [
            path("catalog/", view, name="integrations_integration_catalog"),
            *super().get_urls(),
        ]

    def catalog_view(self, request: HttpRequest) -> HttpResponse:
        """List providers, those of a category or whose name has the words searched for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        everything = registry.providers()
        wanted = request.GET.get("q", "")[:MAX_QUERY].strip()
        category = request.GET.get("category", "")
        found = [each for each in everything if _fits(each, wanted, category)]
        context = {
            "rows": [_row(each) for each in found],
            "total": len(everything),
            "categories": sorted({each.category for each in everything}, key=str.casefold),
            "category": category,
            "query": wanted,
            "may_add": self.has_add_permission(request),
        }
        return page(self, request, "integration/catalog.html", title="Catalog", **context)


def _fits(provider: Provider, wanted: str, category: str) -> bool:
    if category and provider.category != category:
        return False
    names = " ".join((provider.name, provider.slug, *provider.aliases)).casefold()
    return all(word in names for word in wanted.casefold().split())


def _logo(slug: str) -> str:
    # One from a folder of the operator may have none; manifest storage raises for those.
    known = finders.find(f"logos/{slug}.svg")
    return static(f"logos/{slug if known else '_provider'}.svg")


def _row(provider: Provider) -> Row:
    add = reverse("admin:integrations_integration_add")
    chosen: dict[str, Any] = {"provider_slug": provider.slug}
    return Row(provider, _logo(provider.slug), f"{add}?{urlencode(chosen)}")
