"""Portal visits and what happens in them: sessions, flows, trips to the provider."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from integrations.models.clients import ClientVersion, OAuthClient
from integrations.models.connections import Connection
from integrations.models.fields import SealedModel, SealedTextField
from integrations.models.people import EndUser, Organization
from integrations.models.projects import ApiKey, Integration, Project, SigningKey


class Binding(models.TextChoices):
    """Who vouches that one person starts and finishes: the browser, or the vendor afterwards."""

    STRONG = "strong"
    WEAK = "weak"


class PortalSession(models.Model):
    """A short-lived authenticated visit. Its handle is kept only as a digest.

    It ends with the key that vouched for the person: the signing key of the user token, or the API
    key that asked for the ticket.
    """

    class Display(models.TextChoices):
        EMBED = "embed"
        PAGE = "page"
        WINDOW = "window"
        HEADLESS = "headless"

    COOKIE = (Display.PAGE, Display.WINDOW)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    handle_hash = models.CharField(max_length=64, unique=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sessions")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="sessions")
    signing_key = models.ForeignKey(
        SigningKey, on_delete=models.CASCADE, null=True, related_name="+"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="+")
    origin = models.CharField(max_length=255)
    display = models.CharField(max_length=8, choices=Display.choices)
    # Weak: opened by a link, which may have been passed on to somebody else.
    binding = models.CharField(max_length=6, choices=Binding.choices, default=Binding.STRONG)
    # Whose administrator that makes them: the person may belong to another one by now.
    organization = models.ForeignKey(
        Organization, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    org_admin = models.BooleanField(default=False)
    return_url = models.CharField(max_length=500, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    theme = models.CharField(max_length=5, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["end_user", "display"], name="session_of_person"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(signing_key=None) ^ Q(api_key=None), name="session_has_one_key"
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def key(self) -> SigningKey | ApiKey:
        """The key that vouched for the person. Raises TypeError for a row that has none."""
        if (key := self.signing_key or self.api_key) is None:
            raise TypeError("a session has a key")
        return key


class VisitTicket(models.Model):
    """A right to open one visit, once, that the vendor's backend asked for. Kept as a digest."""

    class Kind(models.TextChoices):
        HOSTED = "hosted"
        EMBED = "embed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ticket_hash = models.CharField(max_length=64, unique=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    integration = models.CharField(max_length=63, blank=True)
    account_types = models.JSONField(default=list)
    return_url = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} ticket {self.pk}"


class UsedToken(models.Model):
    """A user token's `jti` that opened a visit; kept until the token would have expired."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    jti_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "jti_hash"], name="used_token_unique"),
        )

    def __str__(self) -> str:
        return f"used token {self.pk}"


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
    OPEN = (
        *EDITABLE,
        Status.EXCHANGING,
        Status.AWAITING_CONFIRMATION,
        Status.NEEDS_OPTIONS,
    )

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flows")
    session = models.ForeignKey(PortalSession, on_delete=models.CASCADE, related_name="flows")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="flows")
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="flows")
    offered = models.JSONField(default=list)
    account_type = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=21, choices=Status.choices, default=Status.DRAFT)
    error_code = models.CharField(max_length=64, blank=True)
    # What the provider answered, if its file explains that: the `seen` of one of its errors.
    seen = models.CharField(max_length=160, blank=True)
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
    # That of the session it began in, for good: see `AuthorizationRequest.Status.HELD`.
    binding = models.CharField(max_length=6, choices=Binding.choices, default=Binding.STRONG)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Whose rights count while it is handled, as `access.flow_of` found them; never stored.
    handled_by: Any = None

    class Meta:
        indexes = (
            models.Index(fields=["project", "end_user", "-created_at"], name="flow_recent"),
            models.Index(fields=["integration", "created_at"], name="flow_of_integration"),
        )
        constraints = (
            models.CheckConstraint(
                condition=~Q(status="FAILED") | ~Q(error_code=""), name="flow_failure_has_code"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.status})"

    @property
    def acting(self) -> Any:
        """The person whose rights count, by visit or token: of this request, else the flow's."""
        return self.handled_by or self.session


class AuthorizationRequest(SealedModel):
    """One trip to the authorization endpoint, bound to browser, slot and client version."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        # The code waits for the vendor to say that the person who came back is the right one.
        HELD = "HELD"
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
    code = SealedTextField(null=True)
    code_expires_at = models.DateTimeField(null=True, db_index=True)
    # What the callback said besides the code, as far as the provider's file keeps it.
    callback_values = models.JSONField(default=dict)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(status="HELD", code__isnull=False, code_expires_at__isnull=False)
                | ~Q(status="HELD") & Q(code__isnull=True),
                name="request_code_only_while_held",
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.status})"

    def seal_context(self) -> dict[str, Any]:
        """Name this request and its project."""
        return {"r": str(self.pk), "p": str(self.project_id), "g": 0}


class StartTicket(models.Model):
    """A right to start one flow from a page of the vendor, once. Kept as a digest."""

    ticket_hash = models.CharField(max_length=64, primary_key=True)
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(PortalSession, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"start ticket of {self.flow_id}"
