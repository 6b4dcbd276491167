"""Codes that wait: a trip begun by a link is exchanged only when the vendor names who came back.

The code is kept sealed and for two minutes; whatever ends the wait erases it.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations import audit
from integrations.errors import AuthorizationFailed
from integrations.models import AuthorizationRequest, Flow
from integrations.secret import Secret

LIFETIME = timedelta(minutes=10)
HELD_FOR = timedelta(seconds=120)


def requests() -> QuerySet[AuthorizationRequest]:
    """Return requests with every row that is compared before a code is used."""
    return AuthorizationRequest.objects.select_related(
        "flow__project",
        "flow__session__end_user",
        "session__signing_key",
        "session__api_key",
        "flow__end_user",
        "flow__connection",
        "client_version__oauth_client__integration__project",
        "oauth_client__integration",
    )


def hold(request: AuthorizationRequest, code: Secret) -> None:
    """Keep the code sealed for `HELD_FOR`, until the vendor says who came back.

    Raises AuthorizationFailed if another call took the request.
    """
    now = timezone.now()
    request.seal(code=code)
    with transaction.atomic():
        held = AuthorizationRequest.objects.filter(
            pk=request.pk, status=AuthorizationRequest.Status.PENDING, expires_at__gt=now
        ).update(
            status=AuthorizationRequest.Status.HELD,
            code=request.sealed("code"),
            code_expires_at=now + HELD_FOR,
            callback_values=request.callback_values,
        )
        if held != 1:
            raise AuthorizationFailed("state_used")
        waiting = Flow.objects.filter(pk=request.flow_id, status=Flow.Status.WAITING)
        if not waiting.update(status=Flow.Status.AWAITING_CONFIRMATION, updated_at=now):
            raise AuthorizationFailed("settings_changed")


def request_of(flow: Flow) -> AuthorizationRequest:
    """Return the request whose code waits for confirmation. Raises AuthorizationFailed."""
    held = requests().filter(flow=flow, status=AuthorizationRequest.Status.HELD)
    if (request := held.first()) is None:
        raise AuthorizationFailed("confirmation_not_expected")
    return request


def release(request: AuthorizationRequest) -> Secret:
    """Take a held code for this call alone, and erase it. Raises AuthorizationFailed."""
    now, code = timezone.now(), request.open_required("code")
    with transaction.atomic():
        claimed = AuthorizationRequest.objects.filter(
            pk=request.pk, status=AuthorizationRequest.Status.HELD, code_expires_at__gt=now
        ).update(status=AuthorizationRequest.Status.CLAIMED, code=None, claimed_at=now)
        if claimed != 1:
            raise AuthorizationFailed("state_used")
        taken = Flow.objects.filter(
            pk=request.flow_id, status=Flow.Status.AWAITING_CONFIRMATION
        ).update(status=Flow.Status.EXCHANGING, updated_at=now)
        if not taken:
            raise AuthorizationFailed("settings_changed")
    return code


def drop_stale_codes() -> int:
    """Erase codes that nobody confirmed in time, and verifiers of trips that never came back.

    Return how many flows expired. To be called at least every ten minutes.
    """
    now = timezone.now()
    AuthorizationRequest.objects.filter(
        status=AuthorizationRequest.Status.PENDING, expires_at__lt=now - LIFETIME
    ).update(status=AuthorizationRequest.Status.FAILED, code_verifier=None)
    stale = AuthorizationRequest.objects.filter(
        status=AuthorizationRequest.Status.HELD, code_expires_at__lte=now
    )
    return sum(expire(request) for request in stale.select_related("flow__project"))


def expire(request: AuthorizationRequest) -> bool:
    """End a flow whose code was not confirmed in time. Return whether this call did it."""
    flow = request.flow
    with transaction.atomic():
        if not drop(request):
            return False
        Flow.objects.filter(pk=flow.pk, status=Flow.Status.AWAITING_CONFIRMATION).update(
            status=Flow.Status.EXPIRED, error_code="confirmation_timeout", updated_at=timezone.now()
        )
        audit.record(
            project=flow.project,
            actor="system",
            action="flow.expired",
            subject=flow,
            code="confirmation_timeout",
        )
    return True


def drop(request: AuthorizationRequest) -> bool:
    """Erase a held code. Return False if another call used or erased it first."""
    held = AuthorizationRequest.objects.filter(
        pk=request.pk, status=AuthorizationRequest.Status.HELD
    )
    return bool(
        held.update(status=AuthorizationRequest.Status.FAILED, code=None, code_verifier=None)
    )
