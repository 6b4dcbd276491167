"""The vendor's end users and the organizations they belong to."""

from __future__ import annotations

import uuid

from django.db import models

from integrations.models.projects import Project


class Organization(models.Model):
    """A customer of the vendor, known by the user token's `org`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="organizations")
    external_id = models.CharField(max_length=255)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "external_id"], name="organization_unique"),
        )

    def __str__(self) -> str:
        return self.external_id


class EndUser(models.Model):
    """A person who connects accounts, known by the user token's `sub`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="end_users")
    external_id = models.CharField(max_length=255)
    organization = models.ForeignKey(
        Organization, on_delete=models.SET_NULL, null=True, blank=True, related_name="end_users"
    )
    name = models.CharField(max_length=80, blank=True)
    email = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "external_id"], name="end_user_unique"),
        )

    def __str__(self) -> str:
        return self.name or self.external_id
