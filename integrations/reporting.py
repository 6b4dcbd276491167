"""What people say they see at the provider: errors that lead nobody back are known no other way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from integrations import access, audit, problems
from integrations.catalog.schema import Problem
from integrations.errors import FieldError, FlowClosed, InvalidInput
from integrations.models import AuthorizationRequest, Flow, Integration, ReportedProblem
from integrations.wording import said

DAYS = 30


@dataclass(frozen=True)
class Funnel:
    """How far the flows of an integration came, of those that began in the last `days`.

    `failed` are (error code, flows) and `reported` (what people saw, flows), the most first.
    """

    days: int
    opened: int
    configured: int
    left: int
    connected: int
    failed: tuple[tuple[str, int], ...]
    reported: tuple[tuple[str, int], ...]


def report(*, flow: Flow, seen: str) -> Problem:
    """Note what the person sees, once for each flow, and return what helps against it.

    Only what was offered to choose from is taken, so nothing of the person's own is kept. Raises
    FlowClosed for a flow that has ended, InvalidInput.
    """
    if flow.status not in Flow.EDITABLE:
        raise FlowClosed
    offered = problems.to_choose(flow.integration.provider)
    chosen = next((each for each in offered if each.seen == seen), None)
    if chosen is None:
        raise InvalidInput(FieldError("seen", "required", said("Choose what you see.")))
    with transaction.atomic():
        _, new = ReportedProblem.objects.get_or_create(
            flow=flow, seen=chosen.seen, defaults={"field": chosen.field}
        )
        if new:
            audit.record(
                project=flow.project,
                actor=access.actor_of(flow.session),
                action="flow.problem_reported",
                subject=flow,
                seen=chosen.seen,
                field=chosen.field,
            )
    return chosen


def funnel(integration: Integration, *, days: int = DAYS) -> Funnel:
    """Return how far people came with an integration. Four queries, each by an index."""
    since = timezone.now() - timedelta(days=days)
    flows = Flow.objects.filter(integration=integration, created_at__gte=since)
    whole = flows.aggregate(
        opened=Count("pk"),
        configured=Count("pk", filter=Q(client_version__isnull=False)),
        connected=Count("pk", filter=Q(status=Flow.Status.COMPLETED)),
    )
    of_flows = {"flow__integration": integration, "flow__created_at__gte": since}
    left = AuthorizationRequest.objects.filter(**of_flows).aggregate(
        flows=Count("flow", distinct=True)
    )
    failed = flows.filter(status=Flow.Status.FAILED).values_list("error_code")
    reported = ReportedProblem.objects.filter(**of_flows).values_list("seen")
    return Funnel(
        days=days,
        left=left["flows"],
        failed=tuple(failed.annotate(flows=Count("pk")).order_by("-flows", "error_code")),
        reported=tuple(reported.annotate(flows=Count("pk")).order_by("-flows", "seen")),
        **whole,
    )
