"""What is said of a connection after it was disconnected."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from integrations.models import Connection
from integrations.wording import said
from portal.pages.screens import Farewell
from portal.pages.visit import app_of

Outcome = Connection.Revocation
TEXTS = {
    Outcome.NONE: gettext_noop("There was nothing to remove at {name}."),
    Outcome.REVOKED: gettext_noop("{name} has removed the access."),
    Outcome.SHARED: gettext_noop(
        "Another connection uses the same approval at {name}, so it stays there."
    ),
    Outcome.UNSUPPORTED: gettext_noop("{name} lets only you remove the access. You do that there."),
    Outcome.FAILED: gettext_noop(
        "{name} did not confirm that the access was removed. Remove it there."
    ),
}
BY_HAND = (Outcome.UNSUPPORTED, Outcome.FAILED)


def text(connection: Connection) -> str:
    """Return how far the disconnection has come, in one or two sentences."""
    name = app_of(connection.integration).name
    if connection.status == Connection.Status.DISCONNECTING:
        return said("Disconnected. Removing access at {name}…", name=name)
    return said("Disconnected.") + " " + said(TEXTS[Outcome(connection.revocation)], name=name)


def of(connection: Connection) -> Farewell:
    """Return the connection as the list of disconnected ones shows it."""
    app, integration = app_of(connection.integration), connection.integration
    by_hand = connection.revocation in BY_HAND and integration.is_known
    how = integration.provider.revocation if by_hand else None
    return Farewell(
        app=app,
        account_label=connection.account_label,
        text=text(connection),
        page=(how.page or "") if how else "",
        steps=how.steps if how else (),
        id=connection.pk,
    )
