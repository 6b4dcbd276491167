"""How far people come with an integration, where they give up, and what they say they saw."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.template.loader import render_to_string

from integrations import reporting


class FunnelField:
    """Adds the field `funnel` to the page of an integration."""

    @admin.display(description="last 30 days")
    def funnel(self, row: Any) -> str:
        """How many flows came how far."""
        return render_to_string("admin/integrations/funnel.html", {"funnel": reporting.funnel(row)})
