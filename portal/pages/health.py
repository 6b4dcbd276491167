"""Is the process alive, and can it do its work?"""

from __future__ import annotations

from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from integrations import spool
from integrations.errors import SealBroken
from integrations.models import Project


class NotMigrated(Exception):
    """The database is behind the code."""


@require_GET
def process(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process runs."""
    return JsonResponse({"status": "ok"})


@require_GET
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if database, migrations, keys and spool folder are usable, else 503 and which."""
    checks = {"database": False, "migrations": False, "keys": False, "spool": spool.writable()}
    try:
        checks["keys"] = _keys_open_what_is_stored()
        checks["database"] = True
        checks["migrations"] = _migrated()
    except (DatabaseError, SealBroken, NotMigrated):
        pass
    return JsonResponse({"checks": checks}, status=200 if all(checks.values()) else 503)


@cache
def _migrated() -> bool:
    """Return True, and stay with it: a migration that was applied is not taken back."""
    if _unapplied():
        raise NotMigrated
    return True


def _unapplied() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _keys_open_what_is_stored() -> bool:
    project = Project.objects.order_by("created_at").first()
    return project is None or bool(project.open_required("audit_key"))
