"""Rows as the wire shows them."""

from __future__ import annotations

from django.conf import settings
from django.templatetags.static import static

from integrations.models import Connection, Flow, Integration
from portal import texts
from portal.api.schemas import ConnectionOut, FlowError, FlowOut, IntegrationOut

STAGES = {
    Flow.Status.WAITING: "oauth",
    Flow.Status.EXCHANGING: "oauth",
    Flow.Status.NEEDS_OPTIONS: "postOptions",
    Flow.Status.COMPLETED: "done",
}


def connection(row: Connection) -> ConnectionOut:
    """Return a connection without anything secret."""
    organization = row.end_user.organization
    return ConnectionOut(
        id=row.pk,
        integration=row.integration.slug,
        user=row.end_user.external_id,
        organization=organization.external_id if organization else None,
        status=row.status,
        reason=row.reason,
        account_type=row.account_type,
        account_id=row.account_id,
        account_label=row.account_label,
        external_id=row.external_id,
        scopes=row.scopes,
        missing_scopes=row.missing_scopes,
        provider_data=row.provider_data,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def integration(row: Integration) -> IntegrationOut:
    """Return an integration for a picker."""
    provider = row.provider
    return IntegrationOut(
        type=row.slug,
        name=provider.name,
        icon=f"{settings.BASE_URL}{static(f'logos/{provider.slug}.svg')}",
        description=row.description,
        account_types=row.account_types,
    )


def flow(row: Flow) -> FlowOut:
    """Return where a flow stands."""
    return FlowOut(
        id=row.pk,
        status=row.status,
        stage=_stage(row),
        integration=row.integration.slug,
        account_type=row.account_type,
        error=_error(row),
        connection=connection(row.connection)
        if row.connection and row.status == Flow.Status.COMPLETED
        else None,
    )


def _stage(row: Flow) -> str:
    if row.status in STAGES:
        return STAGES[Flow.Status(row.status)]
    if not row.account_type:
        return "accountType"
    return "oauth" if row.client_version_id else "preOptions"


def _error(row: Flow) -> FlowError | None:
    if row.status != Flow.Status.FAILED:
        return None
    words = texts.notice(row.error_code, provider=row.integration.provider.name)
    return FlowError(code=row.error_code, display_message=f"{words.title}. {words.text}")
