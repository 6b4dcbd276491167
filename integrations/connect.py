"""The flow: begin, choose, enter options, authorize, complete. Each step is one function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone

from integrations import (
    access,
    audit,
    authorization,
    callbacks,
    codes,
    endings,
    grants,
    inputs,
    organizations,
    picking,
    problems,
    scopes,
    versions,
)
from integrations.authorization import Authorization, Response
from integrations.choices import choose_account_type as choose_account_type
from integrations.choices import choose_again, require_open
from integrations.choices import save_options as save_options
from integrations.choices import set_up_for as set_up_for
from integrations.choices import use_another_client as use_another_client
from integrations.endings import RESUMABLE_FOR as RESUMABLE_FOR
from integrations.endings import end_if_stale as end_if_stale
from integrations.endings import failed as failed
from integrations.endings import refused as refused
from integrations.errors import (
    AuthorizationFailed,
    ConnectError,
    FlowClosed,
    GrantRevoked,
    InvalidInput,
    NotAllowed,
    NotFound,
    ProviderFailure,
)
from integrations.models import (
    AuthorizationRequest,
    Binding,
    ClientVersion,
    Connection,
    Flow,
    Integration,
    PortalSession,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.oauth import client as oauth
from integrations.picking import save_post_options as save_post_options
from integrations.secret import Secret

MOVED_ON = ("state_used", "flow_closed")
CALLBACK_ERRORS = {
    "access_denied": "access_denied",
    "invalid_scope": "invalid_scope",
    "server_error": "provider_error",
    "temporarily_unavailable": "provider_unreachable",
    "unauthorized_client": "invalid_client",
    "redirect_uri_mismatch": "redirect_uri_mismatch",
}


@dataclass(frozen=True)
class Wish:
    """What a caller asks `begin` for; ids are the vendor's own words until they are looked up."""

    integration: str
    account_types: tuple[str, ...] = ()
    connection_id: str = ""
    external_id: str = ""


def begin(*, session: PortalSession, wish: Wish) -> Flow:
    """Begin a flow, or take up the one this person left open for the same wish.

    Raises NotFound for an integration or connection this person cannot have, NotAllowed for an
    account type that is not offered.
    """
    integration = access.integration_of(who=session, slug=wish.integration)
    target = _target(session, wish)
    organization = organizations.governing_id(session)
    allowed = organizations.offered(integration=integration, organization=organization)
    # A connection of a kind that is no longer offered is renewed as one that is.
    same_kind = (target.account_type,) if target and target.account_type in allowed else ()
    asked = wish.account_types or same_kind
    offered = account_types(integration=integration, asked=asked, organization=organization)
    external_id = _free_external_id(session, integration, wish.external_id)
    same = {
        "project": session.project,
        "end_user": session.end_user,
        "integration": integration,
        "offered": list(offered),
        "connection": target,
        "external_id": external_id,
        "binding": session.binding,
    }
    if session.binding == Binding.WEAK:
        # The id is what the browser that comes back is known by, so no other visit may learn it.
        same["session"] = session
    if (left_open := endings.left_open(same)) is not None:
        return _taken_up(left_open, session)
    flow = Flow.objects.create(**{"session": session, **same})
    if len(offered) == 1 and not flow.account_type:
        choose_account_type(flow=flow, account_type=offered[0])
    return flow


def account_types(
    *, integration: Integration, asked: tuple[str, ...], organization: UUID | None = None
) -> tuple[str, ...]:
    """Return the account types to offer people of an organization, in the caller's order.

    None asked means all offered ones but the own client, or that one if nothing else is offered.
    Of several asked, those stay that the organization may have. Raises NotAllowed for one that is
    unknown or not offered at all, and where none is left.
    """
    offered = organizations.offered(integration=integration, organization=organization)
    if not asked:
        return tuple(kind for kind in offered if kind != OWN_CLIENT) or offered
    known = {*offered, *integration.account_types}
    for kind in asked:
        if kind not in (DEFAULT_ACCOUNT, OWN_CLIENT):
            raise NotAllowed("account_type_unknown")
        if kind not in known or asked == (kind,):
            organizations.require_offered(
                kind=kind, integration=integration, organization=organization
            )
    return tuple(kind for kind in dict.fromkeys(asked) if kind in offered)


def authorize(*, flow: Flow) -> Authorization:
    """Start a trip to the provider.

    The project's policy is that of this moment, not of the moment the flow began. Raises
    FlowClosed, NotFound if the integration was switched off, NotAllowed if the account type or a
    permission is no longer offered, or if options are missing, IntegrityBroken if the stored
    client secret was tampered with.
    """
    require_open(flow)
    if not flow.integration.is_active:
        raise NotFound("integration_not_found")
    if flow.client_version is None or flow.oauth_client is None:
        raise NotAllowed("options_missing")
    organizations.require_offered(
        kind=flow.account_type,
        integration=flow.integration,
        organization=organizations.governing_id(flow.acting),
    )
    if not organizations.may_use(who=flow.acting, client=flow.oauth_client):
        raise NotAllowed("client_not_usable")
    if flow.updated_at < timezone.now() - RESUMABLE_FOR:
        raise FlowClosed
    # The newest version of the slot: a flow must not start with one that was replaced meanwhile.
    version = ClientVersion.objects.select_related("oauth_client__integration").get(
        pk=flow.oauth_client.current_version_id or flow.client_version.pk
    )
    if not versions.fits(version):
        raise NotAllowed("options_missing")
    return authorization.opened(flow=flow, version=version, scopes=_permitted_scopes(flow))


