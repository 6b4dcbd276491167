"""Flows: where one stands, the steps of one without our pages, and the vendor's confirmation."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from ninja import Router

from integrations import access, confirmation, connect, preflight, stages, tickets
from integrations.clients import ClientConfig
from integrations.connect import Wish
from integrations.errors import FieldError, InvalidInput, NotAllowed, NotFound
from integrations.limits import OPEN, SAVE_OPTIONS
from integrations.models import Binding, Flow, PortalSession
from integrations.secret import Secret
from integrations.text import storable
from portal import sessions
from portal.api import guides, views
from portal.api import stages as wire
from portal.api.auth import Person, PortalHandle, UserToken, Vendor, VendorKey, caller
from portal.api.idempotency import idempotent
from portal.api.schemas import FieldProblem, FlowOut, Problem
from portal.api.visits import (
    AccountTypeIn,
    CheckOut,
    ConfirmIn,
    FlowIn,
    PostOptionsIn,
    PreOptionsIn,
    StepOut,
)

router = Router(auth=[PortalHandle(), UserToken()], tags=["end user"])
steps = Router(auth=UserToken(), tags=["end user"])
# Not a refusal, so it has no words of its own.
TIDIED = "tidied"
REFUSALS = dict.fromkeys((400, 401, 403, 404, 409, 415, 422), Problem)


@router.get("/{uuid:flow_id}", response={200: FlowOut, 401: Problem, 404: Problem})
def flow(request: HttpRequest, flow_id: UUID) -> FlowOut:
    """Return where one of the person's own flows stands: the truth about its result."""
    row = access.flow_of(who=caller(request), pk=flow_id)
    connect.end_if_stale(row)
    return views.flow(row)


@router.post(
    "/{uuid:flow_id}/confirm",
    auth=VendorKey("sessions:write"),
    tags=["sessions"],
    response={200: FlowOut, **REFUSALS},
)
@idempotent()
def confirm(request: HttpRequest, flow_id: UUID, payload: ConfirmIn) -> FlowOut:
    """Say who came back from a link. If it is the flow's person, its code is exchanged now.

    Returns the flow, which may have failed. 403: another person, and the approval is dropped.
    409: nothing waits for confirmation (any more).
    """
    vendor: Vendor = caller(request)
    ended = confirmation.confirm(
        project=vendor.project, flow_id=flow_id, end_user=payload.end_user, actor=vendor.actor
    )
    return views.flow(access.flow_of(who=ended, pk=ended.pk))


@steps.post("", auth=UserToken(OPEN), response={200: StepOut, **REFUSALS})
def begin(request: HttpRequest, payload: FlowIn) -> StepOut:
    """Begin a flow without our pages, or take up the one left open for the same wish."""
    wish = Wish(
        integration=payload.integration,
        account_types=tuple(payload.account_type),
        connection_id=payload.connection_id or "",
        external_id=payload.external_id or "",
    )
    with transaction.atomic():
        session = _session(request, storable(payload.return_url or ""))
        row = connect.begin(session=session, wish=wish)
    return _step(access.flow_of(who=session, pk=row.pk))


@steps.post("/{uuid:flow_id}/account-type", response={200: StepOut, **REFUSALS})
def account_type(request: HttpRequest, flow_id: UUID, payload: AccountTypeIn) -> StepOut:
    """Choose one of the account types that the flow offers."""
    row = _flow(request, flow_id)
    connect.choose_account_type(flow=row, account_type=payload.account_type)
    return _step(row)


@steps.post(
    "/{uuid:flow_id}/pre-options", auth=UserToken(SAVE_OPTIONS), response={200: StepOut, **REFUSALS}
)
def pre_options(request: HttpRequest, flow_id: UUID, payload: PreOptionsIn) -> StepOut:
    """Save the person's own client or their organization's, or ask for another redirect URL."""
    row = _flow(request, flow_id)
    if payload.owner:
        connect.set_up_for(flow=row, owner=payload.owner)
        return _step(row)
    if payload.another_client:
        connect.use_another_client(flow=row)
        return _step(row)
    _refuse_unknown_settings(row, payload)
    saved = connect.save_options(
        flow=row, config=_config(payload), scope_text=_scope_text(row, payload)
    )
    told = saved.notices.items()
    return _step(row, [FieldProblem(field=name, code=TIDIED, message=text) for name, text in told])


