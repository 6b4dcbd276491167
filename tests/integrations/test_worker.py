"""Real worker processes: killed, stopped, and two at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations import webhooks
from integrations.models import Connection, Credential, Duty, Lane, WebhookDelivery
from tests import factories, trips
from tests.fakeas.server import FakeAS
from tests.receiver import Receiver
from tests.worker import Workers

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 12


@pytest.fixture
def workers(tmp_path: Path, catalog_dirs: tuple[Path, ...], provider: FakeAS) -> Iterator[Workers]:
    """Workers whose catalog leads to the provider of this run."""
    with Workers(tmp_path, catalog_dirs[0]) as started:
        yield started


def connected(provider: FakeAS, count: int = COUNT) -> None:
    """Connect one account for each of several people, and let all of the tokens end."""
    project = factories.make_project()
    integration = factories.make_integration(project)
    trips.prepared(project).approve()
    first, granted = Connection.objects.get(), Credential.objects.get()
    for number in range(count - 1):
        factories.make_connection(
            integration,
            factories.make_end_user(project, f"user-{number}"),
            client=first.oauth_client,
            tokens=factories.Tokens(
                refresh=granted.open_required("refresh_token").reveal(),
            ),
        )
    ended = timezone.now() - timedelta(seconds=1)
    Credential.objects.update(
        refresh_after=ended, expires_at=ended, refreshed_at=ended - timedelta(hours=1)
    )
    provider.reset(keep_tokens=True)


def asked(provider: FakeAS) -> int:
    """Return how many token requests came."""
    return provider.count("token", profile="demo-mail")


def refreshed() -> int:
    """Return how many connections have the tokens of a refresh."""
    return Credential.objects.filter(generation__gte=2).count()


def leases_end() -> None:
    """Let the time pass until what a killed worker had in its hands is free."""
    ended = timezone.now() - timedelta(seconds=1)
    for model in (Credential, Lane, WebhookDelivery):
        model.objects.filter(lease_until__isnull=False).update(lease_until=ended)


def test_a_worker_killed_at_its_work_loses_nothing(
    workers: Workers, provider: FakeAS, receiver: Receiver
) -> None:
    connected(provider)
    project = Connection.objects.all()[0].project
    made = webhooks.create(project=project, url=receiver.url, actor="test")
    provider.configure(profile="demo-mail", token_delay=0.2)
    first = workers.start()
    workers.wait_until(lambda: asked(provider) >= 2)
    workers.kill(first)
    begun = asked(provider)
    assert refreshed() < COUNT
    provider.configure(profile="demo-mail", token_delay=None)
    leases_end()
    second = workers.start()
    workers.wait_until(lambda: refreshed() == COUNT)
    factories.make_end_user(project, "somebody")
    trips.prepared(project, "somebody").approve()
    workers.wait_until(lambda: len(receiver.requests) == 2)
    assert workers.stop(second) == 0
    # What was on its way when the worker died is asked for again, and nothing else.
    assert asked(provider) <= COUNT + begun + 1
    assert set(Connection.objects.values_list("status", flat=True)) == {"VALID"}
    assert all(each.verified(made.secret.reveal()) for each in receiver.requests)


def test_a_worker_asked_to_stop_finishes_what_it_is_at(workers: Workers, provider: FakeAS) -> None:
    connected(provider)
    provider.configure(profile="demo-mail", token_delay=0.25)
    worker = workers.start()
    workers.wait_until(lambda: asked(provider) >= 1)
    assert workers.stop(worker) == 0
    assert 1 <= refreshed() == asked(provider) <= COUNT
    # A lane that is kept still is that of a task nobody began: the next worker finds it queued.
    waiting = DBTaskResult.objects.filter(status="READY", task_path__endswith=".drain").count()
    assert Lane.objects.filter(lease_until__isnull=False).count() <= waiting
    assert not Credential.objects.filter(lease_until__isnull=False).exists()


def test_two_workers_at_once_do_nothing_twice(
    workers: Workers, provider: FakeAS, receiver: Receiver
) -> None:
    connected(provider)
    both = [workers.start("--threads", "8"), workers.start("--threads", "8")]
    workers.wait_until(lambda: refreshed() == COUNT)
    assert asked(provider) == COUNT
    # One may have done it all before the other was ready to be asked to stop.
    workers.wait_until(lambda: workers.log.read_text().count(" started with ") == len(both))
    assert [workers.stop(worker) for worker in both] == [0, 0]
    assert Duty.objects.get(name="heartbeat").epoch >= 2
    assert not receiver.requests
