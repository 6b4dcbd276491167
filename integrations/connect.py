"""The flow: begin, choose, enter options, authorize, complete. Each step is one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations import access, audit, authorization, clients, grants, inputs, scopes
from integrations.authorization import Authorization, Response
from integrations.clients import ClientConfig, Saved
from integrations.errors import (
    AuthorizationFailed,
    ConnectError,
    FlowClosed,
    InvalidInput,
    NotAllowed,
    NotFound,
    ProviderFailure,
)
from integrations.models import (
    AuthorizationRequest,
    ClientVersion,
    Connection,
    Flow,
    Integration,
    OAuthClient,
    PortalSession,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.oauth import client as oauth
from integrations.secret import Secret

RESUMABLE_FOR = timedelta(hours=2)
EXCHANGE_MAX = timedelta(seconds=120)
DRAFT_MAX = 4_200
CALLBACK_ERRORS = {
    "access_denied": "access_denied",
    "invalid_scope": "invalid_scope",
    "server_error": "provider_error",
    "temporarily_unavailable": "provider_unreachable",
    "unauthorized_client": "invalid_client",
    "redirect_uri_mismatch": "redirect_uri_mismatch",
}
ALARMS = frozenset({"session_binding_failed", "mixup_blocked", "issuer_missing", "issuer_mismatch"})


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
    asked = wish.account_types or ((target.account_type,) if target else ())
    offered = account_types(integration=integration, asked=asked)
    external_id = _free_external_id(session, integration, wish.external_id)
    flow = _left_open(session, integration, target, offered) or Flow(
        project=session.project,
        session=session,
        end_user=session.end_user,
        integration=integration,
        offered=list(offered),
        connection=target,
        external_id=external_id,
    )
    flow.session = session
    flow.save()
    if len(offered) == 1 and not flow.account_type:
        choose_account_type(flow=flow, account_type=offered[0])
    return flow


def account_types(*, integration: Integration, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return the account types to offer, in the caller's order.

    None asked means all offered ones but the own client, or that one if nothing else is offered.
    Raises NotAllowed for one that is unknown or not offered.
    """
    offered = tuple(integration.account_types)
    if not asked:
        return tuple(kind for kind in offered if kind != OWN_CLIENT) or offered
    for kind in asked:
        if kind not in (DEFAULT_ACCOUNT, OWN_CLIENT):
            raise NotAllowed("account_type_unknown")
        if kind not in offered:
            raise NotAllowed("account_type_not_allowed")
    return tuple(dict.fromkeys(asked))


def choose_account_type(*, flow: Flow, account_type: str) -> None:
    """Take one of the offered account types; what was typed for another one stays.

    Raises NotAllowed if it is not offered or the vendor has no client, FlowClosed.
    """
    _require_open(flow)
    if account_type not in flow.offered:
        raise NotAllowed("account_type_not_allowed")
    flow.account_type = account_type
    if account_type == DEFAULT_ACCOUNT:
        _take_vendor_client(flow)
    else:
        flow.oauth_client = _own_client(flow)
        flow.client_version = None
    flow.save()


def use_another_client(*, flow: Flow) -> None:
    """Switch the flow to the person's draft slot, so that another app can be entered."""
    _require_open(flow)
    if flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    flow.oauth_client = clients.draft_client(integration=flow.integration, end_user=flow.end_user)
    flow.client_version, flow.draft = None, {}
    flow.save()


def save_options(*, flow: Flow, config: ClientConfig, scope_text: str) -> Saved:
    """Store the person's own client and scopes. What was typed is kept as a draft, but the secret.

    Raises InvalidInput with every field at fault, FlowClosed.
    """
    _require_open(flow)
    if flow.oauth_client is None or flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    _keep_draft(flow, config, scope_text)
    errors, names = [], ()
    try:
        rules = scopes.policy(flow.integration)
        names = scopes.checked(rules=rules, names=inputs.clean_scopes(scope_text))
    except InvalidInput as error:
        errors.extend(error.errors)
    try:
        saved = clients.replace_config(
            client=flow.oauth_client, config=config, actor=access.actor_of(flow.session)
        )
    except InvalidInput as error:
        raise InvalidInput(*error.errors, *errors) from None
    if errors:
        raise InvalidInput(*errors)
    flow.client_version, flow.scopes = saved.version, list(names)
    flow.status, flow.error_code = Flow.Status.DRAFT, ""
    flow.save()
    return saved


def authorize(*, flow: Flow) -> Authorization:
    """Start a trip to the provider. Raises FlowClosed, NotAllowed if options are missing."""
    _require_open(flow)
    if flow.client_version is None or flow.oauth_client is None:
        raise NotAllowed("options_missing")
    # The newest version of the slot: a flow must not start with one that was replaced meanwhile.
    version = ClientVersion.objects.select_related("oauth_client__integration").get(
        pk=flow.oauth_client.current_version_id
    )
    return authorization.opened(flow=flow, version=version)


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
        return flow if error.code == "state_used" else _failed(request, error.code)
    if response.error or response.code is None:
        return _failed(request, CALLBACK_ERRORS.get(response.error, "provider_error"))
    try:
        authorization.check_unchanged(request)
        authorization.claim(request)
        _exchange(request, response.code)
    except ConnectError as error:
        return _failed(request, error.code) if error.code != "state_used" else flow
    flow.refresh_from_db()
    return flow


