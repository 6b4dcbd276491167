"""Managing connections: list, disconnect; reconnecting begins a flow."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_noop

from integrations import access, organizations, revocation
from integrations.limits import PAGE
from integrations.models import ClientVersion, Connection, OAuthClient, PortalSession
from integrations.models.projects import OWN_CLIENT
from integrations.wording import said
from portal.limits import limited
from portal.pages import farewells, result, shared_apps
from portal.pages.screens import ConnectionRow, DisconnectScreen, ManageScreen, SavedSecret
from portal.pages.visit import PortalRequest, app_of, frame, page, portal_page
from portal.texts import Notice

STATUS_LABELS = {
    "VALID": gettext_noop("Connected"),
    "LIMITED": gettext_noop("Limited"),
    "PENDING": gettext_noop("Not finished"),
    "INVALID": gettext_noop("Needs reconnect"),
    "DISCONNECTING": gettext_noop("Disconnecting"),
}
REASONS = {
    "needs_reauth": gettext_noop("The provider no longer accepts it. Reconnect to go on."),
    "rotation_lost": gettext_noop("A renewal was interrupted. Reconnect to go on."),
    "client_rejected": gettext_noop(
        "The provider rejects the app. Replace its secret, or reconnect."
    ),
}


@portal_page()
@limited(PAGE)
def index(request: PortalRequest) -> HttpResponse:
    """List this person's connections."""
    return show(request)


@portal_page()
@limited(PAGE)
def disconnect(request: PortalRequest) -> HttpResponse:
    """Ask first; with the answer, stop using the connection and erase its tokens."""
    session = request.portal_session
    connection = access.connection_of(who=session, pk=request.POST.get("connection", ""))
    if request.POST.get("confirm") != "1":
        question = DisconnectScreen(frame=frame(request), connection=_row(session, connection))
        return page(request, "manage/disconnect.html", question)
    revocation.disconnect(connection=connection, actor=access.actor_of(session))
    title = said("{name} is disconnected", name=app_of(connection.integration).name)
    notice = Notice("disconnected", title, farewells.text(connection))
    return show(request, notice, disconnected=connection.pk)


def show(
    request: PortalRequest, done: Notice | None = None, disconnected: UUID | None = None
) -> HttpResponse:
    """Show the list, with what was just done above it."""
    session = request.portal_session
    kept = (row for row in access.connections_of(session) if row.status not in Connection.GONE)
    screen = ManageScreen(
        frame=frame(request),
        connections=tuple(_row(session, item) for item in kept),
        shared_apps=shared_apps.of(session),
        may_share=organizations.is_admin(session),
        gone=tuple(farewells.of(item) for item in access.disconnected_of(session)),
        offers=tuple(app_of(item) for item in access.integrations_of(session.project)),
        done=done,
        disconnected=disconnected,
    )
    return page(request, "manage/index.html", screen)


def _row(session: PortalSession, connection: Connection) -> ConnectionRow:
    own, client = connection.account_type == OWN_CLIENT, connection.oauth_client
    changes = own and organizations.may_change(who=session, client=client)
    version = client.current_version if changes else None
    return ConnectionRow(
        id=connection.pk,
        app=app_of(connection.integration),
        account_label=connection.account_label,
        own_client=own,
        shared=client.owner == OAuthClient.Owner.ORGANIZATION,
        client_id=version.client_id if version else "",
        status=connection.status,
        status_label=said(STATUS_LABELS.get(connection.status, connection.status)),
        reason_text=said(REASONS[connection.reason]) if connection.reason in REASONS else "",
        needs_action=connection.status not in ("VALID", "DISCONNECTING"),
        connected_at=connection.created_at,
        scopes=tuple(connection.scopes),
        missing=tuple(connection.missing_scopes),
        outcomes=result.outcomes(connection),
        reported=connection.scopes_reported,
        client=client.pk if version else None,
        secret=_secret(version) if version else None,
    )


def _secret(version: ClientVersion) -> SavedSecret:
    return SavedSecret(version.last4, version.created_at, version.secret_expires_on)
