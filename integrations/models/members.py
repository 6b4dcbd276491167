"""Who of the vendor's staff sees which projects in the admin."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from integrations.models.projects import Project


class Membership(models.Model):
    """Ties somebody to some projects. Without one, a person's role holds in all projects.

    One row for each person, so that taking the last project away leaves nothing, not everything.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership"
    )
    projects = models.ManyToManyField(Project, blank=True, related_name="memberships")

    def __str__(self) -> str:
        return f"{self.user}"
