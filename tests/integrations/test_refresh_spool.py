"""Answers that come while the database is down."""

from __future__ import annotations

import json
import stat
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations import journal, outcomes, spool, tokens
from integrations.catalog import registry
from integrations.errors import ConnectionUnusable
from integrations.management import doctor
from integrations.models import Connection, Credential, RefreshAttempt, Revocation
from integrations.oauth.http import Answer
from integrations.secret import Secret
from tests import factories, forked, granted
from tests.granted import refreshes

pytestmark = pytest.mark.django_db
Status = RefreshAttempt.Status
BODY = {"access_token": "access-2", "refresh_token": "refresh-2", "token_type": "Bearer"}
ANSWER = Answer(200, {"content-type": "application/json"}, json.dumps(BODY).encode())


@pytest.fixture(autouse=True)
def folder(settings, tmp_path, monkeypatch):
    """A spool folder of this test, and no pauses."""
    settings.SPOOL_DIR = tmp_path / "spool"
    monkeypatch.setattr(journal, "COMMIT_PAUSES", (0.0,) * 5)
    return settings.SPOOL_DIR


@pytest.fixture
def connection(provider):
    integration = factories.make_integration(factories.make_project(), "demo-desk")
    row = granted.connection(provider, integration, settings={"subdomain": "acme"})
    factories.expire(row)
    return row


@pytest.fixture
def down(monkeypatch):
    """Let the journal's database be down, for so many writes."""

    def fail(times: int) -> None:
        works, left = journal._durable, [times]

        def durable():
            if left[0]:
                left[0] -= 1
                raise OperationalError("the database is down")
            return works()

        monkeypatch.setattr(journal, "_durable", durable)

    return fail


def claimed(connection) -> RefreshAttempt:
    credential = granted.credential(connection)
    spend = journal.Spend(credential.client_version, credential.open_required("refresh_token"))
    return journal.claim(credential, spend)


def test_a_database_that_comes_back_gets_the_answer_and_the_folder_is_empty(
    connection, provider, down, folder
):
    down(3)
    found = tokens.access_token_for(connection)
    assert granted.works(provider, found.token.reveal())
    assert (found.generation, refreshes(provider)) == (2, 1)
    assert list(folder.iterdir()) == []


def test_the_answer_is_on_the_disk_before_the_first_pause(connection, down, folder, monkeypatch):
    attempt = claimed(connection)
    down(1)
    seen = []
    monkeypatch.setattr(journal.time, "sleep", lambda _: seen.append(len(list(folder.iterdir()))))
    journal.received(attempt, ANSWER)
    assert seen == [1]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_stays_down_loses_nothing(connection, provider, down, folder):
    down(100)
    with pytest.raises(OperationalError):
        tokens.access_token_for(connection)
    (kept,) = folder.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = kept.read_text()
    for token in provider.world.store.refresh_tokens:
        assert token not in text
    assert tokens.import_spool() == 1
    assert list(folder.iterdir()) == []
    granted.pass_time(61)
    found = tokens.access_token_for(connection)
    assert granted.works(provider, found.token.reveal())
    assert (found.generation, refreshes(provider)) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_the_next_claim_finds_what_a_dead_process_kept(connection, provider, down, folder):
    """Without it the refresh token would be shown twice, and a strict provider end the family."""

    def work() -> None:
        down(100)
        tokens.access_token_for(connection)

    assert forked.run(work) == 1
    assert len(list(folder.iterdir())) == 1
    granted.pass_time(61)
    found = tokens.access_token_for(connection)
    assert granted.works(provider, found.token.reveal())
    assert (found.generation, refreshes(provider)) == (2, 1)
    assert list(folder.iterdir()) == []


def test_a_restored_database_that_lost_the_attempt_takes_it_all_the_same(
    connection, provider, down
):
    down(100)
    with pytest.raises(OperationalError):
        tokens.access_token_for(connection)
    RefreshAttempt.objects.all().delete()
    Credential.objects.update(lease_until=None)
    assert tokens.import_spool() == 1
    assert tokens.access_token_for(connection).generation == 2
    assert refreshes(provider) == 1


def test_the_folder_is_taken_once(connection, down):
    attempt = claimed(connection)
    sealed = journal._sealed(attempt, ANSWER)
    assert spool.keep(attempt, sealed)
    assert [tokens.import_spool(), tokens.import_spool()] == [1, 0]
    journal.end(attempt, Status.APPLIED)
    assert spool.keep(attempt, sealed)
    assert tokens.import_spool() == 0
    assert RefreshAttempt.objects.get().status == "applied"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"answer": 7}', b"\xff"])
def test_a_file_that_cannot_be_read_is_left_alone(connection, folder, content):
    attempt = claimed(connection)
    folder.mkdir(mode=0o700)
    (folder / f"{attempt.pk}.json").write_bytes(content)
    (folder / "notes.json").write_bytes(content)
    assert tokens.import_spool() == 0
    assert len(list(folder.iterdir())) == 2
    assert RefreshAttempt.objects.get().status == "in_flight"