@steps.post("/{uuid:flow_id}/post-options", response={200: StepOut, **REFUSALS})
def post_options(request: HttpRequest, flow_id: UUID, payload: PostOptionsIn) -> StepOut:
    """Save what the person chose after approving."""
    row = _flow(request, flow_id)
    connect.save_post_options(flow=row, choice=payload.post_option)
    return _step(access.flow_of(who=row, pk=row.pk))


@steps.post("/{uuid:flow_id}/check", response={200: StepOut, **REFUSALS})
def check(request: HttpRequest, flow_id: UUID) -> StepOut:
    """Ask the provider about the person's own client before they leave; see `checks`.

    It takes up to four seconds, and ten are asked for an hour. Whatever it says stops nobody.
    """
    row = _flow(request, flow_id)
    if stages.stage(row) == "oauth" and row.client_version and stages.enters_client(row):
        preflight.ask_for(version=row.client_version, who=row.acting)
    return _step(row)


@steps.post("/{uuid:flow_id}/cancel", response={200: StepOut, **REFUSALS})
def cancel(request: HttpRequest, flow_id: UUID) -> StepOut:
    """End the flow, unless its code is being exchanged; what is connected stays connected."""
    row = _flow(request, flow_id)
    connect.cancel(flow=row)
    return _step(row)


def _session(request: HttpRequest, return_url: str = "") -> PortalSession:
    """Return the visit of the page that calls; its origin is what may start the flow later."""
    person: Person = caller(request)
    origin = request.headers.get("Origin", "")
    if not origin or person.visitor is None:
        raise NotAllowed("origin_not_allowed")
    return sessions.headless(visitor=person.visitor, origin=origin, return_url=return_url)


def _flow(request: HttpRequest, flow_id: UUID) -> Flow:
    row = access.flow_of(who=caller(request), pk=flow_id)
    if row.session.display != PortalSession.Display.HEADLESS or row.binding != Binding.STRONG:
        raise NotFound("flow_not_found")
    session = _session(request, row.session.return_url)
    if session.pk != row.session_id:
        Flow.objects.filter(pk=row.pk).update(session=session)
        row = access.flow_of(who=session, pk=row.pk)
    connect.end_if_stale(row)
    return row


def _step(row: Flow, notices: list[FieldProblem] | None = None) -> StepOut:
    at = stages.stage(row)
    startable = at == "oauth" and row.status in Flow.EDITABLE
    return StepOut(
        id=row.pk,
        status=row.status,
        stage=at,
        inputs=wire.inputs(row),
        redirect_url=wire.redirect_url(row),
        client_owner=row.oauth_client.owner if row.oauth_client else None,
        instruction=guides.instruction(row),
        create=guides.artefacts(row),
        start_ticket=tickets.issue_start(row).reveal() if startable else None,
        notices=notices or [],
        checks=_checks(row) if startable else [],
    )


def _checks(row: Flow) -> list[CheckOut]:
    if row.client_version is None or not stages.enters_client(row):
        return []
    found = preflight.checks(row.client_version)
    return [
        CheckOut(name=each.name, result=each.result, text=each.text, field=each.field)
        for each in found
    ]


def _config(payload: PreOptionsIn) -> ClientConfig:
    return ClientConfig(
        client_id=payload.client_id,
        client_secret=Secret(payload.client_secret) if payload.client_secret else None,
        settings=payload.settings,
        secret_expires_on=payload.secret_expires_on,
    )


def _scope_text(row: Flow, payload: PreOptionsIn) -> str:
    if payload.scopes is not None:
        return " ".join(payload.scopes)
    shown = {item.name: item.value for item in stages.pre_options(row)}
    return shown.get("scopes", "")


def _refuse_unknown_settings(row: Flow, payload: PreOptionsIn) -> None:
    known = [item.name for item in row.integration.provider.settings]
    unknown = [name for name in payload.settings if name not in known]
    if unknown:
        message = f"Use {', '.join(known)}." if known else "This integration has no settings."
        named = (FieldError(f"settings.{name[:64]}", "unknown", message) for name in unknown)
        raise InvalidInput(*named)
