"""How the portal looks for one project."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from integrations import theming
from integrations.models.projects import Project


class Branding(models.Model):
    """A project's look. Without a row it is the portal's own."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="branding"
    )
    accent = models.CharField(
        max_length=7,
        default="#3450c8",
        validators=[RegexValidator(theming.HEX, "Enter a colour such as #3450c8.")],
        help_text="Of buttons and links. It is made darker or lighter where it could not be read.",
    )
    radius = models.PositiveSmallIntegerField(
        "corners", choices=[(each, f"{each} pixels") for each in theming.RADII], default=10
    )
    font = models.CharField(
        max_length=9,
        choices=[(each, each.capitalize()) for each in theming.FONTS],
        default="system",
    )
    mode = models.CharField(
        "light or dark",
        max_length=5,
        choices=[("auto", "As the person's device"), ("light", "Light"), ("dark", "Dark")],
        default="auto",
    )
    logo = models.BinaryField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "look"
        constraints = (
            models.CheckConstraint(
                condition=Q(radius__in=theming.RADII)
                & Q(font__in=tuple(theming.FONTS))
                & Q(mode__in=theming.MODES),
                name="branding_known_tokens",
            ),
        )

    def __str__(self) -> str:
        return f"The look of {self.project}"

    def tokens(self) -> theming.Tokens:
        """Return what was chosen."""
        return theming.Tokens(self.accent, self.radius, self.font, self.mode)

    def digest(self) -> str:
        """Return the name of exactly this look."""
        return theming.digest(self.tokens(), bytes(self.logo or b""))
