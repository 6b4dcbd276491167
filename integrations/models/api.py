"""What the vendor API remembers: requests with an idempotency key, and whose tokens a key read."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from integrations.models.connections import Connection
from integrations.models.projects import ApiKey, Project


class IdempotentRequest(models.Model):
    """One request under an Idempotency-Key: running until it has a status, then answered."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="idempotent_requests"
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    # Tells its holder's answer from one of a holder that came after the lock had ended.
    holder = models.UUIDField(default=uuid.uuid4)
    locked_until = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    # None for an answer that is never kept, because it holds a token.
    body = models.TextField(null=True)  # noqa: DJ001
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "key"], name="idempotent_request_unique"),
            models.CheckConstraint(
                condition=Q(status=None, locked_until__isnull=False)
                | Q(status__isnull=False, locked_until=None),
                name="idempotent_request_runs_or_has_status",
            ),
        )

    def __str__(self) -> str:
        return f"request {self.pk} of {self.project_id}"


class TokenRead(models.Model):
    """When an API key last used the token of a connection."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="token_reads")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["api_key", "read_at"], name="token_read_recent"),)
        constraints = (
            models.UniqueConstraint(fields=["api_key", "connection"], name="token_read_unique"),
        )

    def __str__(self) -> str:
        return f"{self.api_key_id} read {self.connection_id}"
