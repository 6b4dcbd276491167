"""How a flow ends that nobody ends: its consent was left open, or the process died."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import access, audit, authorization, codes, handoffs, problems
from integrations.errors import ConnectError, ProviderFailure
from integrations.models import AuthorizationRequest, Flow

EXCHANGE_MAX = timedelta(seconds=120)
RESUMABLE_FOR = timedelta(hours=2)
ALARMS = frozenset(
    {
        "answer_malformed",
        "callback_forged",
        "confirmation_refused",
        "issuer_mismatch",
        "issuer_missing",
        "mixup_blocked",
        "session_binding_failed",
    }
)


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


def failed(request: AuthorizationRequest, code: str, *, seen: str = "") -> Flow:
    """End the trip and its flow with this code, and return the flow.

    `seen` is what the provider answered, in the words of its file.
    """
    flow = request.flow
    with transaction.atomic():
        authorization.spend(request)
        Flow.objects.filter(pk=flow.pk, status__in=Flow.OPEN).update(
            status=Flow.Status.FAILED, error_code=code, seen=seen, updated_at=timezone.now()
        )
        audit.record(
            project=flow.project,
            actor=access.actor_of(flow.session),
            action="oauth.refused" if code in ALARMS else "flow.failed",
            subject=flow,
            code=code,
            severity="high" if code in ALARMS else "low",
        )
    flow.refresh_from_db()
    return flow


def refused(request: AuthorizationRequest, error: ConnectError) -> Flow:
    """End the trip with what was raised on its way, and return the flow."""
    if not isinstance(error, ProviderFailure):
        return failed(request, error.code)
    provider = request.client_version.provider
    seen = problems.answered(provider=provider, at="token", codes=error.seen)
    return failed(request, error.code, seen=seen)


def _end_unconfirmed(flow: Flow) -> None:
    stale = AuthorizationRequest.objects.filter(flow=flow, code_expires_at__lte=timezone.now())
    for request in stale.filter(status=AuthorizationRequest.Status.HELD):
        codes.expire(request)
    flow.refresh_from_db()
