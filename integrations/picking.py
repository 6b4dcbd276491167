"""What a person chooses after the approval, such as one of several sites."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from integrations import audit, revocation
from integrations.errors import FieldError, FlowClosed, InvalidInput
from integrations.models import Connection, Credential, Flow
from integrations.wording import said

FIELD = "post_option"


def save_post_options(*, flow: Flow, choice: str) -> None:
    """Take one of the offered ids: with it the connection is complete, and so is the flow.

    Raises InvalidInput for an id that was not offered, FlowClosed if there is nothing (more) to
    choose.
    """
    with transaction.atomic():
        connection = _waiting(flow)
        picked = next((each for each in connection.post_options if each["id"] == choice), None)
        if picked is None:
            raise InvalidInput(FieldError(FIELD, "invalid", said("Choose one of the list.")))
        _complete(connection, picked)
        Flow.objects.filter(pk=flow.pk).update(
            status=Flow.Status.COMPLETED, updated_at=timezone.now()
        )
        first = Credential.objects.filter(pk=connection.pk, generation=1).exists()
        record(flow=flow, connection=connection, is_new=first)
    flow.refresh_from_db()


def unfinished(flow: Flow) -> Connection | None:
    """Lock the flow, and return the connection it made if nobody has chosen for it yet."""
    row = _locked(flow)
    waits = row.connection and row.connection.status == Connection.Status.PENDING
    return row.connection if waits and row.status == Flow.Status.NEEDS_OPTIONS else None


def drop(connection: Connection | None, *, flow: Flow) -> None:
    """Disconnect what `unfinished` returned. Runs inside the caller's transaction."""
    if connection:
        actor = f"user:{flow.end_user.external_id}"
        revocation.disconnect(connection=connection, actor=actor)


def usable_status(connection: Connection) -> Connection.Status:
    """Return the status of a connection that has all it needs."""
    lacking = connection.missing_scopes
    return Connection.Status.LIMITED if lacking else Connection.Status.VALID


def record(*, flow: Flow, connection: Connection, is_new: bool) -> None:
    """Record what a flow made of a connection: usable, usable in part, or not chosen yet."""
    pending = connection.status == Connection.Status.PENDING
    made = "connection.created" if is_new else "connection.reauthorized"
    actions = ["connection.pending" if pending else made]
    if connection.status == Connection.Status.LIMITED:
        actions.append("connection.limited")
    for action in actions:
        audit.record(
            project=flow.project,
            actor=f"user:{flow.end_user.external_id}",
            action=action,
            subject=connection,
            integration=flow.integration.slug,
            account_type=flow.account_type,
            status=connection.status,
            flow=str(flow.pk),
        )


def _locked(flow: Flow) -> Flow:
    # Always the flow first: choosing and cancelling at once must wait for each other.
    return Flow.objects.select_for_update(of=("self",)).select_related("connection").get(pk=flow.pk)


def _waiting(flow: Flow) -> Connection:
    flow = _locked(flow)
    if flow.connection_id is None or flow.status != Flow.Status.NEEDS_OPTIONS:
        raise FlowClosed
    rows = Connection.objects.select_for_update().filter(
        pk=flow.connection_id, end_user=flow.end_user_id, status=Connection.Status.PENDING
    )
    if (connection := rows.first()) is None:
        raise FlowClosed
    return connection


def _complete(connection: Connection, picked: dict[str, str]) -> None:
    for name, option in connection.integration.provider.post_options.items():
        connection.provider_data = {**connection.provider_data, name: picked["id"]}
        if option.is_account:
            connection.account_id = picked["id"]
            connection.account_label = picked["hint"] or picked["label"]
    connection.post_options = []
    connection.status = usable_status(connection)
    connection.save()
