"""What the background work remembers: when something is next due, and who may call whom."""

from __future__ import annotations

import uuid

from django.db import models

from integrations.models.clients import ClientVersion


class Duty(models.Model):
    """Something that recurs. Whoever moves it on by one statement has taken this turn."""

    name = models.CharField(max_length=32, primary_key=True)
    epoch = models.PositiveBigIntegerField(default=0)
    next_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Lane(models.Model):
    """The right to make one call at a time of a kind at a host; a host has a few of them.

    A lane is leased: it is offered to a task with an epoch of its own, and free again when the
    lease ends, so that nothing stays closed after a worker that was killed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16)
    host = models.CharField(max_length=255)
    number = models.PositiveSmallIntegerField()
    epoch = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "host", "number"], name="lane_unique"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.host} {self.number}"


class SecretReminder(models.Model):
    """How near the end of a client's secret was when the vendor was last reminded, in days."""

    client_version = models.OneToOneField(
        ClientVersion, on_delete=models.CASCADE, primary_key=True, related_name="reminder"
    )
    days = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.days} days before version {self.client_version_id} ends"