def complete(*, slot: str, response: Response, cookies: Mapping[str, str]) -> Flow:
    """Turn an authorization response into a connection, and return its flow, ended either way.

    Raises AuthorizationFailed only where no flow may be named: an unknown state. Everything else
    that is refused is recorded on the flow (RFC 6749 sections 4.1.2 and 10.12).
    """
    request = authorization.found(response)
    flow = request.flow
    try:
        authorization.check(request=request, response=response, slot=slot, cookies=cookies)
    except AuthorizationFailed as error:
        return flow if error.code == "state_used" else failed(request, error.code)
    if response.error:
        seen = _explained(request, response)
        return failed(request, CALLBACK_ERRORS.get(response.error, "provider_error"), seen=seen)
    provider = request.client_version.provider
    code = callbacks.code_in(provider=provider, code=response.code, params=response.params)
    if code is None:
        return failed(request, "answer_malformed")
    try:
        authorization.check_unchanged(request)
        authorization.read_params(request, response)
        if flow.binding == Binding.WEAK:
            codes.hold(request, code)
        else:
            authorization.claim(request)
            exchange(request, code)
    except ConnectError as error:
        return flow if error.code in MOVED_ON else refused(request, error)
    except Exception as error:
        # Whatever it was, no flow may wait for an answer that will not come. But if the database
        # was away before the code was used, the same address can be loaded again.
        if not (isinstance(error, OperationalError) and authorization.is_pending(request)):
            failed(request, "internal_error")
        raise
    flow.refresh_from_db()
    return flow


def spoil(states: Iterable[Secret]) -> None:
    """Fail the flows of a response that no provider sends; unknown and spent states are nothing."""
    for state in states:
        try:
            request = authorization.found(Response(state=state, code=None, error="", iss=None))
        except AuthorizationFailed:
            continue
        if request.status == AuthorizationRequest.Status.PENDING:
            failed(request, "answer_malformed")


def cancel(*, flow: Flow) -> None:
    """End the flow, unless its code is being exchanged. A connection ends only half-made."""
    with transaction.atomic():
        half_made = picking.unfinished(flow)
        ending = (*Flow.EDITABLE, Flow.Status.AWAITING_CONFIRMATION, Flow.Status.NEEDS_OPTIONS)
        cancelled = Flow.objects.filter(pk=flow.pk, status__in=ending).update(
            status=Flow.Status.CANCELLED, updated_at=timezone.now()
        )
        AuthorizationRequest.objects.filter(flow=flow, status__in=("PENDING", "HELD")).update(
            status=AuthorizationRequest.Status.FAILED, code=None, code_verifier=None
        )
        if cancelled:
            actor = access.actor_of(flow.session)
            audit.record(project=flow.project, actor=actor, action="flow.cancelled", subject=flow)
        picking.drop(half_made, flow=flow)
    flow.refresh_from_db()


def _explained(request: AuthorizationRequest, response: Response) -> str:
    version = request.client_version
    if not version.oauth_client.integration.is_known:
        return ""
    return problems.in_callback(
        provider=version.provider, error=response.error, params=response.params
    )


def _permitted_scopes(flow: Flow) -> tuple[str, ...]:
    rules = scopes.policy(flow.integration)
    if flow.account_type == DEFAULT_ACCOUNT:
        return rules.default
    try:
        return scopes.checked(rules=rules, names=tuple(flow.scopes))
    except InvalidInput:
        raise NotAllowed("scope_not_allowed") from None


def exchange(request: AuthorizationRequest, code: Secret) -> None:
    """Exchange a code that this call alone holds, and keep what it gives. Raises ConnectError."""
    version = request.client_version
    provider = request.client_version.provider
    with authorization.seals_watched(request.flow):
        client, verifier = versions.oauth_client(version=version), request.open("code_verifier")
    try:
        answer = oauth.exchange(
            provider=provider,
            client=client,
            code=code,
            verifier=verifier,
            callback=request.callback_values,
        )
    except GrantRevoked as error:
        # Here invalid_grant speaks of the code: there is no connection yet to be renewed.
        raise ProviderFailure("code_refused", seen=error.seen) from None
    try:
        account = oauth.account(
            provider=provider,
            client=client,
            settings=version.settings,
            tokens=answer,
            callback=request.callback_values,
        )
    except ProviderFailure:
        # The grant is good; only whose it is stays unknown.
        account = None
    grants.keep(request=request, answer=answer, account=account)


def _taken_up(flow: Flow, session: PortalSession) -> Flow:
    # Only the session changes: a callback may be ending the flow at this moment.
    Flow.objects.filter(pk=flow.pk).update(session=session)
    flow = access.flow_of(who=session, pk=flow.pk)
    choose_again(flow=flow)
    if len(flow.offered) == 1 and not flow.account_type:
        choose_account_type(flow=flow, account_type=flow.offered[0])
    return flow


def _target(session: PortalSession, wish: Wish) -> Connection | None:
    if not wish.connection_id:
        return None
    target = access.connection_of(who=session, pk=wish.connection_id)
    if target.integration.slug != wish.integration:
        raise NotFound("connection_not_found")
    return target


def _free_external_id(session: PortalSession, integration: Integration, value: str) -> str:
    external_id = inputs.clean_external_id(value)
    taken = Connection.objects.filter(
        end_user=session.end_user_id, integration=integration, external_id=external_id
    ).exclude(status__in=Connection.GONE)
    if external_id and taken.exists():
        raise NotAllowed("external_id_taken")
    return external_id
