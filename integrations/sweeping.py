"""Clear away what ended: stale flows, spent secrets of trips, old rows of logs and queues."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from integrations import (
    audit,
    codes,
    connect,
    endings,
    handoffs,
    hosts,
    idempotency,
    limits,
    picking,
    reads,
    revocation,
    rotation,
    tickets,
    tokens,
)
from integrations.models import (
    AuthorizationRequest,
    Flow,
    Lane,
    PortalSession,
    RefreshAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

log = logging.getLogger(__name__)

AT_ONCE = 500
# A callback may still be on its way for a session that ended by itself a moment ago.
SESSION_SLACK = timedelta(hours=1)
VERIFIER_MAX = timedelta(minutes=10)
DELIVERIES_KEPT = timedelta(days=30)
RESULTS_KEPT, FAILURES_KEPT = timedelta(hours=1), timedelta(days=7)
RUNNING_MAX = timedelta(hours=1)
JOURNAL_KEPT = timedelta(days=30)
LANES_KEPT = HOSTS_KEPT = timedelta(days=1)


def sweep() -> dict[str, int]:
    """Clear away at most AT_ONCE rows of each kind. Returns how many of each, -1 for a failure."""
    return {name: _swept(name, step) for name, step in STEPS.items()}


def _swept(name: str, step: Callable[[], int]) -> int:
    try:
        return step()
    except Exception as error:  # noqa: BLE001
        # One kind that fails must not keep the others from being cleared away.
        log.error("sweeping failed: %s (%s)", name, type(error).__name__)  # noqa: TRY400
        return -1


def _stale_flows() -> int:
    """End flows whose callback died (`interrupted`) or whose consent was left open."""
    now = timezone.now()
    stale = Flow.objects.filter(
        Q(status=Flow.Status.EXCHANGING, updated_at__lt=now - endings.EXCHANGE_MAX)
        | Q(status=Flow.Status.WAITING, updated_at__lt=now - codes.LIFETIME)
    ).select_related("project")
    found = list(stale[:AT_ONCE])
    for flow in found:
        endings.end_if_stale(flow)
    return len(found)


def _abandoned_flows() -> int:
    """Record flows that nobody can take up any more as abandoned, and forget what was typed."""
    left = timezone.now() - connect.RESUMABLE_FOR
    drafts = Flow.objects.filter(status=Flow.Status.DRAFT, updated_at__lt=left)
    drafts = drafts.exclude(handoffs.waiting())
    return sum(_abandoned(flow, drafts) for flow in drafts.select_related("project")[:AT_ONCE])


def _unchosen_flows() -> int:
    """End flows whose approval nobody completed by a choice, and the connections they made."""
    left = timezone.now() - connect.RESUMABLE_FOR
    waiting = Flow.objects.filter(status=Flow.Status.NEEDS_OPTIONS, updated_at__lt=left)
    return sum(_unchosen(flow, waiting) for flow in waiting.select_related("project")[:AT_ONCE])


def _unchosen(flow: Flow, waiting: QuerySet[Flow]) -> bool:
    with transaction.atomic():
        half_made = picking.unfinished(flow)
        ended = _abandoned(flow, waiting)
        others = Flow.objects.filter(connection=half_made, status=Flow.Status.NEEDS_OPTIONS)
        if ended and half_made and not others.exists():
            revocation.disconnect(connection=half_made, actor="system")
    return ended


def _abandoned(flow: Flow, rows: QuerySet[Flow]) -> bool:
    with transaction.atomic():
        ended = rows.filter(pk=flow.pk).update(
            status=Flow.Status.EXPIRED, draft={}, updated_at=timezone.now()
        )
        if ended:
            audit.record(
                project=flow.project, actor="system", action="flow.abandoned", subject=flow
            )
    return bool(ended)


def _verifiers() -> int:
    """Forget verifiers that a killed callback left behind."""
    kept = AuthorizationRequest.objects.filter(
        code_verifier__isnull=False, claimed_at__lt=timezone.now() - VERIFIER_MAX
    )
    return _some(kept).update(code_verifier=None)


def _sessions() -> int:
    over = PortalSession.objects.filter(
        ended_at=None, expires_at__lt=timezone.now() - SESSION_SLACK
    )
    return _some(over).update(ended_at=Now())


def _previous_secrets() -> int:
    """Forget webhook secrets whose overlap is over."""
    over = WebhookEndpoint.objects.filter(previous_expires_at__lt=timezone.now())
    return over.update(previous_secret=None, previous_expires_at=None)


def _deliveries() -> int:
    Status = WebhookDelivery.Status
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - DELIVERIES_KEPT)
    return _deleted(old.exclude(status=Status.PENDING))


def _task_results() -> int:
    """Delete results of the queue: nothing is kept there that is not known elsewhere."""
    now = timezone.now()
    return _deleted(
        DBTaskResult.objects.filter(
            Q(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - RESULTS_KEPT)
            | Q(status=TaskResultStatus.FAILED, finished_at__lt=now - FAILURES_KEPT)
            # Its worker was killed: no task runs for so long.
            | Q(status=TaskResultStatus.RUNNING, started_at__lt=now - RUNNING_MAX)
        )
    )


def _lanes() -> int:
    """Delete lanes that were not used today; a host that comes back gets new ones."""
    old = timezone.now() - LANES_KEPT
    return _deleted(Lane.objects.filter(used_at__lt=old, lease_until=None))


def _hand_offs() -> int:
    return _deleted(handoffs.forget_old())


def _hosts() -> int:
    """Forget hosts that work again and waits that are long over."""
    return _deleted(hosts.long_over(timezone.now() - HOSTS_KEPT))


def _some(rows: QuerySet[Model]) -> QuerySet[Model]:
    # By id, so that a sweep of millions is many short transactions; the condition stays.
    return rows.filter(pk__in=list(rows.order_by().values_list("pk", flat=True)[:AT_ONCE]))


def _deleted(rows: QuerySet[Model]) -> int:
    return _some(rows).delete()[0]


def _journal() -> int:
    """Delete attempts that ended long ago; what holds an answer is settled by `import_spool`."""
    old = RefreshAttempt.objects.filter(created_at__lt=timezone.now() - JOURNAL_KEPT)
    return _deleted(old.filter(answer__isnull=True))


def _replaced_secrets() -> int:
    return rotation.forget_old_secrets(limit=AT_ONCE)


STEPS: dict[str, Callable[[], int]] = {
    "stale_flows": _stale_flows,
    "abandoned_flows": _abandoned_flows,
    "unchosen_flows": _unchosen_flows,
    "held_codes": codes.drop_stale_codes,
    "tickets": tickets.drop_stale_tickets,
    "hand_offs": _hand_offs,
    "verifiers": _verifiers,
    "sessions": _sessions,
    "previous_secrets": _previous_secrets,
    "deliveries": _deliveries,
    "task_results": _task_results,
    "lanes": _lanes,
    "hosts": _hosts,
    "spool": tokens.import_spool,
    "journal": _journal,
    "token_reads": reads.forget_old,
    "idempotent_requests": idempotency.forget_expired,
    "rate_counts": limits.sweep,
    "replaced_secrets": _replaced_secrets,
}
