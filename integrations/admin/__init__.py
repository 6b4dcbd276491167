"""The vendor admin's tool: Django's admin, with secrets that can be written and never read."""

from django.contrib import admin

from integrations.admin import (
    clients,
    connections,
    events,
    flows,
    integrations,
    people,
    projects,
    staff,
)

__all__ = [
    "clients",
    "connections",
    "events",
    "flows",
    "integrations",
    "people",
    "projects",
    "staff",
]

admin.site.site_header = "Connect Portal"
admin.site.site_title = "Connect Portal"
admin.site.index_title = "Administration"
admin.site.site_url = None
