"""Processes whose clocks are wrong: leases and lifetimes are by the database's."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from integrations import journal, tokens
from integrations.errors import ProviderUnavailable
from tests import factories, forked, granted
from tests.granted import refreshes

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def connection(provider):
    return granted.connection(provider, factories.make_integration(factories.make_project()))


def elsewhere(off: timedelta, work: object) -> int:
    """Do the work in a process whose clock is off by so much."""
    real = timezone.now

    def now() -> datetime:
        return real() + off

    def skewed() -> None:
        with patch.object(timezone, "now", now), patch("time.time", lambda: now().timestamp()):
            work()

    return forked.run(skewed)


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_lease_is_not_over_because_a_process_thinks_so(connection, provider, monkeypatch, off):
    factories.expire(connection)
    row = granted.credential(connection)
    spend = journal.Spend(row.client_version, row.open_required("refresh_token"))
    assert journal.claim(row, spend) is not None
    assert elsewhere(off, lambda: _must_wait(connection)) == 0
    assert refreshes(provider) == 0


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_token_is_refreshed_when_it_ends_and_not_before(connection, provider, off):
    assert elsewhere(off, lambda: tokens.access_token_for(connection)) == 0
    assert refreshes(provider) == 0
    factories.expire(connection)
    assert elsewhere(off, lambda: tokens.access_token_for(connection)) == 0
    assert refreshes(provider) == 1
    stored = granted.credential(connection)
    # What the provider gives for an hour ends in an hour of the database, whoever asked for it.
    assert abs(stored.expires_at - timezone.now() - HOUR) < timedelta(minutes=1)
    assert elsewhere(-off, lambda: tokens.access_token_for(connection)) == 0
    assert refreshes(provider) == 1


def _must_wait(connection: object) -> None:
    with patch.object(tokens, "WAIT_SECONDS", 0.1), pytest.raises(ProviderUnavailable) as error:
        tokens.access_token_for(connection)
    assert error.value.code == "refresh_in_progress"
