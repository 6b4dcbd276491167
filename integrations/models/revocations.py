"""Grants that nobody here uses any more and that the provider has yet to end."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from integrations.models.clients import ClientVersion
from integrations.models.connections import Connection
from integrations.models.fields import SealedModel, SealedTextField
from integrations.models.projects import Project


class Revocation(SealedModel):
    """One grant to end at its provider. Its tokens are erased as soon as that is decided."""

    Outcome = Connection.Revocation

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="revocations")
    client_version = models.ForeignKey(ClientVersion, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, related_name="revocations"
    )
    account_id = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=64)
    access_token = SealedTextField(null=True)
    refresh_token = SealedTextField(null=True)
    outcome = models.CharField(max_length=11, choices=Outcome.choices, blank=True, default="")
    error_code = models.CharField(max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_epoch = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["due_at"], condition=Q(outcome=""), name="revocation_due"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="", ended_at=None)
                | Q(access_token__isnull=True, refresh_token__isnull=True, ended_at__isnull=False)
                & ~Q(outcome=""),
                name="revocation_ended_is_erased",
            ),
        )

    def __str__(self) -> str:
        return f"revocation {self.pk}"

    def seal_context(self) -> dict[str, Any]:
        """Name this row and its project."""
        return {"r": str(self.pk), "p": str(self.project_id), "g": 0}
