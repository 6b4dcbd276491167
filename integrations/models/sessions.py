"""Portal visits and what happens in them: sessions, flows, trips to the provider."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from integrations.models.clients import ClientVersion, OAuthClient
from integrations.models.connections import Connection
from integrations.models.fields import SealedModel, SealedTextField
from integrations.models.people import EndUser
from integrations.models.projects import Integration, Project, SigningKey


class PortalSession(models.Model):
    """A short-lived authenticated visit. Its handle is kept only as a digest."""

    class Display(models.TextChoices):
        EMBED = "embed"
        PAGE = "page"
        WINDOW = "window"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    handle_hash = models.CharField(max_length=64, unique=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sessions")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="sessions")
    signing_key = models.ForeignKey(SigningKey, on_delete=models.CASCADE, related_name="+")
    origin = models.CharField(max_length=255)
    display = models.CharField(max_length=6, choices=Display.choices)
    org_admin = models.BooleanField(default=False)
    return_url = models.CharField(max_length=500, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    theme = models.CharField(max_length=5, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class Flow(models.Model):
    """One attempt to install an integration. Its id is public and is what pages poll."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT"
        WAITING = "WAITING"
        EXCHANGING = "EXCHANGING"
        AWAITING_CONFIRMATION = "AWAITING_CONFIRMATION"
        NEEDS_OPTIONS = "NEEDS_OPTIONS"
        COMPLETED = "COMPLETED"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"
        EXPIRED = "EXPIRED"

    RUNNING = (Status.WAITING, Status.EXCHANGING)
    EDITABLE = (Status.DRAFT, Status.WAITING, Status.FAILED)
    OPEN = (*EDITABLE, Status.EXCHANGING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flows")
    session = models.ForeignKey(PortalSession, on_delete=models.CASCADE, related_name="flows")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="flows")
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="flows")
    offered = models.JSONField(default=list)
    account_type = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=21, choices=Status.choices, default=Status.DRAFT)
    error_code = models.CharField(max_length=64, blank=True)
    draft = models.JSONField(default=dict)
    oauth_client = models.ForeignKey(
        OAuthClient, on_delete=models.PROTECT, null=True, related_name="flows"
    )
    client_version = models.ForeignKey(
        ClientVersion, on_delete=models.PROTECT, null=True, related_name="flows"
    )
    scopes = models.JSONField(default=list)
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, related_name="flows"
    )
    external_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (models.Index(fields=["project", "end_user", "-created_at"], name="flow_recent"),)
        constraints = (
            models.CheckConstraint(
                condition=~Q(status="FAILED") | ~Q(error_code=""), name="flow_failure_has_code"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.status})"


class AuthorizationRequest(SealedModel):
    """One trip to the authorization endpoint, bound to browser, slot and client version."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        CLAIMED = "CLAIMED"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.UUIDField(editable=False)
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="requests")
    session = models.ForeignKey(PortalSession, on_delete=models.CASCADE, related_name="+")
    oauth_client = models.ForeignKey(OAuthClient, on_delete=models.PROTECT, related_name="+")
    client_version = models.ForeignKey(ClientVersion, on_delete=models.PROTECT, related_name="+")
    config_hash = models.CharField(max_length=64)
    state_hash = models.CharField(max_length=64, unique=True)
    browser_hash = models.CharField(max_length=64)
    code_verifier = SealedTextField(null=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.pk} ({self.status})"

    def seal_context(self) -> dict[str, Any]:
        """Name this request and its project."""
        return {"r": str(self.pk), "p": str(self.project_id), "g": 0}
