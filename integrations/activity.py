"""What happened with somebody's own connection or app, in words for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext_noop

from integrations import access, organizations
from integrations.access import Somebody
from integrations.models import AuditEvent, Connection, OAuthClient
from integrations.models.events import REFRESH_FAILED, REFRESHED
from integrations.wording import said

SHOWN = 20
PROMOTED = "client.promoted"
SENTENCES = {
    "connection.created": gettext_noop("The account was connected."),
    "connection.imported": gettext_noop("The connection was brought over from another system."),
    "connection.pending": gettext_noop("Access was approved, with a choice still to be made."),
    "connection.reauthorized": gettext_noop("The account was connected again."),
    "connection.limited": gettext_noop("Not every permission was given, so it works with limits."),
    "connection.invalid": gettext_noop("The connection stopped working."),
    "connection.disconnecting": gettext_noop("The connection was ended."),
    "connection.disconnected": gettext_noop("Our copy of the access was deleted."),
    "connection.revoked_remotely": gettext_noop("The provider removed the access."),
    "connection.revocation_failed": gettext_noop(
        "The provider did not confirm that the access was removed."
    ),
    "client.created": gettext_noop("The app's details were saved."),
    "client.updated": gettext_noop("The app's details were changed."),
    "client.rotated": gettext_noop("The app's secret was replaced."),
    "client.checked": gettext_noop("The app was checked with the provider."),
    "client.expiring": gettext_noop("The app's secret was found to expire soon."),
    PROMOTED: gettext_noop("The app was shared with the organization."),
    "handoff.sent": gettext_noop("A link was made for somebody else to set up the app."),
    "handoff.completed": gettext_noop("The app was set up through the link."),
    "handoff.revoked": gettext_noop("The link for setting up the app was ended."),
}
REASONS = {
    "needs_reauth": gettext_noop("The provider no longer accepted the connection."),
    "rotation_lost": gettext_noop("A renewal of the access was interrupted."),
    "client_rejected": gettext_noop("The provider rejected the app."),
}
SERVICE, HAND_OFF = ("system", "command:"), "hand-off"


@dataclass(frozen=True)
class Entry:
    """One thing that happened: when, what and by whom, in sentences."""

    at: datetime
    text: str
    who: str


def of_connection(*, who: Somebody, connection: Connection) -> tuple[Entry, ...]:
    """Return what happened with this person's connection and their own app behind it.

    Newest first, 20 at most. An organization's app has its own history, for administrators.
    """
    client = connection.oauth_client
    events = list(newest(connection, who))
    personal = client.owner == OAuthClient.Owner.END_USER
    if personal and organizations.may_change(who=who, client=client):
        events += newest(client, who)
    return _entries(events, who)


def of_client(*, who: Somebody, client: OAuthClient) -> tuple[Entry, ...]:
    """Return what happened with an app that this person may change, newest first, 20 at most.

    What was one person's before it was shared stays theirs: others see it from then on.
    """
    events = list(newest(client, who))
    shared = client.owner == OAuthClient.Owner.ORGANIZATION
    return _entries(_since_shared(events, who) if shared else events, who)


def newest(subject: Connection | OAuthClient, who: Somebody) -> QuerySet[AuditEvent]:
    """Return the newest 20 events about one row of this project that have a sentence."""
    rows = AuditEvent.objects.filter(
        project=who.project,
        object_type=subject._meta.model_name,
        object_id=str(subject.pk),
        action__in=SENTENCES,
    )
    # Said a second time for the index, which leaves out what fills the log of a connection.
    rows = rows.exclude(action=REFRESHED).exclude(action=REFRESH_FAILED)
    return rows.order_by("-sequence")[:SHOWN]


def _since_shared(events: Iterable[AuditEvent], who: Somebody) -> list[AuditEvent]:
    mine, before, kept = access.actor_of(who), False, []
    for event in events:
        if not before or event.actor == mine:
            kept.append(event)
        before = before or event.action == PROMOTED
    return kept


def _entries(events: Iterable[AuditEvent], who: Somebody) -> tuple[Entry, ...]:
    newest = sorted(events, key=lambda event: event.sequence, reverse=True)[:SHOWN]
    return tuple(Entry(event.at, _text(event), _by(event.actor, who)) for event in newest)


def _text(event: AuditEvent) -> str:
    told = TELLING.get(event.action)
    return (told(event.data) if told else "") or said(SENTENCES[event.action])


def _why(data: Mapping[str, Any]) -> str:
    reason = REASONS.get(str(data.get("reason")))
    return said(reason) if reason else ""


def _again(data: Mapping[str, Any]) -> str:
    if data.get("cause") != "secret_replaced":
        return ""
    return said("The connection works again with the new secret.")


def _until(data: Mapping[str, Any]) -> str:
    try:
        day = date.fromisoformat(str(data.get("expires_on")))
    except ValueError:
        return ""
    return said("The app's secret expires on {day}.", day=date_format(day, "DATE_FORMAT"))


# What may be read of an event's data, and into which sentence; all else of it is told nobody.
TELLING: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "connection.invalid": _why,
    "connection.reauthorized": _again,
    "client.expiring": _until,
}


def _by(actor: str, who: Somebody) -> str:
    if actor == access.actor_of(who):
        return said("By you")
    if actor.startswith(("user:", HAND_OFF)):
        return said("By a colleague")
    if actor.startswith(SERVICE):
        return said("By this service")
    if actor.startswith("admin:"):
        return said("By an administrator of {vendor}", vendor=who.project.name)
    return said("By {vendor}", vendor=who.project.name)
