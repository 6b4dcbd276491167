"""OAuth clients: the slot that owns a redirect URL, and the versions of what it holds."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from integrations.catalog.schema import Provider
from integrations.models.fields import SealedModel, SealedTextField
from integrations.models.people import EndUser, Organization
from integrations.models.projects import Integration, own_provider

CALLBACK_PATH = "/oauth/callback/"
LAST4_MIN_LENGTH = 24


def new_slot() -> str:
    """Return 128 random bits as 26 lower-case base32 characters: no meaning and no secret."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


class OAuthClient(models.Model):
    """The slot: an owner's place for one OAuth client of an integration, with one redirect URL.

    Exists before its client id is known (DRAFT). Slots are never reused and never deleted, because
    their redirect URL is registered at the provider.
    """

    class Owner(models.TextChoices):
        VENDOR = "vendor"
        ORGANIZATION = "organization"
        END_USER = "end_user"

    class State(models.TextChoices):
        DRAFT = "DRAFT"
        ACTIVE = "ACTIVE"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slot = models.CharField(max_length=26, unique=True, default=new_slot, editable=False)
    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="clients")
    owner = models.CharField(max_length=12, choices=Owner.choices)
    end_user = models.ForeignKey(
        EndUser, on_delete=models.PROTECT, null=True, blank=True, related_name="clients"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="clients"
    )
    state = models.CharField(max_length=6, choices=State.choices, default=State.DRAFT)
    current_version = models.ForeignKey(
        "ClientVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # What colleagues ask for through an organization's client; empty means the defaults.
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "OAuth client"
        constraints = (
            models.CheckConstraint(
                condition=Q(owner="vendor", end_user=None, organization=None)
                | Q(owner="end_user", end_user__isnull=False, organization=None)
                | Q(owner="organization", organization__isnull=False, end_user=None),
                name="client_owner_matches",
            ),
            models.CheckConstraint(
                condition=Q(state="DRAFT", current_version=None)
                | Q(state="ACTIVE", current_version__isnull=False),
                name="client_active_has_version",
            ),
            models.UniqueConstraint(
                fields=["integration"], condition=Q(owner="vendor"), name="client_one_vendor"
            ),
            models.UniqueConstraint(
                fields=["integration", "end_user"],
                condition=Q(owner="end_user", state="DRAFT"),
                name="client_one_user_draft",
            ),
            models.UniqueConstraint(
                fields=["integration", "organization"],
                condition=Q(owner="organization", state="DRAFT"),
                name="client_one_organization_draft",
            ),
        )

    def __str__(self) -> str:
        return f"{self.owner} client of {self.integration}"

    def redirect_uri(self) -> str:
        """Return the one redirect URL of this slot, the same on pages and in both requests.

        Built from BASE_URL and never from a request's Host header (RFC 9700 section 4.4).
        """
        return f"{settings.BASE_URL}{CALLBACK_PATH}{self.slot}"


class ClientVersion(SealedModel):
    """What a slot held from one moment on: immutable, so grants can point to what made them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    oauth_client = models.ForeignKey(OAuthClient, on_delete=models.PROTECT, related_name="versions")
    project_id = models.UUIDField(editable=False)
    number = models.PositiveIntegerField()
    client_id = models.CharField(max_length=512)
    # Erased once the secret was replaced and nothing needs it any more.
    client_secret = SealedTextField(null=True)
    last4 = models.CharField(max_length=4, blank=True)
    settings = models.JSONField(default=dict)
    # The project's own provider as it was when the secret was entered: it goes nowhere else.
    custom_provider = models.JSONField(null=True, default=None, editable=False)
    config_hash = models.CharField(max_length=64)
    secret_expires_on = models.DateField(null=True, blank=True)
    # The one thing learned later: the provider took the secret.
    proved_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["secret_expires_on"],
                condition=Q(secret_expires_on__isnull=False),
                name="version_secret_ends",
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["oauth_client", "number"], name="version_unique"),
        )

    def __str__(self) -> str:
        return f"version {self.number} of {self.oauth_client_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row once. Raises TypeError on a change: a changed client is a new version."""
        if not self._state.adding:
            raise TypeError("a client version is immutable")
        super().save(*args, **kwargs)

    @property
    def provider(self) -> Provider:
        """The provider that the secret was entered for. Raises NotFound if its file is gone."""
        if self.custom_provider is None:
            return self.oauth_client.integration.provider
        return own_provider(self.custom_provider)

    def seal_context(self) -> dict[str, Any]:
        """Name this version, its project, and what the secret is for.

        Whoever can write to the database must not be able to point a kept secret at another host.
        """
        own = [] if self.custom_provider is None else [self.custom_provider]
        purpose = json.dumps([self.client_id, self.settings, *own], sort_keys=True)
        return {
            "r": str(self.pk),
            "p": str(self.project_id),
            "g": self.number,
            "h": hashlib.sha256(purpose.encode()).hexdigest(),
        }
