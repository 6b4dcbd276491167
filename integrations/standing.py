"""Whether a hand-off still stands: it ends with everything that it was made on the strength of."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from integrations import organizations
from integrations.errors import NotFound
from integrations.models import Flow, HandOff, OAuthClient
from integrations.models.projects import OWN_CLIENT

Issuer, Outcome, Owner = HandOff.Issuer, HandOff.Outcome, OAuthClient.Owner


def live(rows: QuerySet[HandOff]) -> HandOff:
    """Return the one row, if everything still stands that it was made for. Raises NotFound."""
    row = (
        rows.filter(outcome=Outcome.OPEN, expires_at__gt=timezone.now())
        .filter(project__is_active=True, oauth_client__integration__is_active=True)
        .select_related("project", "api_key", "end_user", "flow", "oauth_client__current_version")
        .select_related("session__signing_key", "session__api_key", "oauth_client__end_user")
        .select_related("oauth_client__integration__project")
        .first()
    )
    if row is None or not _stands(row):
        raise NotFound("link_ended")
    return row


def _stands(row: HandOff) -> bool:
    client, flow = row.oauth_client, row.flow
    if row.api_key and not row.api_key.is_live:
        return False
    # Whoever chose another way meanwhile, or ended the flow, waits for nobody.
    if flow and (flow.status not in Flow.EDITABLE or flow.oauth_client_id != client.pk):
        return False
    if not (_vouched_for(row) and _permitted(client)):
        return False
    if client.owner != Owner.ORGANIZATION:
        return True
    if row.issuer == Issuer.VENDOR:
        return not client.integration.provider.host_settings()
    if row.end_user is None or row.issuer != Issuer.ORG_ADMIN:
        return False
    if not organizations.is_member(end_user=row.end_user, client=client):
        return False
    return organizations.is_still_admin(end_user=row.end_user, client=client)


def _vouched_for(row: HandOff) -> bool:
    """Return whether the key is still good that says who made the link: it outlives the visit."""
    if row.issuer == Issuer.VENDOR:
        return True
    return row.session is not None and row.session.key.is_live


def _permitted(client: OAuthClient) -> bool:
    theirs = client.end_user.organization_id if client.end_user else client.organization_id
    offered = organizations.offered(integration=client.integration, organization=theirs)
    return OWN_CLIENT in offered
