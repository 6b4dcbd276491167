"""Addresses of admin pages and the forms they expect."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from integrations.models import Integration, Project


def url(name: str, *args: Any) -> str:
    """Return an admin page of the app: `url("project_change", pk)`."""
    return reverse(f"admin:integrations_{name}", args=args)


def project_form(project: Project, **changed: Any) -> dict[str, Any]:
    """Return what the project page posts when nothing was touched."""
    form: dict[str, Any] = {"name": project.name, "read_alert_limit": project.read_alert_limit}
    if project.is_active:
        form["is_active"] = "on"
    for prefix, field in (("allowed_origins", "origin"), ("return_urls", "url")):
        rows = list(getattr(project, prefix).order_by("pk"))
        form |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": len(rows)}
        for number, row in enumerate(rows):
            form[f"{prefix}-{number}-id"] = row.pk
            form[f"{prefix}-{number}-project"] = project.pk
            form[f"{prefix}-{number}-{field}"] = getattr(row, field)
    for prefix in ("integrations", "signing_keys", "api_keys"):
        form |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return {name: value for name, value in {**form, **changed}.items() if value is not None}


def integration_form(integration: Integration, **changed: Any) -> dict[str, Any]:
    """Return what the integration page posts when nothing was touched but what is named."""
    form: dict[str, Any] = {
        "is_active": "on",
        "account_types": integration.account_types,
        "description": integration.description,
        "custom_scopes_allowed": "on",
        "scope_policy-follow": "on",
        "client_id": "",
        "client_secret": "",
        "secret_expires_on": "",
    }
    for setting in integration.provider.settings:
        form[f"setting_{setting.name}"] = setting.default
    return {name: value for name, value in {**form, **changed}.items() if value is not None}
