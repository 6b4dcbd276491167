"""Links with which somebody else registers an app, such as a colleague who runs IT."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from integrations.models.clients import OAuthClient
from integrations.models.people import EndUser
from integrations.models.projects import ApiKey, Project
from integrations.models.sessions import Flow, PortalSession


class HandOff(models.Model):
    """A right to enter one client, until it was entered. Link and form are kept as digests.

    Either a person asked for it in a flow, or the vendor did: then it has no flow and no session.
    One that an API key made ends with that key, and one made in a visit with the key that vouched
    for the person there.
    """

    class Issuer(models.TextChoices):
        PERSON = "person"
        ORG_ADMIN = "org_admin"
        VENDOR = "vendor"

    class Outcome(models.TextChoices):
        OPEN = "", "Open"
        SUBMITTED = "submitted"
        REVOKED = "revoked"
        REPLACED = "replaced"
        NOT_NEEDED = "not_needed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ticket_hash = models.CharField(max_length=64, unique=True)
    form_hash = models.CharField(max_length=64, blank=True, db_index=True)
    form_expires_at = models.DateTimeField(null=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    oauth_client = models.ForeignKey(
        OAuthClient, on_delete=models.PROTECT, related_name="hand_offs"
    )
    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, null=True, blank=True, related_name="hand_offs"
    )
    session = models.ForeignKey(
        PortalSession, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    end_user = models.ForeignKey(
        EndUser, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    issuer = models.CharField(max_length=9, choices=Issuer.choices)
    asked_by = models.CharField(max_length=300)
    outcome = models.CharField(
        max_length=10, choices=Outcome.choices, default=Outcome.OPEN, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "hand-off"
        constraints = (
            models.UniqueConstraint(
                fields=["flow"],
                condition=Q(outcome="", flow__isnull=False),
                name="hand_off_one_per_flow",
            ),
            models.UniqueConstraint(
                fields=["oauth_client"],
                condition=Q(outcome="", flow=None),
                name="hand_off_one_per_client",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", ended_at=None)
                | (~Q(outcome="") & Q(ended_at__isnull=False)),
                name="hand_off_end_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(flow=None, issuer="vendor")
                | (Q(flow__isnull=False, end_user__isnull=False) & ~Q(issuer="vendor")),
                name="hand_off_issuer_matches",
            ),
        )

    def __str__(self) -> str:
        return f"hand-off {self.pk}"
