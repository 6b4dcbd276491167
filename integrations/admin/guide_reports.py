"""What people say about the setup guide, on the page of the integration."""

from __future__ import annotations

from django.contrib import admin
from django.template.loader import render_to_string

from integrations import guides
from integrations.admin.base import NOTHING
from integrations.models import Integration


class GuideField:
    """Adds the field `guide_reports` to the page of an integration."""

    @admin.display(description="guide looks different")
    def guide_reports(self, row: Integration) -> str:
        """How often each step was said to look different since the guide was checked."""
        reports = guides.reported(row) if row.is_known else ()
        if not reports:
            return NOTHING
        context = {"reports": reports, "checked": row.provider.checked}
        return render_to_string("admin/integrations/guide_reports.html", context)
