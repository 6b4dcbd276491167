"""What an end user may see: one function for each kind of object, and no other way to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations import organizations
from integrations.errors import NotFound
from integrations.models import (
    Connection,
    EndUser,
    Flow,
    Integration,
    OAuthClient,
    PortalSession,
    Project,
)
from integrations.text import storable

SHOWN_FOR, SHOWN = timedelta(days=7), 10


class Somebody(Protocol):
    """An end user in a project, whether by portal session or by user token."""

    @property
    def project(self) -> Project: ...

    @property
    def end_user(self) -> EndUser: ...


def flow_of(*, who: Somebody, pk: UUID | str) -> Flow:
    """Return this person's flow. Raises NotFound.

    A visit sees flows of its own binding only: one opened by a link must not start the flow of
    another, which nobody would confirm.
    """
    binding = {"binding": who.binding} if isinstance(who, PortalSession) else {}
    try:
        flow = Flow.objects.select_related(
            "integration__project",
            "connection__integration",
            "connection__end_user__organization",
            "client_version",
            "oauth_client__integration__project",
            "oauth_client__current_version",
            "session__end_user",
            "project",
        ).get(pk=UUID(str(pk)), project=who.project, end_user=who.end_user, **binding)
    except (Flow.DoesNotExist, ValueError):
        raise NotFound("flow_not_found") from None
    # A flow may have begun in a visit with other rights than the one it is handled in.
    flow.handled_by = who.handled_by if isinstance(who, Flow) else who
    return flow


def integration_of(*, who: Somebody, slug: str) -> Integration:
    """Return an active integration of the session's project. Raises NotFound."""
    return active_integration(project=who.project, slug=slug)


def active_integration(*, project: Project, slug: str) -> Integration:
    """Return an active integration of the project. Raises NotFound."""
    found = Integration.objects.filter(
        project=project, slug=storable(slug[:63]), is_active=True
    ).select_related("project")
    if (integration := found.first()) is None:
        raise NotFound("integration_not_found")
    return integration


def integrations_of(project: Project) -> list[Integration]:
    """Return the project's active integrations whose provider is in the catalog, by slug."""
    rows = Integration.objects.filter(project=project, is_active=True).order_by("slug")
    return [row for row in rows if row.is_known]


def connection_of(*, who: Somebody, pk: UUID | str) -> Connection:
    """Return this person's connection, unless it is disconnected. Raises NotFound."""
    try:
        return (
            Connection.objects.exclude(status__in=Connection.GONE)
            .select_related("integration__project", "project")
            .get(pk=UUID(str(pk)), project=who.project, end_user=who.end_user)
        )
    except (Connection.DoesNotExist, ValueError):
        raise NotFound("connection_not_found") from None


def any_connection_of(*, who: Somebody, pk: UUID | str) -> Connection:
    """Return this person's connection, disconnected or not. Raises NotFound."""
    try:
        return Connection.objects.select_related("integration", "oauth_client").get(
            pk=UUID(str(pk)), project=who.project, end_user=who.end_user
        )
    except (Connection.DoesNotExist, ValueError):
        raise NotFound("connection_not_found") from None


def connections_of(who: Somebody) -> list[Connection]:
    """Return this person's connections that are not disconnected, newest first."""
    return list(
        Connection.objects.filter(project=who.project, end_user=who.end_user)
        .exclude(status=Connection.Status.DISCONNECTED)
        .select_related(
            "integration", "oauth_client__current_version", "end_user__organization", "project"
        )
        .order_by("-created_at")
    )


def clients_of(who: Somebody) -> list[OAuthClient]:
    """Return the clients this person may change, newest first: an administrator's are more."""
    rows = _changeable(who).select_related("integration__project", "current_version")
    return list(rows.order_by("-created_at"))


def client_of(*, who: Somebody, pk: UUID | str) -> OAuthClient:
    """Return a client this person may change. Raises NotFound."""
    rows = _changeable(who).select_related("integration__project", "current_version")
    try:
        return rows.get(pk=UUID(str(pk)))
    except (OAuthClient.DoesNotExist, ValueError):
        raise NotFound("client_not_found") from None


def _changeable(who: Somebody) -> QuerySet[OAuthClient]:
    mine = Q(end_user=who.end_user)
    if organizations.is_admin(who):
        mine |= Q(organization=organizations.organization_id(who))
    rows = OAuthClient.objects.filter(mine, state=OAuthClient.State.ACTIVE)
    return rows.filter(integration__project=who.project)


def project_client(*, project: Project, pk: UUID) -> OAuthClient:
    """Return an entered client of the project, whoever owns it. Raises NotFound."""
    found = OAuthClient.objects.filter(
        pk=pk, integration__project=project, state=OAuthClient.State.ACTIVE
    )
    if (client := found.select_related("integration__project", "current_version").first()) is None:
        raise NotFound("client_not_found")
    return client


def disconnected_of(who: Somebody) -> list[Connection]:
    """Return what this person disconnected lately, newest first."""
    recent = timezone.now() - SHOWN_FOR
    gone = Connection.objects.filter(
        project=who.project,
        end_user=who.end_user,
        status__in=Connection.GONE,
        disconnected_at__gt=recent,
    ).select_related("integration", "oauth_client__current_version", "project")
    return list(gone.order_by("-disconnected_at")[:SHOWN])


def actor_of(who: Somebody) -> str:
    """Return how the audit log names this person."""
    return f"user:{who.end_user.external_id}"


def project_connection(*, project: Project, pk: UUID) -> Connection:
    """Return a connection of the project with what a call in its name needs. Raises NotFound."""
    found = Connection.objects.filter(pk=pk, project=project).select_related(
        "project",
        "integration",
        "end_user__organization",
        "credential__client_version__oauth_client__integration",
    )
    if (connection := found.first()) is None:
        raise NotFound("connection_not_found")
    return connection
