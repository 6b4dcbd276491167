"""Grants that are no longer used: queued here, ended at the provider, then erased."""

from __future__ import annotations

from django.db.models.functions import Now

from integrations.models import ClientVersion, Connection, Project, Revocation
from integrations.secret import Secret


def queue(
    *,
    project: Project,
    client_version: ClientVersion,
    access_token: Secret,
    refresh_token: Secret | None,
    connection: Connection | None,
    reason: str,
    account_id: str = "",
) -> None:
    """Keep a grant until the provider has ended it. Runs inside the caller's transaction.

    `account_id` names the account of a grant that has no connection; `reason` is a short word for
    the record.
    """
    Revocation(
        project=project,
        client_version=client_version,
        connection=connection,
        account_id=connection.account_id if connection else account_id,
        reason=reason,
        access_token=access_token,
        refresh_token=refresh_token,
        due_at=Now(),
    ).save(force_insert=True)
