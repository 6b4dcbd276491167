"""Processes that die at every point of a refresh, and many that refresh at once."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from integrations import journal, outcomes, refresh, tokens
from integrations.errors import ConnectionUnusable
from integrations.models import AuditEvent, Connection, RefreshAttempt
from integrations.oauth import client as oauth
from tests import factories, forked, granted, threads
from tests.granted import refreshes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection(provider):
    integration = factories.make_integration(factories.make_project(), "demo-desk")
    row = granted.connection(provider, integration, settings={"subdomain": "acme"})
    factories.expire(row)
    return row


def die_before_the_call():
    return patch.object(oauth, "refresh", forked.crash)


def die_after_the_call():
    real = oauth.refresh

    def answered(**arguments: object) -> None:
        real(**arguments)
        forked.crash()

    return patch.object(oauth, "refresh", answered)


def die_after_the_journal():
    return patch.object(refresh, "_note", forked.crash)


def die_while_storing():
    return patch.object(outcomes, "_prune", forked.crash)


def die_after_storing():
    real = outcomes.keep

    def stored(**arguments: object) -> None:
        real(**arguments)
        forked.crash()

    return patch.object(outcomes, "keep", stored)


POINTS = {
    "before the call": die_before_the_call,
    "after the call": die_after_the_call,
    "after the journal": die_after_the_journal,
    "while storing": die_while_storing,
    "after storing": die_after_storing,
}


def crash_at(point: str, connection: Connection) -> None:
    """Let another process refresh and die at this point, and its lease end."""

    def work() -> None:
        with POINTS[point]():
            tokens.access_token_for(connection)

    assert forked.run(work) == forked.CRASHED
    granted.pass_time(journal.LEASE.total_seconds() + 1)


# How many calls the provider saw for two refreshes, if the first process died at this point.
CALLS = {
    "before the call": 2,
    "after the call": 3,
    "after the journal": 2,
    "while storing": 2,
    "after storing": 2,
}


@pytest.mark.parametrize("rotation", ["grace", "strict"])
@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_dies_loses_nothing_that_could_be_kept(
    connection, provider, point, rotation
):
    provider.configure(profile="demo-desk", rotation=rotation)
    crash_at(point, connection)
    if (point, rotation) == ("after the call", "strict"):
        unavoidable(connection, provider)
        return
    for generation in (2, 3):
        found = tokens.access_token_for(connection)
        assert found.generation == generation
        assert granted.works(provider, found.token.reveal())
        factories.expire(connection)
    expected = CALLS[point]
    assert refreshes(provider) == expected
    refused = refreshes(provider) - refreshes(provider, "ok")
    assert refused == 0
    assert not RefreshAttempt.objects.filter(answer__isnull=False).exists()


def unavoidable(connection: Connection, provider) -> None:
    """The provider committed and nobody has its answer: said once, and no loop."""
    for _ in range(3):
        with pytest.raises(ConnectionUnusable) as error:
            tokens.access_token_for(connection)
        assert error.value.code == "rotation_lost"
    assert refreshes(provider) == 2
    assert AuditEvent.objects.filter(action="connection.invalid").count() == 1


def test_nobody_is_kept_waiting_by_a_process_that_died_with_the_old_token_alive(
    connection, provider
):
    factories.expire(connection, left=200)

    def work() -> None:
        with die_before_the_call():
            tokens.access_token_for(connection)

    assert forked.run(work) == forked.CRASHED
    assert tokens.access_token_for(connection).token.reveal() == granted.kept(connection)
    assert refreshes(provider) == 0


def test_twenty_expiries_under_many_callers_in_processes_are_twenty_calls(
    connection, provider, monkeypatch
):
    monkeypatch.setattr(tokens, "POLL_SECONDS", (0.01, 0.03))
    provider.configure(profile="demo-desk", rotation="strict")

    def work() -> None:
        found = threads.at_once(5, lambda: tokens.access_token_for(connection).token.reveal())
        assert len(set(found)) == 1, found

    for expiry in range(1, 21):
        factories.expire(connection)
        assert forked.together(3, work) == [0, 0, 0]
        assert refreshes(provider) == expiry
    assert granted.credential(connection).generation == 21
    assert granted.works(provider, granted.kept(connection))
    assert refreshes(provider, "ok") == 20


def test_a_slow_process_whose_lease_ended_loses_to_the_one_that_took_over(connection, provider):
    """With grace both get tokens: those stored first stay, the others stay as a candidate."""
    provider.configure(profile="demo-desk", rotation="grace")
    real = oauth.refresh

    def slow(**arguments: object) -> object:
        answer = real(**arguments)
        with patch.object(oauth, "refresh", real):
            granted.pass_time(journal.LEASE.total_seconds() + 1)
            tokens.access_token_for(connection)
        return answer

    with patch.object(oauth, "refresh", slow):
        found = tokens.access_token_for(connection)
    assert (found.generation, refreshes(provider)) == (2, 2)
    assert granted.works(provider, found.token.reveal())
    statuses = RefreshAttempt.objects.order_by("epoch").values_list("status", flat=True)
    assert list(statuses) == ["candidate", "applied"]
