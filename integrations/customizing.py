"""Keep a provider that a project described itself, on its integration.

What was entered for another address stays with that address: a stored secret, a grant and a trip
under way never follow to a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count, QuerySet

from integrations import audit, versions
from integrations.catalog import custom
from integrations.catalog.schema import Provider
from integrations.definitions import addresses_of
from integrations.errors import FieldError, InvalidInput
from integrations.models import Connection, Credential, Flow, Integration, OAuthClient, Project
from integrations.models.projects import DEFAULT_ACCOUNT, own_provider


def create(*, project: Project, slug: str, data: Mapping[str, Any], actor: str) -> Integration:
    """Switch on a described provider. Raises InvalidInput for a slug that is taken."""
    with transaction.atomic():
        if Integration.objects.filter(project=project, slug=slug).exists():
            message = f"This project already has an integration {slug}. Choose another slug."
            raise InvalidInput(FieldError("slug", "taken", message))
        integration = Integration.objects.create(
            project=project, slug=slug, provider_slug=custom.SLUG, custom_provider=dict(data)
        )
        _record(integration, actor, "integration.created", severity="low")
    return integration


def change(*, integration: Integration, data: Mapping[str, Any], actor: str) -> bool:
    """Replace the description. Return whether a secret, a code or a token would go elsewhere now.

    Then clients have to be entered again, and flows that are open begin again at the form.
    """
    with transaction.atomic():
        locked = Integration.objects.select_for_update(of=("self",)).get(
            pk=integration.pk, provider_slug=custom.SLUG
        )
        before = _place(locked.provider)
        locked.custom_provider = dict(data)
        locked.save(update_fields=["custom_provider"])
        moved = _place(locked.provider) != before
        if moved:
            _begin_again(locked)
        severity = "high" if moved else "low"
        _record(locked, actor, "integration.provider_changed", severity=severity)
    integration.refresh_from_db()
    return moved


def left_behind(integration: Integration, data: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many clients and live connections would be of another place than `data` names."""
    clients = OAuthClient.objects.filter(integration=integration, state=OAuthClient.State.ACTIVE)
    live = Credential.objects.filter(
        connection__integration=integration, connection__status__in=Connection.LIVE
    )
    place = _place(own_provider(dict(data)))
    return (
        _elsewhere(clients, "current_version__custom_provider", place),
        _elsewhere(live, "client_version__custom_provider", place),
    )


def _elsewhere(rows: QuerySet[Any], path: str, place: str) -> int:
    # Few descriptions, however many rows were made by each.
    counted = rows.order_by().values_list(path).annotate(number=Count("pk"))
    return sum(number for data, number in counted if _place(own_provider(data)) != place)


def _place(provider: Provider) -> str:
    return versions.config_hash(provider=provider, client_id="", settings={})


def _begin_again(integration: Integration) -> None:
    opened = Flow.objects.filter(integration=integration, status__in=Flow.EDITABLE)
    opened.filter(account_type=DEFAULT_ACCOUNT).update(
        account_type="", oauth_client=None, client_version=None, status=Flow.Status.DRAFT
    )
    opened.exclude(account_type="").update(client_version=None, status=Flow.Status.DRAFT)


def _record(integration: Integration, actor: str, action: str, *, severity: str) -> None:
    addresses = addresses_of(integration.custom_provider or {})
    audit.record(
        project=integration.project,
        actor=actor,
        action=action,
        subject=integration,
        severity=severity,
        hosts=sorted({urlsplit(url).netloc for url in addresses.values()}),
    )
