"""Where logos of providers are."""

from __future__ import annotations

from django.conf import settings
from django.templatetags.static import static

NEUTRAL = "logos/_provider.svg"


def address(slug: str) -> str:
    """Return the address of the provider's logo, or of the neutral one."""
    path = f"logos/{slug}.svg"
    # Storage with a manifest raises for a file it does not know.
    known = any((folder / path).is_file() for folder in settings.STATICFILES_DIRS)
    return static(path if known else NEUTRAL)
