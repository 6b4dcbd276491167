"""Where a project publishes the keys that sign its user tokens."""

from __future__ import annotations

from django.db import models

from integrations.models.projects import Project


class KeySet(models.Model):
    """The address of a project's JWK Set (RFC 7517 section 5), and when it was last read."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="key_set"
    )
    url = models.CharField("URL", max_length=2048)
    tried_at = models.DateTimeField(null=True, editable=False)
    fetched_at = models.DateTimeField(null=True, editable=False)
    failure = models.CharField(max_length=64, blank=True, editable=False)

    def __str__(self) -> str:
        return self.url
