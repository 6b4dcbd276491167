"""What the database holds, to be compared before and after something that may change nothing."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from integrations.models import (
    AuditEvent,
    AuthorizationRequest,
    ClientVersion,
    Connection,
    Credential,
    EndUser,
    Flow,
    Integration,
    OAuthClient,
    Project,
)

TRIPS: tuple[type[Model], ...] = (Flow, AuthorizationRequest)
KEPT: tuple[type[Model], ...] = (Project, Integration, EndUser, OAuthClient, ClientVersion)
KEPT += (Connection, Credential, AuditEvent)


def rows(*models: type[Model]) -> dict[str, Any]:
    """Return every row of these models, sealed values as they are sealed."""
    found = {model.__name__: [_comparable(row) for row in _values(model)] for model in models}
    for row in found.get("Project", []):
        row.pop("audit_key")
    return found


def state() -> dict[str, Any]:
    """Return all that matters in the database."""
    return rows(*KEPT, *TRIPS)


def _values(model: type[Model]) -> list[dict[str, Any]]:
    return list(model._default_manager.order_by("pk").values())


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    sealed = {name: value for name, value in row.items() if hasattr(value, "ciphertext")}
    return {**row, **{name: bytes(value.ciphertext) for name, value in sealed.items()}}
