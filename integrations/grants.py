"""Turn a token answer into a connection: new, or the same one connected again."""

from __future__ import annotations

import time
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from integrations import audit, scopes, tokens
from integrations.errors import NotAllowed, NotFound, ProviderFailure
from integrations.models import AuthorizationRequest, Connection, EndUser, Flow
from integrations.oauth.answers import TokenAnswer, at_path
from integrations.oauth.client import Account

COMMIT_TRIES = 5


def keep(
    *, request: AuthorizationRequest, answer: TokenAnswer, account: Account | None
) -> Connection:
    """Store a grant in one short transaction, tried again if the database stumbles.

    Raises NotAllowed if a reconnect came back with another account: the old grant stays. Raises
    NotFound if the connection to renew was disconnected meanwhile.
    """
    for attempt in range(COMMIT_TRIES):
        try:
            with transaction.atomic():
                return _kept(request, answer, account)
        except IntegrityError:
            if not request.flow.external_id:
                raise
            # Two flows may run towards one external id; only one of them can have it.
            raise NotAllowed("external_id_taken") from None
        except OperationalError:
            if attempt == COMMIT_TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _kept(
    request: AuthorizationRequest, answer: TokenAnswer, account: Account | None
) -> Connection:
    flow = request.flow
    # Two first approvals of one account must not make two connections of it.
    EndUser.objects.select_for_update().get(pk=flow.end_user_id)
    connection, is_new = _connection(flow, account), False
    if connection is None:
        connection, is_new = _new_connection(request), True
    _describe(connection, request, answer, account)
    connection.save(force_insert=is_new)
    tokens.store(connection=connection, version=request.client_version, answer=answer)
    _end_flow(request, connection)
    audit.record(
        project=flow.project,
        actor=f"user:{flow.end_user.external_id}",
        action="connection.created" if is_new else "connection.reauthorized",
        subject=connection,
        integration=flow.integration.slug,
        account_type=flow.account_type,
        status=connection.status,
    )
    return connection


def _connection(flow: Flow, account: Account | None) -> Connection | None:
    """Return the connection to renew: the flow's target, or the same account connected before."""
    if flow.connection_id:
        target = Connection.objects.select_for_update().get(pk=flow.connection_id)
        if target.status == Connection.Status.DISCONNECTED:
            raise NotFound("connection_not_found")
        if target.account_id and account is None:
            raise ProviderFailure("identity_unavailable")
        if account and target.account_id not in ("", account.id):
            raise NotAllowed("account_mismatch")
        return target
    if account is None or flow.external_id:
        return None
    return (
        Connection.objects.select_for_update()
        .filter(end_user=flow.end_user, integration=flow.integration, account_id=account.id)
        .filter(account_type=flow.account_type)
        .exclude(status=Connection.Status.DISCONNECTED)
        .first()
    )


def _new_connection(request: AuthorizationRequest) -> Connection:
    flow = request.flow
    return Connection(
        project=flow.project,
        end_user=flow.end_user,
        integration=flow.integration,
        account_type=flow.account_type,
        external_id=flow.external_id,
    )


def _describe(
    connection: Connection,
    request: AuthorizationRequest,
    answer: TokenAnswer,
    account: Account | None,
) -> None:
    flow, provider = request.flow, request.oauth_client.integration.provider
    requested = tuple(flow.scopes)
    given = scopes.granted(requested=requested, scope=answer.scope)
    required = tuple(flow.integration.required_scopes)
    lacking = scopes.missing(provider=provider, required=required, given=given)
    connection.oauth_client = request.oauth_client
    connection.account_type = flow.account_type
    connection.status = Connection.Status.LIMITED if lacking else Connection.Status.VALID
    connection.reason = Connection.Reason.NONE
    connection.requested_scopes, connection.scopes = list(requested), list(given)
    connection.missing_scopes = list(lacking)
    connection.provider_data = {**request.client_version.settings, **_captured(provider, answer)}
    if account:
        connection.account_id, connection.account_label = account.id, account.label


def _captured(provider: Any, answer: TokenAnswer) -> dict[str, str]:
    # Named by the first of its alternatives: `team.id|enterprise.id` is team.id to the vendor.
    found = {path.split("|")[0]: at_path(answer.extra, path) for path in provider.capture}
    return {path: value for path, value in found.items() if value}


def _end_flow(request: AuthorizationRequest, connection: Connection) -> None:
    AuthorizationRequest.objects.filter(pk=request.pk).update(code_verifier=None)
    Flow.objects.filter(pk=request.flow_id).update(
        status=Flow.Status.COMPLETED,
        error_code="",
        connection=connection,
        updated_at=timezone.now(),
    )
