"""Secrets that end: the vendor is reminded at each step once, also after a time off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import clients, reminders
from integrations.clients import ClientConfig
from integrations.models import AuditEvent, ClientVersion, SecretReminder
from integrations.secret import Secret
from tests import factories, threads

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    """An end user's client."""
    project = factories.make_project()
    integration = factories.make_integration(project, "gmail")
    return factories.make_client(integration, factories.make_end_user(project))


def ends_in(days: int) -> None:
    """Let the secret of the client's version end in so many days."""
    day = timezone.now().date() + timedelta(days=days)
    ClientVersion.objects.update(secret_expires_on=day)


def recorded() -> list[int]:
    """Return how many days were left at each reminder."""
    rows = AuditEvent.objects.filter(action="client.expiring").order_by("sequence")
    return [row.data["days_left"] for row in rows]


def test_each_step_is_reminded_of_once(client):
    for left in range(40, -3, -1):
        ends_in(left)
        reminders.remind()
        reminders.remind()
    assert recorded() == [30, 14, 7, 1]
    assert AuditEvent.objects.filter(action="client.expiring").last().object_id == str(client.pk)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([20], [20]),
        ([10], [10]),
        ([40, 12, 5], [12, 5]),
        ([0], [0]),
        ([-3], [-3]),
        ([31, 15], [15]),
    ],
)
def test_a_step_that_passed_while_nothing_ran_is_made_up_for(client, days, expected):
    for left in days:
        ends_in(left)
        reminders.remind()
    assert recorded() == expected


@pytest.mark.parametrize("left", [31, 365])
def test_a_secret_that_lasts_is_not_spoken_of(client, left):
    ends_in(left)
    assert reminders.remind() == 0
    assert recorded() == []


def test_a_secret_without_an_end_is_not_spoken_of(client):
    assert reminders.remind() == 0


def test_a_version_that_was_replaced_is_not_spoken_of(client):
    ends_in(3)
    config = ClientConfig("fake_ok", Secret("a-new-secret"), {})
    clients.replace_config(client=client, config=config, actor="test")
    ClientVersion.objects.filter(number=2).update(secret_expires_on=None)
    assert reminders.remind() == 0


def test_a_new_version_is_reminded_of_anew(client):
    ends_in(3)
    reminders.remind()
    config = ClientConfig("fake_ok", Secret("a-new-secret"), {})
    clients.replace_config(client=client, config=config, actor="test")
    ends_in(7)
    reminders.remind()
    assert recorded() == [3, 7]


@pytest.mark.parametrize("what", ["integration", "project"])
def test_what_was_switched_off_is_not_spoken_of(client, what):
    ends_in(3)
    row = client.integration if what == "integration" else client.integration.project
    type(row).objects.filter(pk=row.pk).update(is_active=False)
    assert reminders.remind() == 0


def test_the_record_holds_a_date_and_no_secret(client):
    ends_in(3)
    reminders.remind()
    data = AuditEvent.objects.get(action="client.expiring").data
    assert set(data) == {"version", "expires_on", "days_left"}


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_remind_once(client):
    ends_in(7)
    assert sum(threads.at_once(6, reminders.remind)) == 1
    assert (recorded(), SecretReminder.objects.get().days) == ([7], 7)
