"""What is said of a connection after it was disconnected."""

from __future__ import annotations

from integrations.models import Connection
from portal.pages.screens import Farewell
from portal.pages.visit import app_of

Outcome = Connection.Revocation
TEXTS = {
    Outcome.NONE: "There was nothing to remove at {name}.",
    Outcome.REVOKED: "{name} has removed the access.",
    Outcome.SHARED: "Another connection uses the same approval at {name}, so it stays there.",
    Outcome.UNSUPPORTED: "{name} lets only you remove the access. You do that there.",
    Outcome.FAILED: "{name} did not confirm that the access was removed. Remove it there.",
}
BY_HAND = (Outcome.UNSUPPORTED, Outcome.FAILED)


def text(connection: Connection) -> str:
    """Return how far the disconnection has come, in one or two sentences."""
    name = app_of(connection.integration).name
    if connection.status == Connection.Status.DISCONNECTING:
        return f"Disconnected. Removing access at {name}…"
    return "Disconnected. " + TEXTS[Outcome(connection.revocation)].format(name=name)


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
    )
