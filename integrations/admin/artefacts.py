"""What registers the vendor's own app at the provider, on the page of the integration."""

from __future__ import annotations

from django.template.loader import render_to_string

from integrations import clients, creating, scopes
from integrations.admin.base import NOTHING
from integrations.catalog.schema import Provider
from integrations.models import Integration


def shown(integration: Integration, provider: Provider) -> str:
    """Return the artefacts with the vendor's redirect URL and default scopes, or a dash."""
    slot = clients.vendor_client(integration)
    version = slot.current_version
    registration = creating.Registration(
        redirect_url=slot.redirect_uri(),
        app_name=integration.project.name,
        scopes=scopes.policy(integration).default,
        settings=version.settings if version else {},
    )
    made = creating.artefacts(provider=provider, registration=registration)
    context = {"artefacts": made}
    template = "admin/integrations/integration/artefacts.html"
    return render_to_string(template, context) if made else NOTHING
