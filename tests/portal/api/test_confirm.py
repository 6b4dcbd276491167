"""The vendor's word on who came back from a link: once, in time, about the right person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations import authorization, codes
from integrations.models import AuditEvent, AuthorizationRequest, Connection, Flow
from tests import factories, threads
from tests.portal import visits
from tests.portal.api.conftest import Caller, vendor_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(vendor):
    """Dana, who followed a link and approved."""
    return visits.approved(vendor)


def dropped(flow: str, status: str, code: str) -> bool:
    """Return whether the flow ended so, and neither code nor verifier is left."""
    row = Flow.objects.get(pk=flow)
    assert (row.status, row.error_code) == (status, code)
    assert not AuthorizationRequest.objects.filter(code__isnull=False).exists()
    assert not AuthorizationRequest.objects.filter(code_verifier__isnull=False).exists()
    return not Connection.objects.exists()


def actions() -> list[str]:
    """Return the actions of the log, oldest first."""
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


def test_the_right_person_is_connected(dana, vendor, provider):
    answer = visits.confirm(vendor, dana.flow)
    body = answer.json()
    assert (answer.status_code, body["status"], body["stage"]) == (200, "COMPLETED", "done")
    assert body["connection"]["account_label"] == "alice@example.test"
    assert provider.count("token") == 1
    assert actions()[-2:] == ["flow.confirmed", "connection.created"]
    assert not AuthorizationRequest.objects.filter(code__isnull=False).exists()


def test_the_code_waits_sealed(dana, provider):
    request = AuthorizationRequest.objects.get()
    assert (request.status, request.claimed_at) == ("HELD", None)
    assert request.code_expires_at - timezone.now() <= timedelta(seconds=120)
    code = request.open_required("code").reveal()
    stored = AuthorizationRequest.objects.get().code.ciphertext
    assert code.encode() not in bytes(stored)
    assert code not in str(AuditEvent.objects.values())


@pytest.mark.parametrize(
    "end_user", ["eve", "", "Dana", "dana ", "d\u00e4na", "x" * 5_000], ids=ascii
)
def test_another_person_is_refused_and_the_code_dropped(dana, vendor, provider, end_user):
    answer = visits.confirm(vendor, dana.flow, end_user)
    assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_refused")
    assert dropped(dana.flow, "FAILED", "confirmation_refused")
    assert visits.confirm(vendor, dana.flow).status_code == 409
    assert provider.count("token") == 0
    refusal = AuditEvent.objects.get(action="oauth.refused")
    assert (refusal.data["code"], refusal.data["severity"]) == ("confirmation_refused", "high")


def test_twice_is_refused(dana, vendor, provider):
    visits.confirm(vendor, dana.flow)
    answer = visits.confirm(vendor, dana.flow)
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation_not_expected")
    assert provider.count("token") == 1
    assert actions()[-1] == "flow.confirm_refused"
    assert Flow.objects.get().status == "COMPLETED"


def test_too_late_is_refused(dana, vendor, provider):
    AuthorizationRequest.objects.update(code_expires_at=timezone.now())
    answer = visits.confirm(vendor, dana.flow)
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation_timeout")
    assert dropped(dana.flow, "EXPIRED", "confirmation_timeout")
    assert provider.count("token") == 0
    assert "flow.expired" in actions()


def test_another_project_changes_nothing(dana, vendor):
    other = vendor_of(factories.make_project("Globex"))
    answer = visits.confirm(other, dana.flow)
    assert (answer.status_code, answer.json()["code"]) == (404, "flow_not_found")
    assert visits.confirm(vendor, dana.flow).json()["status"] == "COMPLETED"


def test_a_flow_of_nobody_is_not_found(vendor):
    assert visits.confirm(vendor, str(uuid4())).status_code == 404


def test_a_flow_that_needs_no_confirmation_is_refused(project, vendor, provider):
    from tests import trips

    strong = trips.prepared(project)
    strong.start()
    answer = visits.confirm(vendor, strong.flow)
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation_not_expected")
    strong.approve()
    assert visits.confirm(vendor, strong.flow).status_code == 409
    assert Flow.objects.get().status == "COMPLETED"


def test_a_page_and_a_person_cannot_confirm(dana, project):
    token = Caller(f"Bearer {factories.user_token(project)}")
    assert visits.confirm(token, dana.flow).status_code == 401
    assert Flow.objects.get().status == "AWAITING_CONFIRMATION"
    asked = token("OPTIONS", f"/v1/flows/{dana.flow}/confirm", Origin=factories.ORIGIN)
    assert "Access-Control-Allow-Origin" not in asked


CHANGES: dict[str, tuple[Any, str]] = {
    "the project's integration is off": (
        lambda flow: type(flow.integration).objects.update(is_active=False),
        "integration_not_found",
    ),
    "the client's hash": (
        lambda flow: AuthorizationRequest.objects.update(config_hash="0" * 64),
        "settings_changed",
    ),
    "the visit has ended": (
        lambda flow: type(flow.session).objects.update(ended_at=timezone.now()),
        "session_expired",
    ),
    "the key that asked is revoked": (
        lambda flow: (
            type(flow.session.api_key)
            .objects.filter(pk=flow.session.api_key_id)
            .update(revoked_at=timezone.now())
        ),
        "session_expired",
    ),
}


@pytest.mark.parametrize(("change", "code"), CHANGES.values(), ids=CHANGES)
def test_what_changed_meanwhile_counts_as_at_the_callback(dana, project, provider, change, code):
    change(Flow.objects.select_related("session__api_key", "integration").get())
    answer = visits.confirm(vendor_of(project), dana.flow)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, code)
    assert dropped(dana.flow, "FAILED", code)
    assert provider.count("token") == 0


def test_a_code_that_the_provider_refuses_fails_the_flow(dana, vendor, provider):
    provider.configure(profile="demo-mail", token_status=500)
    body = visits.confirm(vendor, dana.flow).json()
    assert (body["status"], body["error"]["code"]) == ("FAILED", "provider_unreachable")
    assert not AuthorizationRequest.objects.filter(code__isnull=False).exists()


def test_a_cancelled_approval_is_dropped(dana, vendor):
    dana.post("/portal/cancel")
    assert dropped(dana.flow, "CANCELLED", "")
    assert visits.confirm(vendor, dana.flow).status_code == 409


def test_the_sweeper_drops_what_nobody_confirmed(dana):
    assert authorization.drop_stale_codes() == 0
    AuthorizationRequest.objects.update(code_expires_at=timezone.now())
    assert authorization.drop_stale_codes() == 1
    assert dropped(dana.flow, "EXPIRED", "confirmation_timeout")
    assert authorization.drop_stale_codes() == 0


def test_the_sweeper_forgets_verifiers_of_trips_that_never_came_back(vendor):
    who = visits.visiting(vendor)
    who.enter()
    who.start()
    AuthorizationRequest.objects.update(expires_at=timezone.now() - 2 * codes.LIFETIME)
    authorization.drop_stale_codes()
    assert AuthorizationRequest.objects.get().code_verifier is None


def test_a_page_that_asks_ends_what_nobody_confirmed(dana, project):
    AuthorizationRequest.objects.update(code_expires_at=timezone.now())
    page = dana.post("/portal/flow/status")
    assert "This was left open too long" in page.text
    person = Caller(f"Bearer {factories.user_token(project)}")
    shown = person("GET", f"/v1/flows/{dana.flow}").json()
    assert (shown["status"], shown["error"]["code"]) == ("EXPIRED", "confirmation_timeout")


@pytest.mark.django_db(transaction=True)
def test_ten_confirmations_at_once_exchange_once(dana, vendor, project, provider):
    provider.configure(profile="demo-mail", token_delay=0.2)
    callers = [Caller(vendor.headers["Authorization"]) for _ in range(10)]
    answers = threads.at_once(10, lambda: visits.confirm(callers.pop(), dana.flow).status_code)
    assert sorted(answers) == [200] + [409] * 9
    assert provider.count("token") == 1
    assert (Flow.objects.get().status, Connection.objects.count()) == ("COMPLETED", 1)
