"""Rows as the wire shows them."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from integrations import organizations, rotation, stages
from integrations.models import Connection, Flow, Integration, OAuthClient
from portal import logos, texts
from portal.api import stages as wire
from portal.api.schemas import ConnectionOut, FlowError, FlowOut, IntegrationOut
from portal.api.visits import ClientOut, SecretIn, SecretOut


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
        revocation=row.revocation,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def integration(row: Integration, *, organization: UUID | None = None) -> IntegrationOut:
    """Return an integration for a picker, as people of this organization may connect it."""
    provider = row.provider
    return IntegrationOut(
        type=row.slug,
        name=provider.name,
        icon=f"{settings.BASE_URL}{logos.address(provider.slug)}",
        description=row.description,
        account_types=list(organizations.offered(integration=row, organization=organization)),
    )


def client(row: OAuthClient) -> ClientOut:
    """Return a client that its reader may change, without its secret."""
    version = row.current_version
    return ClientOut(
        id=row.pk,
        integration=row.integration.slug,
        owner=row.owner,
        client_id=version.client_id if version else "",
        secret_last4=version.last4 if version else "",
        secret_expires_on=version.secret_expires_on if version else None,
        settings=version.settings if version else {},
        redirect_url=row.redirect_uri(),
        created_at=row.created_at,
        updated_at=version.created_at if version else row.created_at,
    )


def replaced(*, client: OAuthClient, payload: SecretIn, actor: str) -> SecretOut:
    """Replace a client's secret and say what came of it. Raises InvalidInput, NotAllowed."""
    done = rotation.replace_secret(
        client=client, secret=payload.client_secret, expires_on=payload.expires_on, actor=actor
    )
    return SecretOut(
        id=client.pk,
        secret_last4=done.version.last4,
        secret_expires_on=done.version.secret_expires_on,
        checked=done.checked,
        connections=done.connections,
    )


def flow(row: Flow) -> FlowOut:
    """Return where a flow stands."""
    return FlowOut(
        id=row.pk,
        status=row.status,
        stage=stages.stage(row),
        integration=row.integration.slug,
        account_type=row.account_type,
        inputs=wire.inputs(row),
        redirect_url=wire.redirect_url(row),
        client_owner=row.oauth_client.owner if row.oauth_client else None,
        error=_error(row),
        connection=connection(row.connection)
        if row.connection and row.status == Flow.Status.COMPLETED
        else None,
    )


def _error(row: Flow) -> FlowError | None:
    if not row.error_code or row.status not in (Flow.Status.FAILED, Flow.Status.EXPIRED):
        return None
    words = texts.notice(row.error_code, provider=row.integration.provider.name)
    return FlowError(code=row.error_code, display_message=f"{words.title}. {words.text}")
