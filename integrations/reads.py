"""Notice an API key that empties the project: how many connections' tokens it read of late.

Each process keeps the reads of a key until there are some, and writes them in one statement, so
that a read costs no query of its own. What a process that dies has not written is not counted.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import audit
from integrations.errors import NotAllowed
from integrations.models import ApiKey, TokenRead

WINDOW = timedelta(minutes=5)
WRITE_EVERY = timedelta(seconds=60)
BATCH, SHARE = 50, 20

_lock = threading.Lock()
_pending: dict[UUID, dict[UUID, datetime]] = {}


def note(*, key: ApiKey, connection_id: UUID) -> None:
    """Count one use of a connection's token by this key, before the token is handed out.

    Raises NotAllowed if that makes the key freeze.
    """
    now = timezone.now()
    if not (reads := _due(key, connection_id, now)):
        return
    # In one order, so that processes that write at once do not wait for each other in a circle.
    rows = [
        TokenRead(api_key=key, connection_id=pk, read_at=at) for pk, at in sorted(reads.items())
    ]
    TokenRead.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["api_key", "connection"],
        update_fields=["read_at"],
    )
    recent = TokenRead.objects.filter(api_key=key, read_at__gt=now - WINDOW).count()
    if recent >= key.project.read_alert_limit:
        _alert(key, recent, now)


def forget_old() -> int:
    """Delete reads that no window holds any more. Returns how many."""
    deleted, _ = TokenRead.objects.filter(read_at__lt=timezone.now() - WINDOW).delete()
    return deleted


def forget_pending() -> None:
    """Drop what this process has not written yet."""
    with _lock:
        _pending.clear()


def _due(key: ApiKey, connection_id: UUID, now: datetime) -> dict[UUID, datetime]:
    batch = max(1, min(BATCH, key.project.read_alert_limit // SHARE))
    with _lock:
        reads = _pending.setdefault(key.pk, {})
        reads[connection_id] = now
        if len(reads) < batch and min(reads.values()) > now - WRITE_EVERY:
            return {}
        return _pending.pop(key.pk)


def _alert(key: ApiKey, count: int, now: datetime) -> None:
    freezes = key.project.read_alert_freezes
    quiet = Q(alerted_at=None) | Q(alerted_at__lt=now - WINDOW)
    with transaction.atomic():
        told = ApiKey.objects.filter(quiet, pk=key.pk).update(alerted_at=now)
        if freezes:
            ApiKey.objects.filter(pk=key.pk, frozen_at=None).update(frozen_at=now)
        if told:
            audit.record(
                project=key.project,
                actor="system",
                action="api_key.read_alert",
                subject=key,
                severity="high",
                connections=count,
                limit=key.project.read_alert_limit,
                frozen=freezes,
            )
    if freezes:
        raise NotAllowed("key_frozen")
