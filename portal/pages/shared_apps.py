"""An organization's apps, as its administrators see them on the manage page."""

from __future__ import annotations

from integrations import access, organizations, rotation
from integrations.models import Connection, OAuthClient, PortalSession
from portal.pages.screens import SavedSecret, SharedApp
from portal.pages.visit import app_of, name_of


def of(session: PortalSession) -> tuple[SharedApp, ...]:
    """Return the apps of the organization that this visit may change."""
    if not organizations.is_admin(session):
        return ()
    rows = access.clients_of(session)
    return tuple(_shown(row) for row in rows if row.owner == OAuthClient.Owner.ORGANIZATION)


def _shown(client: OAuthClient) -> SharedApp:
    version = client.current_version
    if version is None:
        raise TypeError("an active client has a version")
    left = rotation.bound_to_old_app(client=client, version=version).select_related("end_user")
    living = client.connections.filter(status__in=Connection.LIVE)
    return SharedApp(
        app=app_of(client.integration),
        client=client.pk,
        client_id=version.client_id,
        secret=SavedSecret(version.last4, version.created_at, version.secret_expires_on),
        connections=living.count(),
        again=tuple(dict.fromkeys(name_of(row.end_user) for row in left)),
    )
