"""verify_audit names the exact event after every kind of tampering."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from integrations import audit
from integrations.models import AuditEvent, Project
from tests.factories import make_project
from tests.integrations.management.conftest import Run

pytestmark = pytest.mark.django_db
TABLE = "integrations_auditevent"


@pytest.fixture
def project(db: None) -> Project:
    project = make_project()
    for number in range(2, 8):
        with transaction.atomic():
            audit.record(
                project=project, actor="test", action=f"event.{number}", subject=project, n=number
            )
    return project


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=TABLE), values)


def tampered() -> dict[str, Any]:
    out = StringIO()
    with pytest.raises(CommandError, match="broken in 1 of 1"):
        call_command("verify_audit", json=True, stdout=out)
    return dict(json.loads(out.getvalue())[0])


def test_an_untouched_log_is_intact(run: Run, project: Project) -> None:
    result = run("verify_audit", json=True)
    assert result == [
        {
            "project_id": str(project.pk),
            "name": "Acme CRM",
            "intact": True,
            "events": 7,
            "head": AuditEvent.objects.get(project=project, sequence=7).hash,
        }
    ]
    assert "7 events" in run("verify_audit", "Acme CRM")


@pytest.mark.parametrize("column", ["actor", "action", "object_id", "object_type"])
def test_an_edited_event_is_named(project: Project, column: str) -> None:
    sql(f"UPDATE {{table}} SET {column} = 'forged' WHERE sequence = %s", 4)
    assert tampered()["sequence"] == 4


def test_edited_data_is_named(project: Project) -> None:
    AuditEvent.objects.filter(sequence=5).update(data={"n": 99})
    assert tampered()["sequence"] == 5


def test_a_moved_time_is_named(project: Project) -> None:
    event = AuditEvent.objects.get(sequence=3)
    AuditEvent.objects.filter(sequence=3).update(at=event.at.replace(year=2020))
    assert tampered()["sequence"] == 3


@pytest.mark.parametrize("sequence", [1, 4])
def test_a_deleted_event_is_named(project: Project, sequence: int) -> None:
    sql("DELETE FROM {table} WHERE sequence = %s", sequence)
    result = tampered()
    assert (result["sequence"], result["reason"]) == (sequence, "an event is missing")


def test_a_deleted_event_whose_place_was_filled_is_named(project: Project) -> None:
    sql("DELETE FROM {table} WHERE sequence = %s", 4)
    for sequence in (5, 6, 7):
        sql("UPDATE {table} SET sequence = %s WHERE sequence = %s", sequence - 1, sequence)
    assert tampered()["sequence"] == 4


def test_two_events_that_changed_places_are_named(project: Project) -> None:
    for new, old in ((99, 3), (3, 5), (5, 99)):
        sql("UPDATE {table} SET sequence = %s WHERE sequence = %s", new, old)
    assert tampered()["sequence"] == 3


@pytest.mark.parametrize("kept", [6, 2, 0])
def test_a_cut_tail_is_named(project: Project, kept: int) -> None:
    sql("DELETE FROM {table} WHERE sequence > %s", kept)
    result = tampered()
    assert (result["sequence"], result["reason"]) == (kept + 1, "events are missing")


def test_an_added_event_is_named(project: Project) -> None:
    last = AuditEvent.objects.get(sequence=7)
    fields = {"project": project, "at": last.at, "actor": "admin:x", "action": "forged"}
    fields |= {"object_type": "project", "object_id": "x", "previous_hash": last.hash}
    AuditEvent(**fields, sequence=8, hash="0" * 64).save(force_insert=True)
    assert tampered()["sequence"] == 8


def test_a_missing_head_is_named(project: Project) -> None:
    sql("DELETE FROM integrations_audithead WHERE project_id IS NOT NULL")
    assert "head" in str(tampered()["reason"])


def test_a_key_that_cannot_be_read_is_named(
    project: Project,
    use_keys: Callable[..., None],
) -> None:
    use_keys("another-key-that-is-long-enough-000000")
    assert "FERNET_KEYS" in str(tampered()["reason"])


def test_one_project_can_be_verified_alone(run: Run, project: Project) -> None:
    other = make_project("Other", which=3)
    AuditEvent.objects.filter(project=other).update(actor="forged")
    assert "ok" in run("verify_audit", "Acme CRM")
    with pytest.raises(CommandError, match="1 of 2"):
        run("verify_audit")


def test_an_unknown_project_is_an_error(run: Run, project: Project) -> None:
    with pytest.raises(CommandError, match="no project"):
        run("verify_audit", "Nobody")
