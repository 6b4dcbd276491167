"""What the database holds, to be compared before and after something that may change nothing."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Model

from integrations.models import (
    AuditEvent,
    AuthorizationRequest,
    ClientVersion,
    Connection,
    Credential,
    EndUser,
    Flow,
    HandOff,
    Integration,
    OAuthClient,
    Project,
)

TRIPS: tuple[type[Model], ...] = (Flow, AuthorizationRequest, HandOff)
KEPT: tuple[type[Model], ...] = (Project, Integration, EndUser, OAuthClient, ClientVersion)
KEPT += (Connection, Credential, AuditEvent)


def rows(*models: type[Model]) -> dict[str, list[dict[str, Any]]]:
    """Return every row of these models, as the database has it."""
    found = {model.__name__: _rows(model) for model in models}
    for row in found.get("Project", []):
        row.pop("audit_key")
    return found


def state() -> dict[str, Any]:
    """Return all that matters in the database."""
    return rows(*KEPT, *TRIPS)


def _rows(model: type[Model]) -> list[dict[str, Any]]:
    # Tests ask this thousands of times, and building a query takes longer than running it.
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY {model._meta.pk.column}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
