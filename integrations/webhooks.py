"""Webhook endpoints: where they may be, which secrets sign, when they stop."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from integrations import addresses, audit
from integrations.errors import FieldError, InvalidInput
from integrations.models import AuditEvent, Project, WebhookDelivery, WebhookEndpoint
from integrations.secret import Secret

EVENT_TYPES = (
    "connection.created",
    "connection.reauthorized",
    "connection.limited",
    "connection.needs_reauth",
    "connection.client_rejected",
    "connection.disconnected",
    "client.expiring",
    "client.rotated",
    "flow.problem_reported",
    "handoff.sent",
    "handoff.completed",
    "session.completed",
    "session.failed",
    "session.abandoned",
)
PREFIX, SECRET_BYTES = "whsec_", 32
# Long enough to change the receiver without haste, short enough for a secret that leaked.
OVERLAP = timedelta(hours=24)
LOOK_BACK = timedelta(days=7)
GIVE_UP = timedelta(days=3)
Status = WebhookDelivery.Status


@dataclass(frozen=True)
class NewSecret:
    """An endpoint with its signing secret, at the only moment it can be read."""

    endpoint: WebhookEndpoint
    secret: Secret


def create(
    *, project: Project, url: str, event_types: Collection[str] = (), actor: str
) -> NewSecret:
    """Create an endpoint for what happens from now on. Raises InvalidInput."""
    secret = _new_secret()
    endpoint = WebhookEndpoint(
        project=project,
        url=cleaned_url(url),
        event_types=_cleaned_types(event_types),
        secret=secret,
    )
    with transaction.atomic():
        endpoint.save(force_insert=True)
        event = _record(endpoint, actor, "webhook.created", event_types=endpoint.event_types)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(cursor=event.sequence)
    endpoint.refresh_from_db()
    return NewSecret(endpoint, secret)


def change(
    *, endpoint: WebhookEndpoint, url: str, event_types: Collection[str], actor: str
) -> None:
    """Change where and what is sent; an empty `url` keeps the one there is. Raises InvalidInput."""
    url = cleaned_url(url) if url else endpoint.url
    types = _cleaned_types(event_types)
    if (url, types) == (endpoint.url, endpoint.event_types):
        return
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            url=url, event_types=types, retry_at=None
        )
        address = "changed" if url != endpoint.url else "kept"
        _record(endpoint, actor, "webhook.changed", event_types=types, address=address)
    endpoint.refresh_from_db()


def rotate_secret(*, endpoint: WebhookEndpoint, actor: str) -> NewSecret:
    """Sign with a new secret from now on, and beside it with the one before until OVERLAP ends."""
    fresh = _new_secret()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        row.seal(previous_secret=row.open_required("secret"))
        row.seal(secret=fresh)
        row.previous_expires_at = timezone.now() + OVERLAP
        row.save(update_fields=["secret", "previous_secret", "previous_expires_at"])
        _record(row, actor, "webhook.secret_rotated")
    endpoint.refresh_from_db()
    return NewSecret(endpoint, fresh)


def drop_previous_secret(*, endpoint: WebhookEndpoint, actor: str) -> None:
    """Stop signing with the secret before this one, at once: it may have leaked."""
    with transaction.atomic():
        rows = WebhookEndpoint.objects.filter(pk=endpoint.pk, previous_secret__isnull=False)
        if rows.update(previous_secret=None, previous_expires_at=None):
            _record(endpoint, actor, "webhook.previous_secret_dropped")
    endpoint.refresh_from_db()


def switch_on(*, endpoint: WebhookEndpoint, actor: str) -> None:
    """Send again, also what happened meanwhile, but nothing older than LOOK_BACK."""
    old = AuditEvent.objects.filter(
        project=endpoint.project_id, at__lt=timezone.now() - LOOK_BACK
    ).aggregate(last=Max("sequence"))["last"]
    with transaction.atomic():
        rows = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk, is_active=False)
        if (row := rows.first()) is None:
            return
        row.is_active, row.stopped_reason = True, ""
        row.failures, row.failing_since, row.retry_at = 0, None, None
        row.cursor = max(row.cursor, old or 0)
        row.save()
        _record(row, actor, "webhook.switched_on")
    endpoint.refresh_from_db()


def stop(*, endpoint: WebhookEndpoint, reason: str, actor: str = "system") -> bool:
    """Send nothing more; what was to be sent can be replayed. Returns whether it was on."""
    with transaction.atomic():
        stopped = WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True).update(
            is_active=False, stopped_reason=reason
        )
        if not stopped:
            return False
        WebhookDelivery.objects.filter(endpoint=endpoint.pk, status=Status.PENDING).update(
            status=Status.FAILED, last_error="endpoint_stopped", lease_until=None
        )
        severity = "low" if actor != "system" else "high"
        _record(endpoint, actor, "webhook.stopped", reason=reason, severity=severity)
    endpoint.refresh_from_db()
    return True


def replay(*, delivery: WebhookDelivery, actor: str) -> bool:
    """Send one delivery again, with the same id and payload. False if it waits to be sent."""
    with transaction.atomic():
        rows = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(status=Status.PENDING)
        if not _again(rows):
            return False
        # The delivery is the subject: its endpoint is a look-up away.
        audit.record(
            project=delivery.endpoint.project,
            actor=actor,
            action="webhook.replayed",
            subject=delivery,
            message_id=delivery.message_id,
        )
    return True


def replay_failed(*, endpoint: WebhookEndpoint, since: datetime, actor: str) -> int:
    """Send again what failed for good since then. Returns how many."""
    failed = WebhookDelivery.objects.filter(
        endpoint=endpoint.pk, status=Status.FAILED, created_at__gte=since
    )
    with transaction.atomic():
        count = _again(failed)
        _record(endpoint, actor, "webhook.replayed", since=since.isoformat(), count=count)
    return count


def signatures(
    *, endpoint: WebhookEndpoint, message_id: str, at: datetime, body: str
) -> Mapping[str, str]:
    """Return the headers that prove a message, signed with every secret that is live.

    Standard Webhooks: HMAC-SHA256 over id, timestamp and body. Raises SealBroken.
    """
    live = [endpoint.open_required("secret")]
    if endpoint.previous_expires_at and endpoint.previous_expires_at > at:
        live.append(endpoint.open_required("previous_secret"))
    signed = [Webhook(each.reveal()).sign(message_id, at, body) for each in live]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def _again(rows: models.QuerySet[WebhookDelivery]) -> int:
    now = timezone.now()
    return rows.update(
        status=Status.PENDING,
        tries=0,
        next_at=now,
        give_up_at=now + GIVE_UP,
        lease_until=None,
        last_error="",
    )


def _new_secret() -> Secret:
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def cleaned_url(url: str) -> str:
    """Return the address of a receiver, if it may be called. Raises InvalidInput."""
    return addresses.clean_url(
        url,
        field="url",
        label="endpoint URL",
        loopback=settings.OUTBOUND_LOOPBACK_HTTP,
        any_query=True,
    )


def _cleaned_types(names: Collection[str]) -> list[str]:
    if unknown := set(names).difference(EVENT_TYPES):
        message = f"There is no event type {sorted(unknown)[0]!r}. Choose from the list."
        raise InvalidInput(FieldError("event_types", "unknown", message))
    return [name for name in EVENT_TYPES if name in names]


def _record(endpoint: WebhookEndpoint, actor: str, action: str, **data: object) -> AuditEvent:
    return audit.record(
        project=endpoint.project,
        actor=actor,
        action=action,
        subject=endpoint,
        origin=endpoint.origin,
        **data,
    )
