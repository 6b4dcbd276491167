"""Sweeping: what ended is cleared away, what lives is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations import sweeping, webhooks
from integrations.models import (
    AuditEvent,
    AuthorizationRequest,
    Flow,
    Lane,
    PortalSession,
    WebhookDelivery,
    WebhookEndpoint,
)
from integrations.secret import Secret
from tests import factories, trips

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(provider):
    """A person who filled in the form."""
    project = factories.make_project()
    factories.make_integration(project)
    return trips.prepared(project)


def aged(status: str, **ago: float) -> None:
    """Make the flow one of this status that nothing happened to since."""
    Flow.objects.update(status=status, updated_at=timezone.now() - timedelta(**ago))


def flow() -> tuple[str, str]:
    """Return status and code of the flow."""
    return Flow.objects.values_list("status", "error_code").get()


def actions() -> list[str]:
    """Return what was recorded about flows."""
    rows = AuditEvent.objects.filter(object_type="flow").order_by("sequence")
    return list(rows.values_list("action", flat=True))


STALE = [
    ("EXCHANGING", {"seconds": 121}, ("FAILED", "interrupted"), "flow.failed"),
    ("WAITING", {"minutes": 11}, ("FAILED", "consent_timeout"), "flow.failed"),
    ("DRAFT", {"hours": 2, "minutes": 1}, ("EXPIRED", ""), "flow.abandoned"),
]


@pytest.mark.parametrize(("status", "ago", "found", "action"), STALE)
def test_a_flow_that_nobody_ends_is_ended_once(person, status, ago, found, action):
    aged(status, **ago)
    sweeping.sweep()
    sweeping.sweep()
    assert (flow(), actions()) == (found, [action])


FRESH = [
    ("EXCHANGING", {"seconds": 110}),
    ("WAITING", {"minutes": 9}),
    ("DRAFT", {"hours": 1, "minutes": 55}),
    ("FAILED", {"days": 9}),
    ("COMPLETED", {"days": 9}),
    ("CANCELLED", {"days": 9}),
]


@pytest.mark.parametrize(("status", "ago"), FRESH)
def test_a_flow_that_goes_on_or_ended_is_left_alone(person, status, ago):
    Flow.objects.update(error_code="access_denied")
    aged(status, **ago)
    sweeping.sweep()
    assert (flow(), actions()) == ((status, "access_denied"), [])


def test_what_was_typed_into_an_abandoned_flow_is_forgotten(person):
    Flow.objects.update(draft={"client_id": "typed"})
    aged("DRAFT", days=1)
    sweeping.sweep()
    assert Flow.objects.get().draft == {}


def test_a_verifier_that_a_killed_callback_left_is_forgotten(person):
    person.start()
    long_ago = timezone.now() - timedelta(minutes=11)
    AuthorizationRequest.objects.update(status="CLAIMED", claimed_at=long_ago)
    assert AuthorizationRequest.objects.get().open("code_verifier")
    sweeping.sweep()
    assert AuthorizationRequest.objects.get().open("code_verifier") is None


def test_a_verifier_in_use_is_kept(person):
    person.start()
    AuthorizationRequest.objects.update(status="CLAIMED", claimed_at=timezone.now())
    sweeping.sweep()
    assert AuthorizationRequest.objects.get().open("code_verifier")


@pytest.mark.parametrize(("minutes", "ended"), [(61, True), (59, False), (-5, False)])
def test_a_session_ends_when_no_trip_of_it_can_come_back(person, minutes, ended):
    PortalSession.objects.update(expires_at=timezone.now() - timedelta(minutes=minutes))
    sweeping.sweep()
    assert (PortalSession.objects.get().ended_at is not None) is ended


@pytest.fixture
def endpoint():
    """A webhook endpoint."""
    project = factories.make_project()
    return webhooks.create(project=project, url="https://a.example/", actor="test").endpoint


@pytest.mark.parametrize(("hours", "kept"), [(-1, False), (1, True)])
def test_a_webhook_secret_whose_overlap_is_over_is_forgotten(endpoint, hours, kept):
    webhooks.rotate_secret(endpoint=endpoint, actor="test")
    WebhookEndpoint.objects.update(previous_expires_at=timezone.now() + timedelta(hours=hours))
    sweeping.sweep()
    row = WebhookEndpoint.objects.get()
    assert (row.open("previous_secret") is not None) is kept
    assert row.open_required("secret") != Secret("")


@pytest.mark.parametrize(
    ("status", "days", "kept"),
    [("DELIVERED", 31, 0), ("FAILED", 31, 0), ("PENDING", 31, 1), ("DELIVERED", 29, 1)],
)
def test_deliveries_of_last_month_are_deleted_unless_they_wait(endpoint, status, days, kept):
    event = AuditEvent.objects.filter(project=endpoint.project).last()
    now = timezone.now()
    WebhookDelivery.objects.create(
        endpoint=endpoint, event=event, sequence=1, payload="{}", status=status, next_at=now,
        give_up_at=now, event_type="a", message_id="m", subject="s",
    )  # fmt: skip
    WebhookDelivery.objects.update(created_at=now - timedelta(days=days))
    sweeping.sweep()
    assert WebhookDelivery.objects.count() == kept
    assert AuditEvent.objects.filter(pk=event.pk).exists()


@pytest.mark.parametrize(
    ("status", "hours", "kept"),
    [
        ("SUCCESSFUL", 2, 0),
        ("SUCCESSFUL", 0.5, 1),
        ("FAILED", 24 * 8, 0),
        ("FAILED", 24 * 6, 1),
        ("RUNNING", 2, 0),
        ("RUNNING", 0.5, 1),
        ("READY", 9000, 1),
    ],
)
def test_results_of_tasks_are_deleted_when_they_are_old(db, status, hours, kept):
    at = timezone.now() - timedelta(hours=hours)
    DBTaskResult.objects.create(
        status=status, started_at=at, finished_at=at, args_kwargs={"args": [], "kwargs": {}},
        task_path="integrations.tasks.sweep", backend_name="default", run_after=at,
    )  # fmt: skip
    sweeping.sweep()
    assert DBTaskResult.objects.count() == kept


@pytest.mark.parametrize(("days", "leased", "kept"), [(2, False, 0), (2, True, 1), (0, False, 1)])
def test_lanes_that_nobody_used_today_are_deleted(db, days, leased, kept):
    now = timezone.now()
    lease = now + timedelta(minutes=1) if leased else None
    used = now - timedelta(days=days)
    Lane.objects.create(kind="refresh", host="a", number=0, used_at=used, lease_until=lease)
    sweeping.sweep()
    assert Lane.objects.count() == kept


def test_a_step_that_fails_does_not_keep_the_others_from_running(monkeypatch, caplog, person):
    def broken() -> int:
        raise RuntimeError("a secret of the error's text")

    monkeypatch.setitem(sweeping.STEPS, "stale_flows", broken)
    aged("DRAFT", days=1)
    counts = sweeping.sweep()
    assert (counts["stale_flows"], counts["abandoned_flows"]) == (-1, 1)
    assert "stale_flows" in caplog.text
    assert "a secret" not in caplog.text
