"""The audit log: no change without an event, and no event that can be changed unseen."""

from __future__ import annotations

import pytest
from django.db import transaction

from integrations import audit
from integrations.models import AuditEvent, AuditHead
from tests import threads

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    """A project with five more events than its own creation."""
    project = audit.create_project(name="Acme CRM")
    for number in range(5):
        note(project, number)
    return project


def note(project, number: int = 0) -> AuditEvent:
    """Record something."""
    return audit.record(
        project=project, actor="test", action="thing.done", subject=project, number=number
    )


def broken(project) -> tuple[int, str]:
    """Return where and why the chain breaks."""
    found = audit.verify(project)
    assert found is not None
    assert found.project_id == project.pk
    return found.sequence, found.reason


def event(project, sequence: int):
    """Return a query for one event, behind the model's back."""
    return AuditEvent.objects.filter(project=project, sequence=sequence)


def test_a_whole_chain_holds(project):
    assert audit.verify(project) is None
    assert list(AuditEvent.objects.values_list("sequence", flat=True)) == [1, 2, 3, 4, 5, 6]


CHANGES = {
    "actor": {"actor": "somebody"},
    "action": {"action": "thing.undone"},
    "object": {"object_id": "other"},
    "kind of object": {"object_type": "other"},
    "data": {"data": {"number": 99}},
    "time": {"at": "2020-01-01T00:00:00Z"},
    "hash": {"hash": "0" * 64},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_event_is_found(project, change):
    event(project, 3).update(**change)
    assert broken(project) == (3, "the event was changed")


def test_an_event_with_another_one_before_it_is_found(project):
    event(project, 3).update(previous_hash="0" * 64)
    assert broken(project) == (3, "the event before was changed")


@pytest.mark.parametrize("sequence", [1, 3])
def test_a_deleted_event_is_found(project, sequence):
    event(project, sequence).delete()
    assert broken(project) == (sequence, "an event is missing")


@pytest.mark.parametrize("kept", [5, 1, 0])
def test_a_cut_end_is_found(project, kept):
    AuditEvent.objects.filter(sequence__gt=kept).delete()
    assert broken(project) == (kept + 1, "events are missing")


def test_a_missing_head_is_found(project):
    AuditHead.objects.all().delete()
    assert broken(project) == (7, "the head is missing")


def test_events_in_another_order_are_found(project):
    event(project, 3).update(sequence=99)
    event(project, 4).update(sequence=3)
    event(project, 99).update(sequence=4)
    assert broken(project)[0] == 3


def test_an_event_written_past_the_log_is_found(project):
    last = event(project, 6).get()
    AuditEvent(
        project=project,
        sequence=7,
        at=last.at,
        actor="somebody",
        action="thing.done",
        object_type="project",
        object_id=str(project.pk),
        previous_hash=last.hash,
        hash="0" * 64,
    ).save(force_insert=True)
    assert broken(project) == (7, "the event was changed")


def test_an_event_of_another_project_does_not_fit(project):
    other = audit.create_project(name="Globex")
    note(other)
    event(project, 2).delete()
    event(other, 2).update(project=project)
    assert broken(project)[0] == 2
    assert broken(other) == (2, "events are missing")


def test_a_key_of_another_project_makes_no_valid_event(project):
    other = audit.create_project(name="Globex")
    assert project.open_required("audit_key") != other.open_required("audit_key")


def test_events_are_neither_changed_nor_deleted_through_the_model(project):
    row = event(project, 3).get()
    row.actor = "somebody"
    with pytest.raises(TypeError):
        row.save()
    with pytest.raises(TypeError):
        row.delete()
    assert audit.verify(project) is None


def test_an_event_goes_where_its_change_goes(project):
    def fail() -> None:
        with transaction.atomic():
            note(project)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert AuditEvent.objects.count() == 6
    assert audit.verify(project) is None


def test_a_time_survives_the_database(project):
    rows = AuditEvent.objects.order_by("sequence")
    assert all(row.at.tzinfo for row in rows)
    assert audit.verify(project) is None


@pytest.mark.django_db(transaction=True)
def test_events_recorded_at_once_form_one_chain():
    project = audit.create_project(name="Acme CRM")

    def record() -> int:
        with transaction.atomic():
            return note(project).sequence

    assert sorted(threads.at_once(8, record)) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert audit.verify(project) is None
