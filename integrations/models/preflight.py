"""What was learned about a client before anybody approved, and what people saw at the provider."""

from __future__ import annotations

import uuid

from django.db import models

from integrations.models.clients import ClientVersion
from integrations.models.sessions import Flow


class ClientCheck(models.Model):
    """What the provider answered when it was asked about a version of a client in advance."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        EXPIRED = "expired"
        UNKNOWN = "unknown"

    client_version = models.OneToOneField(
        ClientVersion, on_delete=models.CASCADE, primary_key=True, related_name="check_in_advance"
    )
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.UNKNOWN)
    checked_at = models.DateTimeField(null=True)
    # While one asks, nobody else does.
    lease_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.client_version_id}: {self.outcome}"


class ReportedProblem(models.Model):
    """What a person said they see at the provider, in the words of the catalog."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="problems")
    seen = models.CharField(max_length=160)
    field = models.CharField(max_length=48, blank=True)
    reported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["flow", "seen"], name="problem_reported_once"),
        )

    def __str__(self) -> str:
        return f"{self.flow_id}: {self.seen}"
