"""Rendering a screen: what its template may name, besides the screen itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation


def rendered(
    request: HttpRequest, template: str, screen: object, *, status: int = 200
) -> HttpResponse:
    """Render a template with its screen, and the names that its sentences are about."""
    return render(request, template, context(screen), status=status)


def context(screen: object) -> dict[str, Any]:
    """Return what a template of this screen may name."""
    frame = getattr(screen, "frame", None)
    look = frame.look if frame else getattr(screen, "look", None)
    about = getattr(screen, "connection", screen)
    return {
        "screen": screen,
        "vendor": frame.vendor if frame else getattr(screen, "vendor", ""),
        "provider": getattr(getattr(about, "app", None), "name", ""),
        "look": look,
        "theme": frame.theme if frame else getattr(look, "mode", "auto"),
        "language": translation.get_language(),
        "direction": "rtl" if translation.get_language_bidi() else "ltr",
    }
