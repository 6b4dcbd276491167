"""What a portal session may see: one function for each kind of object, and no other way to it."""

from __future__ import annotations

from uuid import UUID

from integrations.errors import NotFound
from integrations.models import Connection, Flow, Integration, PortalSession


def flow_of(*, session: PortalSession, pk: UUID | str) -> Flow:
    """Return this person's flow. Raises NotFound."""
    try:
        return Flow.objects.select_related(
            "integration__project",
            "connection",
            "client_version",
            "oauth_client__integration__project",
            "oauth_client__current_version",
            "session__end_user",
        ).get(pk=UUID(str(pk)), project=session.project_id, end_user=session.end_user_id)
    except (Flow.DoesNotExist, ValueError):
        raise NotFound("flow_not_found") from None


def integration_of(*, session: PortalSession, slug: str) -> Integration:
    """Return an active integration of the session's project. Raises NotFound."""
    found = Integration.objects.filter(
        project=session.project_id, slug=slug[:63], is_active=True
    ).select_related("project")
    if (integration := found.first()) is None:
        raise NotFound("integration_not_found")
    return integration


def connection_of(*, session: PortalSession, pk: UUID | str) -> Connection:
    """Return this person's connection, unless it is disconnected. Raises NotFound."""
    try:
        return (
            Connection.objects.exclude(status=Connection.Status.DISCONNECTED)
            .select_related("integration__project", "project")
            .get(pk=UUID(str(pk)), project=session.project_id, end_user=session.end_user_id)
        )
    except (Connection.DoesNotExist, ValueError):
        raise NotFound("connection_not_found") from None


def connections_of(session: PortalSession) -> list[Connection]:
    """Return this person's connections that are not disconnected, newest first."""
    return list(
        Connection.objects.filter(project=session.project_id, end_user=session.end_user_id)
        .exclude(status=Connection.Status.DISCONNECTED)
        .select_related("integration", "oauth_client__current_version")
        .order_by("-created_at")
    )


def actor_of(session: PortalSession) -> str:
    """Return how the audit log names this person."""
    return f"user:{session.end_user.external_id}"
