"""Turn a token answer into a connection: new, or the same one connected again."""

from __future__ import annotations

import time

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from integrations import leftovers, lookups, picking, scopes, tokens, versions
from integrations.errors import ConnectError, FlowClosed, NotAllowed, NotFound, ProviderFailure
from integrations.lookups import Offer
from integrations.models import AuthorizationRequest, Connection, EndUser, Flow
from integrations.oauth import client as oauth
from integrations.oauth.answers import TokenAnswer
from integrations.oauth.client import Account
from integrations.oauth.identity import captured

COMMIT_TRIES = 5


def keep(
    *, request: AuthorizationRequest, answer: TokenAnswer, account: Account | None
) -> Connection:
    """Ask what else must be known, then store a grant in one short transaction.

    A grant that is not stored is left to be ended at the provider. Raises NotAllowed if a
    reconnect came back with another account: the old grant stays. Raises NotFound if the
    connection to renew was disconnected meanwhile, FlowClosed if the flow ended meanwhile.
    """
    try:
        offer = _offer(request, answer)
        if offer and offer.is_account:
            account = offer.account()
        return _stored(request, answer, account, offer)
    except Exception as error:
        code = error.code if isinstance(error, ConnectError) else "not_stored"
        leftovers.give_up(request=request, answer=answer, account=account, reason=code)
        raise


def _offer(request: AuthorizationRequest, answer: TokenAnswer) -> Offer | None:
    version = request.client_version
    return lookups.offer(
        provider=version.provider,
        client=versions.oauth_client(version=version),
        settings=version.settings,
        access_token=answer.access_token,
        target=request.flow.connection,
    )


def _stored(
    request: AuthorizationRequest, answer: TokenAnswer, account: Account | None, offer: Offer | None
) -> Connection:
    for attempt in range(COMMIT_TRIES):
        try:
            with transaction.atomic():
                return _kept(request, answer, account, offer)
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
    request: AuthorizationRequest, answer: TokenAnswer, account: Account | None, offer: Offer | None
) -> Connection:
    flow = request.flow
    # Two first approvals of one account must not make two connections of it.
    EndUser.objects.select_for_update().get(pk=flow.end_user_id)
    connection, is_new = _connection(flow, account), False
    if connection is None:
        connection, is_new = _new_connection(request), True
    _describe(connection, request, answer, account)
    _take(connection, offer)
    connection.save(force_insert=is_new)
    leftovers.queue_old(connection=connection, answer=answer)
    tokens.store(connection=connection, version=request.client_version, answer=answer)
    versions.proved(request.client_version)
    _move_flow(request, connection)
    picking.record(flow=flow, connection=connection, is_new=is_new)
    return connection


def _connection(flow: Flow, account: Account | None) -> Connection | None:
    """Return the connection to renew: the flow's target, or the same account connected before."""
    if flow.connection_id:
        target = Connection.objects.select_for_update().get(pk=flow.connection_id)
        if target.status in Connection.GONE:
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
        .exclude(status__in=Connection.GONE)
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
    flow, provider = request.flow, request.client_version.provider
    requested = tuple(flow.scopes)
    given = _named(scopes.granted(requested=requested, scope=answer.scope), request)
    required = tuple(flow.integration.required_scopes)
    lacking = scopes.missing(provider=provider, required=required, given=given)
    connection.oauth_client = request.oauth_client
    connection.account_type = flow.account_type
    connection.reason = Connection.Reason.NONE
    connection.requested_scopes, connection.scopes = list(requested), list(given)
    connection.missing_scopes, connection.scopes_reported = list(lacking), bool(answer.scope)
    connection.provider_data = {
        **request.client_version.settings,
        **captured(provider, answer),
        **request.callback_values,
        **(account.data if account else {}),
    }
    if account:
        connection.account_id, connection.account_label = account.id, account.label


def _named(given: tuple[str, ...], request: AuthorizationRequest) -> tuple[str, ...]:
    """Return granted scopes by the names they were chosen by: some are addresses with settings."""
    settings = request.client_version.settings
    chosen = [name for name in request.flow.scopes if "{" in name]
    names = {oauth.rendered(name, settings): name for name in chosen}
    return tuple(names.get(name, name) for name in given)


def _take(connection: Connection, offer: Offer | None) -> None:
    """Keep what was chosen, or what there is to choose; the status follows."""
    connection.post_options = []
    if offer and offer.chosen is None:
        connection.status = Connection.Status.PENDING
        connection.post_options = [vars(choice) for choice in offer.choices]
        return
    if offer and offer.chosen:
        connection.provider_data = {**connection.provider_data, offer.name: offer.chosen.id}
    connection.status = picking.usable_status(connection)


def _move_flow(request: AuthorizationRequest, connection: Connection) -> None:
    pending = connection.status == Connection.Status.PENDING
    AuthorizationRequest.objects.filter(pk=request.pk).update(code_verifier=None)
    moved = Flow.objects.filter(pk=request.flow_id, status=Flow.Status.EXCHANGING).update(
        status=Flow.Status.NEEDS_OPTIONS if pending else Flow.Status.COMPLETED,
        error_code="",
        connection=connection,
        updated_at=timezone.now(),
    )
    if not moved:
        # Given up as interrupted meanwhile: the person was told that nothing is connected.
        raise FlowClosed
