"""Disconnecting: hand-out stops at once, and the provider is asked until it has answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from integrations import grantends, revocation, tokens
from integrations.errors import ConnectError
from integrations.models import AuditEvent, Connection, Credential, OAuthClient, Revocation
from tests import factories, trips

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(provider):
    """A project that offers Demo Mail, whose revocation wants the client's credentials."""
    project = factories.make_project()
    factories.make_integration(project)
    return project


@pytest.fixture
def connection(project):
    """Dana's connection. Its tokens are none that the provider knows."""
    return connected(project)


def connected(project, sub="dana"):
    """Return a person's connection, made without a trip."""
    return factories.make_connection(
        project.integrations.get(), factories.make_end_user(project, sub), account_id=sub
    )


@pytest.fixture
def row(connection):
    """The grant of a connection that was just disconnected."""
    revocation.disconnect(connection=connection, actor="user:dana")
    return Revocation.objects.get()


def actions(subject) -> list[str]:
    """Return what the audit log says of a row, oldest first."""
    events = AuditEvent.objects.filter(object_id=str(subject.pk)).order_by("sequence")
    return list(events.values_list("action", flat=True))


def now_shown(connection) -> tuple[str, str]:
    """Return the connection's status and what became of its grant."""
    connection.refresh_from_db()
    return connection.status, connection.revocation


def row_as_stored() -> Revocation:
    """Return the one row with its ciphertexts."""
    return Revocation.objects.get()


def erased(row) -> bool:
    """Return whether the row has ended and holds no ciphertext."""
    row.refresh_from_db()
    return row.outcome != "" and row.access_token is None and row.refresh_token is None


def test_hand_out_stops_at_once_without_a_worker(row, connection, provider):
    with pytest.raises(ConnectError):
        tokens.access_token_for(connection)
    assert not Credential.objects.exists()
    assert now_shown(connection) == ("DISCONNECTING", "")
    assert provider.count("revocation") == 0


def test_the_provider_is_asked_before_anything_is_erased(project, provider, monkeypatch):
    trips.prepared(project).approve()
    connection, end, seen = Connection.objects.get(), revocation._end, []
    revocation.disconnect(connection=connection, actor="user:dana")
    row = Revocation.objects.get()

    def watched(*args):
        seen.append([entry.outcome for entry in provider.requests("revocation")])
        assert Revocation.objects.get().open("refresh_token") is not None
        return end(*args)

    monkeypatch.setattr(revocation, "_end", watched)
    assert revocation.attempt(row.pk) == "revoked"
    assert seen == [["revoked", "unknown_token"]]
    assert erased(row)
    assert now_shown(connection) == ("DISCONNECTED", "revoked")
    assert [grant["revoked"] for grant in provider.grants("demo-mail")] == [True]


def test_the_refresh_token_is_named_first_with_the_client_s_credentials(row, provider):
    kept = row.open_required("refresh_token").reveal(), row.open_required("access_token").reveal()
    revocation.attempt(row.pk)
    sent = provider.requests("revocation")
    assert [entry.param("token") for entry in sent] == list(kept)
    hints = [entry.param("token_type_hint") for entry in sent]
    assert hints == ["refresh_token", "access_token"]
    assert all(entry.headers["authorization"].startswith("Basic ") for entry in sent)
    assert all(entry.raw_query == "" for entry in sent)


def test_each_step_is_in_the_audit_log(row, connection):
    revocation.attempt(row.pk)
    assert actions(connection)[-3:] == [
        "connection.disconnecting",
        "connection.revoked_remotely",
        "connection.disconnected",
    ]
    assert AuditEvent.objects.latest("sequence").data == {"revocation": "revoked"}


def test_disconnecting_twice_is_disconnecting_once(row, connection):
    revocation.disconnect(connection=connection, actor="user:dana")
    assert Revocation.objects.count() == 1
    assert actions(connection).count("connection.disconnecting") == 1


