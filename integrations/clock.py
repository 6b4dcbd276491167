"""The database's clock. Those of several hosts differ, and a moment must mean the same to all."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection

_SELECT = {
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "postgresql": "SELECT statement_timestamp()",
}


def now() -> datetime:
    """Return the moment it is for the database."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT[connection.vendor])
        answer = cursor.fetchone()[0]
    if isinstance(answer, datetime):
        return answer
    return datetime.fromisoformat(str(answer)).replace(tzinfo=UTC)
