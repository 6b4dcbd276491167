"""Webhooks: where a project's events are sent, and each one that was or will be."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from integrations.models.events import AuditEvent
from integrations.models.fields import SealedModel, SealedTextField
from integrations.models.projects import Project


class WebhookEndpoint(SealedModel):
    """An address of the vendor's. `cursor` is the last audit event that was looked at for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField("URL", max_length=2048)
    secret = SealedTextField(editable=False)
    previous_secret = SealedTextField(null=True, editable=False)
    previous_expires_at = models.DateTimeField(null=True, editable=False)
    # An empty list means every type, also those that are added later.
    event_types = models.JSONField(default=list, blank=True)
    is_active = models.BooleanField("active", default=True)
    stopped_reason = models.CharField(max_length=32, blank=True, editable=False)
    cursor = models.PositiveBigIntegerField(default=0, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "webhook endpoint"
        constraints = (
            models.CheckConstraint(
                condition=Q(is_active=True, stopped_reason="")
                | Q(is_active=False) & ~Q(stopped_reason=""),
                name="webhook_stopped_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret__isnull=True, previous_expires_at=None)
                | Q(previous_secret__isnull=False, previous_expires_at__isnull=False),
                name="webhook_previous_secret_ends",
            ),
        )

    def __str__(self) -> str:
        return self.origin

    @property
    def origin(self) -> str:
        """The address without its path, which may hold a token of the receiver's."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def seal_context(self) -> dict[str, Any]:
        """Name this endpoint and its project."""
        return {"r": str(self.pk), "p": str(self.project_id), "g": 0}


class WebhookDelivery(models.Model):
    """One event for one endpoint. The payload is fixed when it is made: every try is the same."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        DELIVERED = "DELIVERED"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.ForeignKey(AuditEvent, on_delete=models.CASCADE, related_name="deliveries")
    event_type = models.CharField(max_length=64)
    message_id = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    # What must stay in order: the connection, or else the flow or the client.
    subject = models.CharField(max_length=64)
    payload = models.TextField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField("last answer", null=True)
    last_error = models.CharField(max_length=64, blank=True)
    last_tried_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        indexes = (
            models.Index(
                fields=["endpoint", "next_at"],
                condition=Q(status="PENDING"),
                name="webhook_delivery_due",
            ),
            models.Index(
                fields=["endpoint", "subject", "sequence"],
                condition=Q(status="PENDING"),
                name="webhook_delivery_order",
            ),
            models.Index(fields=["created_at"], name="webhook_delivery_age"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["endpoint", "event", "event_type"], name="webhook_delivery_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_type} ({self.status})"
