"""How a flow ends that nobody ends: its consent was left open, or the process died."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import audit, codes, handoffs
from integrations.models import AuthorizationRequest, Flow

EXCHANGE_MAX = timedelta(seconds=120)
RESUMABLE_FOR = timedelta(hours=2)


def left_open(same: Mapping[str, Any]) -> Flow | None:
    """Return the newest flow with these fields that was left open a short while ago."""
    wanted = Q(**same)
    if same["connection"] is None:
        # A flow that only lacks a choice has made its connection already.
        rest = {name: value for name, value in same.items() if name != "connection"}
        waits = {"status": Flow.Status.NEEDS_OPTIONS, "connection__status": "PENDING"}
        wanted |= Q(**rest, **waits)
    recent = Q(updated_at__gt=timezone.now() - RESUMABLE_FOR) | Q(handoffs.waiting())
    flows = Flow.objects.filter(wanted, recent, status__in=Flow.OPEN)
    return flows.order_by("-created_at").first()


def end_if_stale(flow: Flow) -> None:
    """End a flow whose callback died or whose consent was left open: it must not wait for ever."""
    now = timezone.now()
    if flow.status == Flow.Status.AWAITING_CONFIRMATION:
        _end_unconfirmed(flow)
        return
    if flow.status == Flow.Status.EXCHANGING and flow.updated_at < now - EXCHANGE_MAX:
        code = "interrupted"
    elif flow.status == Flow.Status.WAITING and flow.updated_at < now - codes.LIFETIME:
        code = "consent_timeout"
    else:
        return
    with transaction.atomic():
        ended = Flow.objects.filter(pk=flow.pk, status=flow.status).update(
            status=Flow.Status.FAILED, error_code=code
        )
        if ended:
            audit.record(
                project=flow.project, actor="system", action="flow.failed", subject=flow, code=code
            )
    flow.refresh_from_db()


def _end_unconfirmed(flow: Flow) -> None:
    stale = AuthorizationRequest.objects.filter(flow=flow, code_expires_at__lte=timezone.now())
    for request in stale.filter(status=AuthorizationRequest.Status.HELD):
        codes.expire(request)
    flow.refresh_from_db()
