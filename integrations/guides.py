"""What people say about the setup guides: which step looks different at the provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.db import transaction
from django.db.models import Count, Max

from integrations import audit, limits
from integrations.errors import FieldError, InvalidInput
from integrations.limits import GUIDE_FEEDBACK, Use
from integrations.models import AuditEvent, Integration, OAuthClient
from integrations.models.events import GUIDE_ACTION
from integrations.wording import said

# What looks different is none of the numbered steps.
ELSEWHERE = 0


@dataclass(frozen=True)
class StepReports:
    """How often somebody said that a step looks different, and when they last did."""

    step: int
    count: int
    last: datetime


def report(*, client: OAuthClient, step: str, actor: str) -> int:
    """Note that a step of the guide looks different and return its number.

    Nothing but the number is kept, so nobody can leave a secret here. Raises InvalidInput for a
    step that the guide does not have, RateLimited.
    """
    integration = client.integration
    known = {str(number): number for number in range(len(integration.provider.setup.steps) + 1)}
    if step not in known:
        message = said("Choose the step that looks different.")
        raise InvalidInput(FieldError("guide_step", "required", message))
    limits.spend(Use(GUIDE_FEEDBACK, str(client.pk)))
    with transaction.atomic():
        audit.record(
            project=integration.project,
            actor=actor,
            action=GUIDE_ACTION,
            subject=integration,
            step=known[step],
        )
    return known[step]


def reported(integration: Integration) -> tuple[StepReports, ...]:
    """Return what was said since the guide was last checked, by step: one query by an index."""
    since = datetime.combine(integration.provider.checked, time(), UTC)
    events = AuditEvent.objects.filter(
        project=integration.project_id,
        action=GUIDE_ACTION,
        object_id=str(integration.pk),
        at__gte=since,
    )
    rows = events.values_list("data__step").annotate(count=Count("pk"), last=Max("at"))
    return tuple(sorted((StepReports(*row) for row in rows), key=lambda each: each.step))
