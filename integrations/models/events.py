"""The audit log: append-only, hash-chained for each project."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from integrations.models.projects import Project

GUIDE_ACTION = "guide.feedback"
# What happens by itself, and far more often than all else that a connection goes through.
REFRESHED, REFRESH_FAILED = "connection.refreshed", "connection.refresh_failed"


class AuditHead(models.Model):
    """The newest link of a project's chain; its row lock is what orders the events."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="audit_head"
    )
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.project_id} at {self.sequence}"


class AuditEvent(models.Model):
    """One thing that happened, in the words the people concerned would use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="audit_events")
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=300)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=32)
    object_id = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "sequence"], name="audit_unique_sequence"),
        )
        indexes = (
            # Such events are counted on the page of their integration, among very many others.
            models.Index(
                fields=["object_id", "at"],
                condition=models.Q(action=GUIDE_ACTION),
                name="audit_guide_feedback",
            ),
            # A person reads the newest of one connection or app.
            models.Index(
                fields=["project", "object_id", "sequence"],
                condition=~models.Q(action=REFRESHED) & ~models.Q(action=REFRESH_FAILED),
                name="audit_of_object",
            ),
        )

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append. Raises TypeError on a change."""
        if not self._state.adding:
            raise TypeError("an audit event is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse. Raises TypeError."""
        raise TypeError("an audit event is never deleted")
