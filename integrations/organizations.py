"""What somebody may do with their organization's client, and which account types they have."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from django.db.models import QuerySet

from integrations.errors import NotAllowed
from integrations.models import EndUser, Integration, OAuthClient, OrganizationPolicy, PortalSession
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT

Choice, Owner = OrganizationPolicy.Choice, OAuthClient.Owner
ALLOWED: dict[str, tuple[str, ...]] = {
    Choice.DEFAULT_ONLY: (DEFAULT_ACCOUNT,),
    Choice.BOTH: (DEFAULT_ACCOUNT, OWN_CLIENT),
    Choice.OWN_REQUIRED: (OWN_CLIENT,),
}
# The refusal of the other account type, by the one that the organization is held to.
REFUSALS = {OWN_CLIENT: "own_app_required", DEFAULT_ACCOUNT: "default_app_required"}


class Member(Protocol):
    """An end user, by visit or by user token."""

    @property
    def end_user(self) -> EndUser: ...


def organization_id(who: Member) -> UUID | None:
    """Return the organization somebody acts in, or None.

    A visit keeps the one it was opened in, and has none any more once the person moved on.
    """
    current = who.end_user.organization_id
    if isinstance(who, PortalSession) and who.organization_id != current:
        return None
    return current


def governing_id(who: Member) -> UUID | None:
    """Return the organization whose policy somebody is under: the one they are in now, or None."""
    return who.end_user.organization_id


def is_admin(who: Member) -> bool:
    """Return whether a verified user token made them an administrator of that organization."""
    return organization_id(who) is not None and getattr(who, "org_admin", False) is True


def offered(*, integration: Integration, organization: UUID | None) -> tuple[str, ...]:
    """Return the account types for people of this organization, in the integration's order.

    What the vendor settled for the organization replaces what everybody else is offered.
    """
    settled = _settled(integration, organization)
    if settled is None:
        return tuple(integration.account_types)
    known = [kind for kind in integration.account_types if kind in settled]
    return tuple(dict.fromkeys((*known, *settled)))


def require_offered(*, kind: str, integration: Integration, organization: UUID | None) -> None:
    """Raise NotAllowed for an account type that these people may not have, saying why."""
    settled = _settled(integration, organization)
    if kind in (integration.account_types if settled is None else settled):
        return
    raise NotAllowed(REFUSALS[settled[0]] if settled else "account_type_not_allowed")


def client_in_use(*, integration: Integration, organization: UUID | None) -> OAuthClient | None:
    """Return the organization's newest active client of this integration, if it has one."""
    if organization is None:
        return None
    rows = _clients(integration, organization).filter(state=OAuthClient.State.ACTIVE)
    return rows.order_by("-created_at").first()


def draft_client(*, integration: Integration, organization: UUID) -> OAuthClient:
    """Return the organization's one draft slot of this integration, made when first shown."""
    client, _ = OAuthClient.objects.get_or_create(
        integration=integration,
        owner=Owner.ORGANIZATION,
        organization_id=organization,
        state=OAuthClient.State.DRAFT,
    )
    return client


def client_or_draft(*, integration: Integration, organization: UUID) -> OAuthClient:
    """Return the client in use, or the slot for one."""
    found = client_in_use(integration=integration, organization=organization)
    return found or draft_client(integration=integration, organization=organization)


def may_use(*, who: Member, client: OAuthClient) -> bool:
    """Return whether somebody may connect with this client now."""
    if client.owner == Owner.ORGANIZATION:
        return organization_id(who) is not None and client.organization_id == organization_id(who)
    return client.owner == Owner.VENDOR or client.end_user_id == who.end_user.pk


def may_change(*, who: Member, client: OAuthClient) -> bool:
    """Return whether somebody may save this client, and see what it holds."""
    if client.owner == Owner.ORGANIZATION:
        return may_use(who=who, client=client) and is_admin(who)
    return client.owner == Owner.END_USER and client.end_user_id == who.end_user.pk


def require_change(*, who: Member, client: OAuthClient) -> None:
    """Raise NotAllowed for somebody who may not save this client."""
    if not may_change(who=who, client=client):
        shared = client.owner == Owner.ORGANIZATION and may_use(who=who, client=client)
        raise NotAllowed("org_admin_required" if shared else "client_not_usable")


def is_member(*, end_user: EndUser, client: OAuthClient) -> bool:
    """Return whether a client is not another organization's than the one the person is in now."""
    shared = client.owner == Owner.ORGANIZATION
    return not shared or client.organization_id == end_user.organization_id


def is_still_admin(*, end_user: EndUser, client: OAuthClient) -> bool:
    """Return whether the visit they were last seen in made them the client's administrator."""
    visits = PortalSession.objects.filter(end_user=end_user)
    last = visits.order_by("-last_seen_at", "-created_at").first()
    return last is not None and last.org_admin and last.organization_id == client.organization_id


def _settled(integration: Integration, organization: UUID | None) -> tuple[str, ...] | None:
    if organization is None:
        return None
    rows = OrganizationPolicy.objects.filter(integration=integration, organization=organization)
    choice = rows.values_list("choice", flat=True).first()
    return ALLOWED[choice] if choice else None


def _clients(integration: Integration, organization: UUID) -> QuerySet[OAuthClient]:
    rows = OAuthClient.objects.filter(integration=integration, owner=Owner.ORGANIZATION)
    return rows.filter(organization=organization).select_related(
        "current_version__oauth_client__integration"
    )
