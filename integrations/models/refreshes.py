"""The journal of refreshes, and how the providers' hosts are doing."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from integrations.models.clients import ClientVersion
from integrations.models.connections import Connection
from integrations.models.fields import SealedModel, SealedTextField


class RefreshAttempt(SealedModel):
    """One call that spends a refresh token, written down before it is made.

    The answer is kept as it came until its tokens are stored, so that a process may die at any
    moment after it arrived. `generation` is the parent's; `fingerprint` is the digest of the
    refresh token that was spent.
    """

    class Status(models.TextChoices):
        IN_FLIGHT = "in_flight"
        GOT_RESPONSE = "got_response"
        APPLIED = "applied"
        UNKNOWN = "unknown"
        DISCARDED = "discarded"
        CANDIDATE = "candidate"
        FAILED = "failed"

    HOLDS_ANSWER = (Status.GOT_RESPONSE, Status.CANDIDATE)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="refresh_attempts"
    )
    project_id = models.UUIDField(editable=False)
    client_version = models.ForeignKey(ClientVersion, on_delete=models.PROTECT, related_name="+")
    generation = models.PositiveBigIntegerField()
    epoch = models.PositiveBigIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.IN_FLIGHT)
    fingerprint = models.CharField(max_length=64)
    answer = SealedTextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    received_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["created_at"],
                condition=Q(answer__isnull=False),
                name="attempt_holds_answer",
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "generation", "epoch"], name="attempt_unique"
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=("got_response", "candidate"),
                    answer__isnull=False,
                    received_at__isnull=False,
                )
                | Q(answer__isnull=True) & ~Q(status__in=("got_response", "candidate")),
                name="attempt_answer_is_erased",
            ),
        )

    def __str__(self) -> str:
        return f"refresh attempt {self.pk}"

    def seal_context(self) -> dict[str, Any]:
        """Name this attempt, its project and the generation that was spent."""
        return {"r": str(self.pk), "p": str(self.project_id), "g": self.generation}


class ProviderHost(models.Model):
    """How a provider's host is doing, for all processes alike.

    The row without a client speaks of the host: failures in a row, and until when nobody should
    call it. A row with a client holds only the wait that the provider asked of this client.
    """

    name = models.CharField(max_length=255)
    client = models.CharField(max_length=64, blank=True)
    failures = models.PositiveIntegerField(default=0)
    wait_until = models.DateTimeField(null=True)
    probe_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["name", "client"], name="provider_host_unique"),
        )

    def __str__(self) -> str:
        return self.name