@pytest.mark.django_db(transaction=True)
def test_a_file_of_rows_that_are_gone_does_not_keep_others_waiting(connection, folder):
    lost = claimed(connection)
    sealed = journal._sealed(lost, ANSWER)
    lost.client_version_id = uuid4()
    spool.keep(lost, sealed)
    RefreshAttempt.objects.all().delete()
    Credential.objects.update(lease_until=None)
    attempt = claimed(connection)
    spool.keep(attempt, journal._sealed(attempt, ANSWER))
    assert tokens.import_spool() == 1
    assert [path.stem for path in folder.iterdir()] == [str(lost.pk)]


def test_an_answer_of_a_provider_that_is_gone_does_not_keep_others_waiting(connection, provider):
    other = granted.connection(
        provider, factories.make_integration(connection.project, "demo-mail")
    )
    for row in (connection, other):
        journal.received(claimed(row), ANSWER)
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    registry.install({"demo-mail": registry.provider("demo-mail")})
    granted.pass_time(61)
    tokens.import_spool()
    assert connection.refresh_attempts.get().status == "got_response"
    assert other.refresh_attempts.get().status == "discarded"


def test_an_answer_changed_on_the_disk_is_refused(connection, folder):
    attempt = claimed(connection)
    sealed = journal._sealed(attempt, ANSWER)
    spool.keep(attempt, sealed)
    (path,) = folder.iterdir()
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"answer": "AAAA" + record["answer"][4:]}))
    tokens.import_spool()
    Credential.objects.update(lease_until=None)
    with pytest.raises(Exception, match="integrity_error"):
        tokens.access_token_for(connection)


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(
    connection, provider, settings, tmp_path, client, down
):
    (tmp_path / "file").write_text("")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    assert not spool.writable()
    assert client.get("/readyz").json()["checks"]["spool"] is False
    down(2)
    assert tokens.access_token_for(connection).generation == 2
    settings.SPOOL_DIR = tmp_path / "spool"
    assert spool.writable()
    assert client.get("/readyz").json()["checks"]["spool"] is True
    assert list(settings.SPOOL_DIR.iterdir()) == []


def test_the_doctor_says_what_waits_and_what_cannot_be_written(connection, settings, tmp_path):
    def found() -> doctor.Finding:
        (finding,) = doctor._spool_folder()
        return finding

    assert found().status == "ok"
    attempt = claimed(connection)
    spool.keep(attempt, journal._sealed(attempt, ANSWER))
    assert (found().status, found().detail) == ("warn", "1 answers to refreshes wait")
    (tmp_path / "file").write_text("")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    assert found().status == "fail"
    assert found().next_step


def test_an_answer_for_a_connection_that_has_ended_is_revoked_and_erased(connection):
    attempt = claimed(connection)
    journal.received(attempt, ANSWER)
    Connection.objects.update(status="DISCONNECTED")
    Credential.objects.all().delete()
    outcomes.settle()
    assert not Revocation.objects.exists(), "its process may still be at work"
    granted.pass_time(61)
    outcomes.settle()
    queued = Revocation.objects.get()
    assert queued.open_required("refresh_token") == Secret("refresh-2")
    attempt.refresh_from_db()
    assert (attempt.status, attempt.answer) == ("discarded", None)


def test_an_answer_nobody_claims_because_the_row_moved_on_becomes_a_candidate(connection):
    attempt = claimed(connection)
    journal.received(attempt, ANSWER)
    granted.pass_time(61)
    credential = granted.credential(connection)
    credential.generation += 1
    credential.seal(access_token=Secret("a"), refresh_token=Secret("r"))
    credential.save()
    outcomes.settle()
    attempt.refresh_from_db()
    assert attempt.status == "candidate"


def test_a_restored_backup_asks_the_person_once(connection, provider):
    """Rotating providers refuse the tokens of a backup, and nothing goes round in circles."""
    backup = Credential.objects.values().get()
    tokens.access_token_for(connection)
    RefreshAttempt.objects.all().delete()
    Credential.objects.update(
        **{name: backup[name] for name in ("generation", "access_token", "refresh_token")}
    )
    factories.expire(connection)
    for _ in range(3):
        with pytest.raises(ConnectionUnusable) as error:
            tokens.access_token_for(connection)
        assert error.value.code == "needs_reauth"
    assert refreshes(provider) == 2


@pytest.mark.django_db(transaction=True)
def test_the_journal_waits_for_the_disk(connection):
    attempt = claimed(connection)
    with CaptureQueriesContext(database) as queries:
        journal.received(attempt, ANSWER)
    said = " ".join(query["sql"] for query in queries)
    assert "synchronous=FULL" in said or "synchronous_commit = on" in said
