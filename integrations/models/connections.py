"""Connections and, apart from them, their credentials."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from integrations.models.clients import ClientVersion, OAuthClient
from integrations.models.fields import SealedModel, SealedTextField
from integrations.models.people import EndUser
from integrations.models.projects import Integration, Project


class Connection(models.Model):
    """An end user's account at a provider."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        VALID = "VALID"
        LIMITED = "LIMITED"
        INVALID = "INVALID"
        DISCONNECTING = "DISCONNECTING"
        DISCONNECTED = "DISCONNECTED"

    class Reason(models.TextChoices):
        NONE = ""
        NEEDS_REAUTH = "needs_reauth"
        ROTATION_LOST = "rotation_lost"
        CLIENT_REJECTED = "client_rejected"

    class Revocation(models.TextChoices):
        NONE = ""
        REVOKED = "revoked"
        SHARED = "shared"
        UNSUPPORTED = "unsupported"
        FAILED = "failed"

    LIVE = (Status.VALID, Status.LIMITED)
    GONE = (Status.DISCONNECTING, Status.DISCONNECTED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="connections")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="connections")
    integration = models.ForeignKey(
        Integration, on_delete=models.PROTECT, related_name="connections"
    )
    oauth_client = models.ForeignKey(
        OAuthClient, on_delete=models.PROTECT, related_name="connections"
    )
    account_type = models.CharField(max_length=32)
    status = models.CharField(max_length=13, choices=Status.choices)
    reason = models.CharField(max_length=15, choices=Reason.choices, blank=True, default="")
    external_id = models.CharField(max_length=255, blank=True)
    account_id = models.CharField(max_length=255, blank=True)
    account_label = models.CharField(max_length=255, blank=True)
    requested_scopes = models.JSONField(default=list)
    scopes = models.JSONField(default=list)
    missing_scopes = models.JSONField(default=list)
    # Whether the provider said what it gave. If not, `scopes` are those that were requested.
    scopes_reported = models.BooleanField(default=True)
    provider_data = models.JSONField(default=dict)
    # While PENDING: what the person has yet to choose from, as id, label and hint.
    post_options = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    disconnected_at = models.DateTimeField(null=True)
    # What became of the grant at the provider, once that is known.
    revocation = models.CharField(max_length=11, choices=Revocation.choices, blank=True, default="")

    class Meta:
        indexes = (
            models.Index(fields=["project", "end_user", "integration"], name="connection_owner"),
            models.Index(fields=["project", "-created_at", "id"], name="connection_recent"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status="INVALID") ^ Q(reason=""), name="connection_invalid_has_reason"
            ),
            models.UniqueConstraint(
                fields=["end_user", "integration", "external_id"],
                condition=~Q(external_id="") & ~Q(status__in=("DISCONNECTING", "DISCONNECTED")),
                name="connection_unique_external_id",
            ),
        )

    def __str__(self) -> str:
        return f"connection {self.pk}"


class Credential(SealedModel):
    """The tokens of a connection. A change makes a new generation, compared and swapped."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="credential"
    )
    project_id = models.UUIDField(editable=False)
    client_version = models.ForeignKey(ClientVersion, on_delete=models.PROTECT, related_name="+")
    access_token = SealedTextField()
    refresh_token = SealedTextField(null=True)
    token_type = models.CharField(max_length=32, default="Bearer")
    expires_at = models.DateTimeField(null=True)
    generation = models.PositiveBigIntegerField(default=1)
    lease_epoch = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    # Null while nothing is to be refreshed, so that the index holds live credentials only.
    refresh_after = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = (
            models.Index(
                fields=["refresh_after"],
                condition=Q(refresh_after__isnull=False),
                name="credential_due",
            ),
        )

    def __str__(self) -> str:
        return f"credential of {self.connection_id}"

    def seal_context(self) -> dict[str, Any]:
        """Name the connection, its project and this generation."""
        return {"r": str(self.pk), "p": str(self.project_id), "g": self.generation}
