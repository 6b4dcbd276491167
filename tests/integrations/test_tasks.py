"""Background work: found in our own rows, handed out by lanes, done once whatever happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations import lanes, revocation, tasks, tokens, webhooks, work
from integrations.management.worker import PoolWorker
from integrations.models import AuditEvent, Connection, Credential, Duty, Lane, Revocation
from integrations.work import Kind
from tests import factories, trips

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def running() -> Any:
    """Let no test leave the process asked to stop."""
    yield
    tasks.Stopping.requested = False


@pytest.fixture
def done(monkeypatch) -> list[str]:
    """Replace all kinds of work by one that notes the ids that were worked on."""
    seen: list[str] = []

    def note(pk: Any) -> bool:
        seen.append(str(pk))
        return True

    monkeypatch.setattr(tasks, "KINDS", {"refresh": Kind("refreshes", 4, lambda limit: {}, note)})
    return seen


def due(monkeypatch, **hosts: Any) -> None:
    """Let these ids be due at these hosts."""
    (name, kind) = next(iter(tasks.KINDS.items()))
    changed = {**kind.__dict__, "due": lambda limit: hosts}
    monkeypatch.setattr(tasks, "KINDS", {name: Kind(**changed)})


def queued(path: str = "drain") -> list[DBTaskResult]:
    """Return the tasks that wait, by name."""
    ready = DBTaskResult.objects.filter(status="READY", task_path__endswith=f".{path}")
    return list(ready.order_by("enqueued_at"))


def run_all() -> None:
    """Run what waits, as a worker that ends when nothing is left."""
    for _ in range(20):
        waiting = queued()
        if not waiting:
            return
        for row in waiting:
            tasks.drain.func(*row.args_kwargs["args"])
            row.delete()


def test_everything_due_is_done_once(monkeypatch, done):
    ids = [uuid4() for _ in range(30)]
    due(monkeypatch, first=ids[:20], second=ids[20:])
    tasks.plan()
    run_all()
    assert sorted(done) == sorted(map(str, ids))


def test_a_host_has_as_many_tasks_as_lanes_and_no_more(monkeypatch, done):
    due(monkeypatch, slow=[uuid4() for _ in range(300)])
    assert tasks.plan() == 4
    assert tasks.plan() == 0
    assert len(queued()) == 4
    shares = [set(row.args_kwargs["args"][3]) for row in queued()]
    assert len(set.union(*shares)) == sum(map(len, shares)) == 300


def test_a_task_that_runs_twice_does_nothing_the_second_time(monkeypatch, done):
    due(monkeypatch, host=[uuid4()])
    tasks.plan()
    (row,) = queued()
    assert tasks.drain.func(*row.args_kwargs["args"]) == 1
    assert tasks.drain.func(*row.args_kwargs["args"]) == 0
    assert len(done) == 1


def test_a_task_whose_lane_was_given_to_another_does_nothing(monkeypatch, done):
    due(monkeypatch, host=[uuid4()])
    tasks.plan()
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.plan()
    late, current = queued()
    assert tasks.drain.func(*late.args_kwargs["args"]) == 0
    assert tasks.drain.func(*current.args_kwargs["args"]) == 1


def test_an_id_that_fails_does_not_keep_the_next_from_being_done(monkeypatch, caplog, done):
    def fragile(pk: Any) -> bool:
        done.append(str(pk))
        raise RuntimeError("a secret of the error's text")

    monkeypatch.setattr(
        tasks, "KINDS", {"refresh": Kind("refreshes", 1, lambda limit: {}, fragile)}
    )
    due(monkeypatch, host=[uuid4(), uuid4()])
    tasks.plan()
    run_all()
    assert len(done) == 2
    assert "RuntimeError" in caplog.text
    assert "a secret" not in caplog.text
    assert Lane.objects.get().lease_until is None


def test_the_same_id_is_not_tried_again_as_fast_as_it_fails(monkeypatch, done):
    def broken(pk: Any) -> bool:
        done.append(str(pk))
        raise RuntimeError

    same = Kind("webhooks", 1, lambda limit: {}, broken, repeats=True)
    monkeypatch.setattr(tasks, "KINDS", {"deliver": same})
    monkeypatch.setattr(tasks, "TURN_SECONDS", 0.2)
    due(monkeypatch, host=[uuid4()])
    tasks.plan()
    run_all()
    assert len(done) == 1


def test_a_host_that_rests_ends_the_turn(monkeypatch, done):
    resting = Kind("refreshes", 1, lambda limit: {}, lambda pk: bool(done.append(str(pk))))
    monkeypatch.setattr(tasks, "KINDS", {"refresh": resting})
    due(monkeypatch, host=[uuid4() for _ in range(9)])
    tasks.plan()
    run_all()
    assert len(done) == 1


def test_asked_to_stop_it_begins_nothing_more_and_gives_the_lane_back(monkeypatch, done):
    due(monkeypatch, host=[uuid4()])
    tasks.plan()
    tasks.Stopping.requested = True
    run_all()
    assert done == []
    tasks.Stopping.requested = False
    tasks.plan()
    run_all()
    assert len(done) == 1


def test_a_turn_is_short_and_the_rest_is_found_again(monkeypatch, done):
    monkeypatch.setattr(tasks, "TURN_SECONDS", -1.0)
    due(monkeypatch, host=[uuid4()])
    tasks.plan()
    run_all()
    assert done == []
    assert Lane.objects.get().lease_until is None


@pytest.mark.parametrize(("beat", "tasks_after"), [(-1, 1), (60, 0)])
def test_only_a_long_turn_is_followed_by_the_next_at_once(monkeypatch, done, beat, tasks_after):
    monkeypatch.setattr(tasks, "BEAT", timedelta(seconds=beat))
    due(monkeypatch, host=[uuid4()])
    tasks.plan()
    (row,) = queued()
    row.delete()
    tasks.drain.func(*row.args_kwargs["args"])
    assert len(queued()) == tasks_after


def test_a_kind_that_fails_does_not_keep_others_from_being_looked_for(monkeypatch, caplog, done):
    def broken(limit: int) -> Any:
        raise RuntimeError("a secret of the error's text")

    kind = tasks.KINDS["refresh"]
    good = Kind("refreshes", 1, lambda limit: {"host": [uuid4()]}, kind.work)
    kinds = {"broken": Kind("broken", 1, broken, kind.work), "good": good}
    monkeypatch.setattr(tasks, "KINDS", kinds)
    assert tasks.plan() == 1
    assert "a secret" not in caplog.text


def test_the_heartbeat_comes_back_once(done):
    assert tasks.ensure_heartbeat()
    assert not tasks.ensure_heartbeat()
    (first,) = queued("heartbeat")
    first.delete()
    tasks.heartbeat.func(*first.args_kwargs["args"])
    tasks.heartbeat.func(*first.args_kwargs["args"])
    (second,) = queued("heartbeat")
    assert second.run_after > timezone.now()
    assert second.args_kwargs["args"] == [2]


def test_a_heartbeat_whose_worker_was_killed_is_begun_again_and_the_old_one_ends(done):
    tasks.ensure_heartbeat()
    DBTaskResult.objects.update(status="RUNNING")
    assert not tasks.ensure_heartbeat()
    Duty.objects.filter(name="heartbeat").update(taken_at=timezone.now() - timedelta(seconds=11))
    assert tasks.ensure_heartbeat()
    tasks.heartbeat.func(1)
    assert [row.args_kwargs["args"] for row in queued("heartbeat")] == [[2]]


def test_a_heartbeat_that_fails_comes_back(monkeypatch):
    def broken() -> int:
        raise RuntimeError

    monkeypatch.setattr(tasks, "plan", broken)
    tasks.ensure_heartbeat()
    with pytest.raises(RuntimeError):
        tasks.heartbeat.func(1)
    assert [row.args_kwargs["args"] for row in queued("heartbeat")] == [[1], [2]]


def test_the_heartbeat_sweeps_and_reminds_in_their_time(done):
    tasks.ensure_heartbeat()
    tasks.heartbeat.func(1)
    tasks.heartbeat.func(2)
    assert (len(queued("sweep")), len(queued("remind"))) == (1, 1)


def test_refreshes_are_found_by_host(provider):
    project = factories.make_project()
    factories.make_integration(project)
    trips.prepared(project).approve()
    Credential.objects.update(refresh_after=timezone.now() - timedelta(seconds=1))
    (connection,) = Connection.objects.all()
    host = provider.url.removeprefix("http://")
    assert work.KINDS["refresh"].due(10) == {host: [connection.pk]}


def test_grants_to_end_are_found_by_host_and_ended(provider):
    project = factories.make_project()
    factories.make_integration(project)
    trips.prepared(project).approve()
    (connection,) = Connection.objects.all()
    revocation.disconnect(connection=connection, actor="test")
    (found,) = work.KINDS["revoke"].due(10).items()
    assert found == (provider.url.removeprefix("http://"), [Revocation.objects.get().pk])
    tasks.plan()
    run_all()
    assert Revocation.objects.get().ended_at is not None
    assert Connection.objects.get().status == "DISCONNECTED"
    assert work.KINDS["revoke"].due(10) == {}


def test_a_hundred_connections_due_at_once_are_each_refreshed_once(provider):
    project = factories.make_project()
    integration = factories.make_integration(project)
    trips.prepared(project).approve()
    first = Connection.objects.get()
    granted = Credential.objects.get()
    for number in range(99):
        user = factories.make_end_user(project, f"user-{number}")
        tokens = factories.Tokens(
            access=granted.open_required("access_token").reveal(),
            refresh=granted.open_required("refresh_token").reveal(),
        )
        factories.make_connection(
            integration, user, tokens=tokens, client=first.oauth_client, scopes=first.scopes
        )
    ended = timezone.now() - timedelta(seconds=1)
    begun = ended - timedelta(hours=1)
    Credential.objects.update(refresh_after=ended, expires_at=ended, refreshed_at=begun)
    provider.reset(keep_tokens=True)
    for _ in range(3):
        tasks.plan()
        run_all()
    asked = [entry.param("grant_type") for entry in provider.requests("token")]
    assert asked == ["refresh_token"] * 100
    assert set(Credential.objects.values_list("generation", flat=True)) == {2}
    assert not Credential.objects.filter(refresh_after__lt=timezone.now()).exists()


def test_an_event_reaches_its_receiver_by_the_heartbeat_alone(provider, receiver):
    project = factories.make_project()
    factories.make_integration(project)
    made = webhooks.create(project=project, url=receiver.url, actor="test")
    trips.prepared(project).approve()
    tasks.ensure_heartbeat()
    tasks.heartbeat.func(1)
    run_all()
    assert receiver.types() == ["connection.created", "session.completed"]
    assert all(each.verified(made.secret.reveal()) for each in receiver.requests)


def test_a_slow_queue_leaves_threads_for_the_others():
    worker = PoolWorker(
        threads=10, queue_names=["*"], interval=0, batch=True, backend_name="default",
        startup_delay=False, max_tasks=None, worker_id="w", excluded_queue_names=[],
    )  # fmt: skip
    for queue in ("refreshes", "webhooks"):
        for _ in range(12):
            tasks.sweep.using(queue_name=queue).enqueue()
    tasks.sweep.enqueue()
    taken = [worker._taken() for _ in range(12)]
    names = [row.queue_name for row in taken if row is not None]
    assert {name: names.count(name) for name in names} == {
        "refreshes": 5,
        "webhooks": 2,
        "default": 1,
    }


def test_a_worker_starts_whatever_the_spool_holds(monkeypatch, caplog, db):
    def broken() -> int:
        raise LookupError("a secret of the error's text")

    worker = PoolWorker(
        threads=6, queue_names=["*"], interval=0, batch=True, backend_name="default",
        startup_delay=False, max_tasks=None, worker_id="w", excluded_queue_names=[],
    )  # fmt: skip
    monkeypatch.setattr(tokens, "import_spool", broken)
    worker._import_spool()
    assert "LookupError" in caplog.text
    assert "a secret" not in caplog.text


@pytest.mark.parametrize("threads", [0, -1, 5])
def test_the_worker_refuses_too_few_threads(threads):
    with pytest.raises(CommandError, match="at least"):
        call_command("db_worker", threads=threads)


def test_nothing_secret_is_in_the_queue(provider):
    project = factories.make_project()
    factories.make_integration(project)
    trips.prepared(project).approve()
    Credential.objects.update(refresh_after=timezone.now() - timedelta(seconds=1))
    tasks.plan()
    secrets = [Credential.objects.get().open_required("access_token").reveal(), "fake-secret"]
    kept = str(list(DBTaskResult.objects.values()))
    assert queued()
    assert not any(secret in kept for secret in secrets)
    assert AuditEvent.objects.exists()
    assert lanes.HELD < lanes.OFFERED