def cancel(*, flow: Flow) -> None:
    """End the flow. A connection that exists is not touched."""
    Flow.objects.filter(pk=flow.pk, status__in=Flow.OPEN).update(status=Flow.Status.CANCELLED)
    AuthorizationRequest.objects.filter(flow=flow, status="PENDING").update(
        status=AuthorizationRequest.Status.FAILED, code_verifier=None
    )
    flow.refresh_from_db()


def _exchange(request: AuthorizationRequest, code: Secret) -> None:
    version = request.client_version
    provider = request.oauth_client.integration.provider
    client = clients.oauth_client(version=version)
    verifier = request.open("code_verifier")
    answer = oauth.exchange(provider=provider, client=client, code=code, verifier=verifier)
    try:
        account = oauth.account(provider=provider, client=client, tokens=answer)
    except ProviderFailure:
        # The grant is good; only whose it is stays unknown.
        account = None
    grants.keep(request=request, answer=answer, account=account)


def _failed(request: AuthorizationRequest, code: str) -> Flow:
    flow = request.flow
    with transaction.atomic():
        authorization.spend(request)
        Flow.objects.filter(pk=flow.pk, status__in=Flow.OPEN).update(
            status=Flow.Status.FAILED, error_code=code, updated_at=timezone.now()
        )
        audit.record(
            project=flow.project,
            actor=access.actor_of(flow.session),
            action="oauth.refused" if code in ALARMS else "flow.failed",
            subject=flow,
            code=code,
            severity="high" if code in ALARMS else "low",
        )
    flow.refresh_from_db()
    return flow


def _left_open(
    session: PortalSession,
    integration: Integration,
    target: Connection | None,
    offered: tuple[str, ...],
) -> Flow | None:
    return (
        Flow.objects.filter(
            project=session.project_id,
            end_user=session.end_user_id,
            integration=integration,
            connection=target,
            status__in=Flow.OPEN,
            offered=list(offered),
            updated_at__gt=timezone.now() - RESUMABLE_FOR,
        )
        .order_by("-created_at")
        .first()
    )


def _target(session: PortalSession, wish: Wish) -> Connection | None:
    if not wish.connection_id:
        return None
    target = access.connection_of(who=session, pk=wish.connection_id)
    if target.integration.slug != wish.integration:
        raise NotFound("connection_not_found")
    return target


def _take_vendor_client(flow: Flow) -> None:
    client = OAuthClient.objects.select_related("current_version").filter(
        integration=flow.integration, owner=OAuthClient.Owner.VENDOR, state=OAuthClient.State.ACTIVE
    )
    flow.oauth_client = client.first()
    if flow.oauth_client is None:
        raise NotAllowed("vendor_client_missing")
    flow.client_version = flow.oauth_client.current_version
    flow.scopes = list(scopes.policy(flow.integration).default)


def _own_client(flow: Flow) -> OAuthClient:
    if flow.connection and flow.connection.account_type == OWN_CLIENT:
        return flow.connection.oauth_client
    return clients.own_client(integration=flow.integration, end_user=flow.end_user)


def _keep_draft(flow: Flow, config: ClientConfig, scope_text: str) -> None:
    flow.draft = {
        "client_id": config.client_id[:DRAFT_MAX],
        "scopes": scope_text[:DRAFT_MAX],
        "settings": {name: value[:DRAFT_MAX] for name, value in config.settings.items()},
    }
    flow.save(update_fields=["draft", "updated_at"])


def _free_external_id(session: PortalSession, integration: Integration, value: str) -> str:
    external_id = inputs.clean_external_id(value)
    taken = Connection.objects.filter(
        end_user=session.end_user_id, integration=integration, external_id=external_id
    ).exclude(status=Connection.Status.DISCONNECTED)
    if external_id and taken.exists():
        raise NotAllowed("external_id_taken")
    return external_id


def _require_open(flow: Flow) -> None:
    if flow.status not in Flow.OPEN:
        raise FlowClosed


def end_if_stale(flow: Flow) -> None:
    """End a flow whose callback died or whose consent was left open: it must not wait for ever."""
    now = timezone.now()
    if flow.status == Flow.Status.EXCHANGING and flow.updated_at < now - EXCHANGE_MAX:
        code = "interrupted"
    elif flow.status == Flow.Status.WAITING and flow.updated_at < now - authorization.LIFETIME:
        code = "consent_timeout"
    else:
        return
    Flow.objects.filter(pk=flow.pk, status=flow.status).update(
        status=Flow.Status.FAILED, error_code=code
    )
    flow.refresh_from_db()