def test_a_token_the_provider_does_not_know_counts_as_ended(row, connection, provider):
    assert revocation.attempt(row.pk) == "revoked"
    assert {entry.outcome for entry in provider.requests("revocation")} == {"unknown_token"}
    assert now_shown(connection) == ("DISCONNECTED", "revoked")


@pytest.mark.parametrize(
    "fault",
    [
        {"revocation_status": 503},
        {"revocation_status": 500},
        {"revocation_lost": True},
        {"revocation_redirect": "http://127.0.0.1:1/"},
        {"revocation_body": {"body": "html", "status": 403}},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_a_provider_that_is_down_is_asked_again(row, connection, provider, fault):
    provider.configure(profile="demo-mail", times=1, **fault)
    assert revocation.attempt(row.pk) == ""
    assert now_shown(connection) == ("DISCONNECTING", "")
    row.refresh_from_db()
    assert (row.tries, row.lease_until) == (1, None)
    assert row.due_at > timezone.now()
    assert revocation.due() == []
    assert revocation.attempt(row.pk) == "revoked"


def test_retry_after_is_honoured(row, provider):
    provider.configure(profile="demo-mail", revocation_status={"status": 429, "retry_after": 900})
    revocation.attempt(row.pk)
    row.refresh_from_db()
    assert row.due_at > timezone.now() + timedelta(seconds=880)


def test_pauses_grow_and_differ():
    first, later = ([revocation._delay(tries) for _ in range(20)] for tries in (1, 5))
    assert max(first) < min(later)
    assert len(set(first)) > 1
    assert revocation._delay(1000) <= timedelta(hours=1)


def test_after_a_day_it_is_given_up_and_said_so(row, connection, provider):
    provider.configure(profile="demo-mail", revocation_status=503)
    Revocation.objects.update(created_at=timezone.now() - timedelta(hours=24, minutes=1))
    assert revocation.attempt(row.pk) == "failed"
    assert erased(row)
    assert row.error_code == "provider_unreachable"
    assert now_shown(connection) == ("DISCONNECTED", "failed")
    assert "connection.revocation_failed" in actions(connection)


def test_the_last_try_is_not_later_than_a_day(row, provider):
    provider.configure(profile="demo-mail", revocation_status={"status": 503, "retry_after": 3600})
    Revocation.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=50))
    revocation.attempt(row.pk)
    row.refresh_from_db()
    assert row.due_at < timezone.now() + timedelta(minutes=11)


def test_a_client_that_is_refused_is_not_tried_for_a_day(project, provider):
    dana = factories.make_end_user(project)
    client = factories.make_client(project.integrations.get(), dana, secret="not-the-secret")
    connection = factories.make_connection(project.integrations.get(), dana, client=client)
    revocation.disconnect(connection=connection, actor="test")
    assert revocation.attempt(Revocation.objects.get().pk) == "failed"
    assert now_shown(connection) == ("DISCONNECTED", "failed")


def test_a_secret_corrected_since_is_the_one_that_is_sent(project, provider):
    dana, mail = factories.make_end_user(project), project.integrations.get()
    client = factories.make_client(mail, dana, secret="not-the-secret")
    connection = factories.make_connection(mail, dana, client=client)
    revocation.disconnect(connection=connection, actor="test")
    factories.replace_secret(client)
    assert revocation.attempt(Revocation.objects.get().pk) == "revoked"


def test_one_grant_is_not_worked_on_twice_at_once(row, provider, monkeypatch):
    ended, inner = grantends.ended, []

    def watched(claimed):
        inner.append(revocation.attempt(row.pk))
        inner.extend(revocation.due())
        return ended(claimed)

    monkeypatch.setattr(grantends, "ended", watched)
    assert revocation.attempt(row.pk) == "revoked"
    assert inner == [""]
    assert provider.count("revocation") == 2


