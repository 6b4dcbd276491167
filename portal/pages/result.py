"""How an installation ended."""

from __future__ import annotations

from django.http import HttpResponse

from integrations import scopes, stages
from integrations.models import Connection, Flow
from integrations.models.projects import OWN_CLIENT
from integrations.scopes import Outcome
from portal.pages.screens import ResultScreen
from portal.pages.visit import PortalRequest, app_of, frame, page


def show(request: PortalRequest, flow: Flow) -> HttpResponse:
    """Show a flow that ended: connected, limited, cancelled or left open too long."""
    return page(request, "install/result.html", _screen(request, flow))


def _screen(request: PortalRequest, flow: Flow) -> ResultScreen:
    connection = flow.connection if flow.status == Flow.Status.COMPLETED else None
    limited = connection and connection.status == Connection.Status.LIMITED
    rows = stages.scope_choices(rules=scopes.policy(flow.integration), chosen=())
    lacking = set(connection.missing_scopes) if connection else set()
    return ResultScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        status="LIMITED" if limited else str(flow.status),
        connection_id=connection.pk if connection else None,
        account_label=connection.account_label if connection else "",
        own_client=flow.account_type == OWN_CLIENT,
        granted=tuple(connection.scopes) if connection else (),
        missing=tuple(row for row in rows if row.name in lacking),
        outcomes=outcomes(connection) if connection else (),
        reported=connection.scopes_reported if connection else True,
    )


def outcomes(connection: Connection) -> tuple[Outcome, ...]:
    """Return what became of each permission; nothing if the provider's file is gone."""
    if not connection.integration.is_known:
        return ()
    return scopes.outcomes(
        provider=connection.integration.provider,
        rules=scopes.policy(connection.integration),
        requested=tuple(connection.requested_scopes),
        given=tuple(connection.scopes),
        reported=connection.scopes_reported,
    )
