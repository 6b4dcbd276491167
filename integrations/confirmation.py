"""The vendor's word on who came back from a trip that began with a link."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare

from integrations import audit, authorization, codes, connect
from integrations.errors import (
    AuthorizationFailed,
    ConnectError,
    FlowClosed,
    IntegrityBroken,
    NotAllowed,
    NotFound,
)
from integrations.models import AuthorizationRequest, Flow, Project
from integrations.secret import Secret


def confirm(*, project: Project, flow_id: UUID, end_user: str, actor: str) -> Flow:
    """Exchange the held code if the person in the vendor's own session is the flow's.

    Everything is compared again as at the callback. Returns the flow, ended either way. Raises
    NotFound for a flow of another project, FlowClosed if no code waits (any more), NotAllowed for
    another person: the code is then gone, since it may be somebody else's approval.
    """
    flow = Flow.objects.select_related("end_user", "project").filter(pk=flow_id, project=project)
    if (found := flow.first()) is None:
        raise NotFound("flow_not_found")
    connect.end_if_stale(found)
    try:
        request = codes.request_of(found)
        return _confirmed(request, end_user=end_user, actor=actor)
    except AuthorizationFailed:
        raise _not_expected(found, actor) from None


def _confirmed(request: AuthorizationRequest, *, end_user: str, actor: str) -> Flow:
    if not constant_time_compare(end_user, request.flow.end_user.external_id):
        _refused(request, "confirmation_refused")
        raise NotAllowed("confirmation_refused")
    try:
        authorization.check_unchanged(request)
    except AuthorizationFailed as error:
        return _refused(request, error.code)
    try:
        with authorization.seals_watched(request.flow):
            code = codes.release(request)
    except IntegrityBroken as error:
        return _refused(request, error.code)
    _record(request.flow, action="flow.confirmed", actor=actor)
    return _exchanged(request, code)


def _exchanged(request: AuthorizationRequest, code: Secret) -> Flow:
    try:
        connect.exchange(request, code)
    except ConnectError as error:
        return connect.refused(request, error)
    except Exception:
        connect.failed(request, "internal_error")
        raise
    request.flow.refresh_from_db()
    return request.flow


def _refused(request: AuthorizationRequest, code: str) -> Flow:
    # Only what this call itself erased: another one may be exchanging the code at this moment.
    with transaction.atomic():
        if not codes.drop(request):
            raise AuthorizationFailed("state_used")
        return connect.failed(request, code)


def _not_expected(flow: Flow, actor: str) -> FlowClosed:
    flow.refresh_from_db()
    late = flow.error_code == "confirmation_timeout"
    code = "confirmation_timeout" if late else "confirmation_not_expected"
    _record(flow, action="flow.confirm_refused", actor=actor, code=code)
    return FlowClosed(code)


def _record(flow: Flow, *, action: str, actor: str, **data: str) -> None:
    with transaction.atomic():
        audit.record(project=flow.project, actor=actor, action=action, subject=flow, **data)