@pytest.mark.parametrize(("hours", "outcome"), [(1, ""), (25, "failed")])
def test_what_nobody_foresaw_is_put_off_and_ends_too(row, monkeypatch, hours, outcome):
    Revocation.objects.update(created_at=timezone.now() - timedelta(hours=hours))
    monkeypatch.setattr(grantends, "ended", lambda _: {}["nothing"])
    with pytest.raises(KeyError):
        revocation.attempt(row.pk)
    row.refresh_from_db()
    assert (row.outcome, row.error_code, row.lease_until) == (outcome, "internal_error", None)


@pytest.mark.parametrize("moment", ["_end", "_settle", "_claimed_then"])
def test_killed_at_any_point_it_is_done_again(row, connection, provider, monkeypatch, moment):
    with monkeypatch.context() as patch:
        killed = SystemExit("killed")
        target = (grantends, "ended") if moment == "_claimed_then" else (revocation, moment)
        patch.setattr(*target, lambda *_: (_ for _ in ()).throw(killed))
        with pytest.raises(SystemExit):
            revocation.attempt(row.pk)
    row.refresh_from_db()
    assert row.outcome == ""
    assert row.open("refresh_token") is not None
    assert revocation.due() == []
    Revocation.objects.update(lease_until=F("lease_until") - timedelta(minutes=3))
    assert revocation.due() == [row.pk]
    assert revocation.attempt(row.pk) == "revoked"
    assert now_shown(connection) == ("DISCONNECTED", "revoked")
    assert erased(row)


def test_a_process_whose_lease_ran_out_writes_nothing(row, monkeypatch):
    ended = grantends.ended

    def slow(claimed):
        Revocation.objects.update(lease_epoch=F("lease_epoch") + 1)
        return ended(claimed)

    monkeypatch.setattr(grantends, "ended", slow)
    assert revocation.attempt(row.pk) == ""
    row.refresh_from_db()
    assert row.outcome == ""


def test_a_grant_that_was_tampered_with_is_not_sent_anywhere(connection, provider):
    Credential.objects.update(access_token=Credential.objects.get().refresh_token)
    revocation.disconnect(connection=connection, actor="test")
    assert now_shown(connection) == ("DISCONNECTED", "failed")
    assert AuditEvent.objects.get(action="seal.broken").data["severity"] == "high"
    assert not Revocation.objects.exists()
    assert provider.count("revocation") == 0


def test_a_queued_grant_that_was_tampered_with_is_not_sent_anywhere(row, connection, provider):
    Revocation.objects.update(refresh_token=row_as_stored().access_token)
    assert revocation.attempt(row.pk) == "failed"
    assert erased(row)
    assert row.error_code == "integrity_error"
    assert provider.count("revocation") == 0


def test_the_database_keeps_no_tokens_of_an_ended_grant(row):
    with pytest.raises(Exception, match="revocation_ended_is_erased"):
        Revocation.objects.update(outcome="revoked", ended_at=timezone.now())


def test_a_provider_that_cannot_end_grants_is_not_waited_for(provider):
    project = factories.make_project()
    jira = factories.make_integration(project, "jira")
    connection = factories.make_connection(jira, factories.make_end_user(project))
    revocation.disconnect(connection=connection, actor="user:dana")
    assert now_shown(connection) == ("DISCONNECTED", "unsupported")
    assert not Credential.objects.exists()
    assert erased(Revocation.objects.get())
    assert revocation.due() == []


def test_a_provider_that_left_the_catalog_is_not_waited_for(connection):
    OAuthClient.objects.get().integration.__class__.objects.update(provider_slug="gone")
    revocation.disconnect(connection=connection, actor="test")
    assert now_shown(connection) == ("DISCONNECTED", "unsupported")


def test_the_longest_waiting_come_first_and_no_more_than_asked_for(project):
    for sub in ("dana", "bob", "eve"):
        revocation.disconnect(connection=connected(project, sub), actor="test")
    first, second, _ = Revocation.objects.order_by("due_at")
    assert revocation.due(limit=2) == [first.pk, second.pk]
