"""Say in time that a client's secret is going to end."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from integrations import audit
from integrations.models import ClientVersion, SecretReminder

DAYS_BEFORE = (30, 14, 7, 1)


def remind(*, limit: int = 500) -> int:
    """Record `client.expiring` for each secret that came nearer to its end than a step before it.

    A step that passed while nothing ran is made up for, but only the nearest one: two reminders
    at once say no more than one. Returns how many were recorded.
    """
    today = timezone.now().date()
    return sum(_reminded(version, today) for version in _ending(today)[:limit])


def _ending(today: date) -> QuerySet[ClientVersion]:
    """Return versions in use whose secret ends soon and that were not reminded of at this step."""
    missing = Q(reminder=None)
    for days in DAYS_BEFORE[1:]:
        near = Q(secret_expires_on__lte=today + timedelta(days=days))
        missing |= near & Q(reminder__days__gt=days)
    return (
        ClientVersion.objects.filter(
            missing,
            secret_expires_on__lte=today + timedelta(days=DAYS_BEFORE[0]),
            pk=F("oauth_client__current_version"),
            oauth_client__integration__is_active=True,
            oauth_client__integration__project__is_active=True,
        )
        .select_related("oauth_client__integration__project")
        .order_by("secret_expires_on")
    )


def _reminded(version: ClientVersion, today: date) -> bool:
    if version.secret_expires_on is None:
        return False
    left = (version.secret_expires_on - today).days
    step = min(days for days in DAYS_BEFORE if left <= days)
    with transaction.atomic():
        # Inserted as farther away than any step, so that one statement decides who reminds.
        far = SecretReminder(client_version=version, days=DAYS_BEFORE[0] + 1)
        SecretReminder.objects.bulk_create([far], ignore_conflicts=True)
        rows = SecretReminder.objects.filter(pk=version.pk, days__gt=step)
        if not rows.update(days=step):
            return False
        client = version.oauth_client
        audit.record(
            project=client.integration.project,
            actor="system",
            action="client.expiring",
            subject=client,
            version=version.number,
            expires_on=version.secret_expires_on.isoformat(),
            days_left=left,
        )
    return True
