"""Send deliveries: signed, through the one door to the outside, again until they are taken."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from integrations import webhooks
from integrations.errors import ConnectError, SealBroken
from integrations.models import WebhookDelivery, WebhookEndpoint
from integrations.oauth.http import Answer, Transport
from integrations.webhooks import GIVE_UP

# After each try, in seconds; the last one counts for all that follow, until GIVE_UP.
BACK_OFF = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
# An endpoint that fails is asked by one message at a time, and not often.
ENDPOINT_BACK_OFF = (2, 5, 15, 60, 300, 600)
JITTER = 0.2
DEADLINE, LEASE = 10.0, timedelta(seconds=30)
RETRY_AFTER_MAX = 86_400
STOP_STATUS = 410
Status = WebhookDelivery.Status


@dataclass(frozen=True)
class Outcome:
    """What became of one try: an answer's status, or the code of why there was none."""

    status: int | None
    error: str = ""
    retry_after: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether the receiver said that it has the message."""
        return not self.error and self.status is not None and 200 <= self.status < 300


def due(limit: int, *, failing: bool = False) -> list[UUID]:
    """Return endpoints that have something to send now: those that work, or those that fail."""
    waiting = _sendable().filter(endpoint=OuterRef("pk"))
    rows = WebhookEndpoint.objects.filter(
        Q(retry_at=None) | Q(retry_at__lte=Now()),
        Exists(waiting),
        is_active=True,
        failing_since__isnull=not failing,
    )
    return list(rows.order_by("?").values_list("pk", flat=True)[:limit])


def send_next(endpoint_id: UUID | str) -> bool:
    """Send the endpoint's next message. False if there is none now or the endpoint must rest."""
    endpoint = WebhookEndpoint.objects.filter(
        Q(retry_at=None) | Q(retry_at__lte=Now()), pk=endpoint_id, is_active=True
    ).first()
    if endpoint is None or (delivery := _claimed(endpoint)) is None:
        return False
    outcome = _sent(endpoint, delivery)
    _keep(delivery, outcome)
    _note(endpoint, outcome)
    return outcome.is_taken


def _sendable() -> QuerySet[WebhookDelivery]:
    # What happened to one connection is told in order: a message waits for those before it.
    earlier = WebhookDelivery.objects.filter(
        Q(sequence__lt=OuterRef("sequence"))
        | Q(sequence=OuterRef("sequence"), event_type__lt=OuterRef("event_type")),
        endpoint=OuterRef("endpoint"),
        subject=OuterRef("subject"),
        status=Status.PENDING,
    )
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    rows = WebhookDelivery.objects.filter(free, status=Status.PENDING, next_at__lte=Now())
    return rows.exclude(Exists(earlier))


def _claimed(endpoint: WebhookEndpoint) -> WebhookDelivery | None:
    rows = _sendable().filter(endpoint=endpoint.pk)
    delivery = rows.order_by("sequence", "event_type").first()
    if delivery is None:
        return None
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    claimed = WebhookDelivery.objects.filter(
        free, pk=delivery.pk, status=Status.PENDING, tries=delivery.tries
    ).update(lease_until=Now() + LEASE, tries=F("tries") + 1, last_tried_at=Now())
    if not claimed:
        return None
    delivery.tries += 1
    return delivery


def _sent(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> Outcome:
    try:
        headers = webhooks.signatures(
            endpoint=endpoint,
            message_id=delivery.message_id,
            at=timezone.now(),
            body=delivery.payload,
        )
        answer = _transport().request(
            "POST",
            endpoint.url,
            headers={**headers, "Content-Type": "application/json", "User-Agent": "connect-portal"},
            body=delivery.payload.encode(),
        )
    except SealBroken:
        return Outcome(None, "integrity_error")
    except ConnectError as error:
        return Outcome(None, error.code)
    taken = 200 <= answer.status < 300
    return Outcome(answer.status, "" if taken else "refused", _retry_after(answer))


def _keep(delivery: WebhookDelivery, outcome: Outcome) -> None:
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, status=Status.PENDING, tries=delivery.tries
    )
    seen = {"last_status": outcome.status, "last_error": outcome.error, "lease_until": None}
    if outcome.is_taken:
        mine.update(status=Status.DELIVERED, **seen)
        return
    wait = max(_spread(BACK_OFF, delivery.tries), outcome.retry_after)
    next_at = timezone.now() + timedelta(seconds=wait)
    if next_at >= delivery.give_up_at:
        mine.update(status=Status.FAILED, **seen)
    else:
        mine.update(next_at=next_at, **seen)


def _note(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if outcome.is_taken:
        if endpoint.failures:
            rows.update(failures=0, failing_since=None, retry_at=None)
        return
    if outcome.status == STOP_STATUS:
        webhooks.stop(endpoint=endpoint, reason="gone")
        return
    now = timezone.now()
    since = endpoint.failing_since or now
    if now - since >= GIVE_UP:
        webhooks.stop(endpoint=endpoint, reason="failing")
        return
    rows.update(
        failures=F("failures") + 1, failing_since=since, retry_at=_rest(endpoint, outcome, now)
    )


def _rest(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> datetime:
    wait = max(_spread(ENDPOINT_BACK_OFF, endpoint.failures + 1), outcome.retry_after)
    return now + timedelta(seconds=wait)


def _spread(steps: Sequence[int], tries: int) -> float:
    # No two endpoints that failed together come back together.
    step = steps[min(tries, len(steps)) - 1]
    return step * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311


def _retry_after(answer: Answer) -> int:
    # Seconds or a date (RFC 9110 section 10.2.3); a date is answered with our own back-off.
    value = answer.headers.get("retry-after", "")
    return min(int(value), RETRY_AFTER_MAX) if value.isdecimal() and len(value) < 10 else 0


@cache
def _transport() -> Transport:
    return Transport(allow=settings.OUTBOUND_ALLOW_CIDRS, deadline=DEADLINE)
