"""What the vendor settled for one of its customers."""

from __future__ import annotations

import uuid

from django.db import models

from integrations.models.people import Organization
from integrations.models.projects import Integration


class OrganizationPolicy(models.Model):
    """Which account types one organization has of one integration. None: what everybody has."""

    class Choice(models.TextChoices):
        DEFAULT_ONLY = "default", "Your app only"
        BOTH = "both", "Your app or their own"
        OWN_REQUIRED = "own", "Their own app required"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="policies"
    )
    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="organization_policies"
    )
    choice = models.CharField(max_length=7, choices=Choice.choices)

    class Meta:
        verbose_name_plural = "organization policies"
        constraints = (
            models.UniqueConstraint(
                fields=["organization", "integration"], name="organization_policy_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(choice__in=("default", "both", "own")),
                name="organization_policy_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.organization}: {self.integration}"
