"""The vendor admin's tool: Django's admin, with secrets that can be written and never read."""

from django.contrib import admin

from integrations.admin import (
    clients,
    connections,
    deliveries,
    events,
    flows,
    integrations,
    people,
    policies,
    projects,
    staff,
    webhooks,
)

__all__ = [
    "clients",
    "connections",
    "deliveries",
    "events",
    "flows",
    "integrations",
    "people",
    "policies",
    "projects",
    "staff",
    "webhooks",
]

admin.site.site_header = "Connect Portal"
admin.site.site_title = "Connect Portal"
admin.site.index_title = "Administration"
admin.site.site_url = None
