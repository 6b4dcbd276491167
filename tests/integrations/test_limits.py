"""Rate limits: counted by the database, exactly, also by many at once."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from integrations import limits
from integrations.errors import RateLimited
from integrations.limits import ADMIN_LOGIN, START, TABLE, Reserve, Use
from integrations.models import RateCount
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def spent(use: Use) -> bool:
    try:
        limits.spend(use)
    except RateLimited:
        return False
    return True


def end_windows() -> None:
    RateCount.objects.update(ends_at=1)


def test_it_allows_exactly_as_many_as_the_limit_says():
    use = Use(START, "dana")
    assert [spent(use) for _ in range(START.count + 3)] == [True] * START.count + [False] * 3


def test_subjects_and_limits_do_not_count_for_each_other():
    for _ in range(START.count):
        limits.spend(Use(START, "dana"))
    limits.spend(Use(START, "lea"))
    limits.spend(Use(ADMIN_LOGIN, "dana"))
    assert not spent(Use(START, "dana"))


def test_a_window_that_ended_begins_anew():
    use = Use(START, "dana")
    while spent(use):
        pass
    end_windows()
    assert spent(use)
    assert RateCount.objects.get().count == 1


def test_being_refused_does_not_prolong_the_wait():
    use = Use(START, "dana")
    while spent(use):
        pass
    ends = RateCount.objects.get().ends_at
    assert not spent(use)
    assert RateCount.objects.get().ends_at == ends


def test_it_says_how_long_to_wait():
    use = Use(START, "dana", count=1)
    limits.spend(use)
    with pytest.raises(RateLimited) as refused:
        limits.spend(use)
    assert 50 <= refused.value.retry_after <= START.seconds


def test_several_limits_cost_one_statement():
    with CaptureQueriesContext(connection) as queries:
        limits.spend(Use(limits.OPEN, "dana"), Use(limits.OPEN_ADDRESS, "127.0.0.1"))
    assert len(queries) == 1
    assert RateCount.objects.count() == 2


def test_one_of_several_refuses():
    few = Use(limits.OPEN_ADDRESS, "127.0.0.1", count=1)
    limits.spend(Use(limits.OPEN, "dana"), few)
    with pytest.raises(RateLimited):
        limits.spend(Use(limits.OPEN, "lea"), few)


def test_no_name_and_no_address_is_kept():
    limits.spend(Use(START, "203.0.113.9"))
    assert "203.0.113.9" not in str(RateCount.objects.values())


def test_the_sweep_deletes_what_has_ended_and_nothing_else():
    limits.spend(Use(START, "old"))
    end_windows()
    limits.spend(Use(START, "new"))
    assert limits.sweep() == 1
    assert RateCount.objects.count() == 1


def test_an_operator_s_figure_replaces_ours(settings):
    settings.LIMITS = {"start": "2/60"}
    assert [spent(Use(START, "dana")) for _ in range(3)] == [True, True, False]


def test_a_limit_that_is_off_costs_nothing(settings):
    settings.LIMITS = {"start": "off"}
    with CaptureQueriesContext(connection) as queries:
        assert all(spent(Use(START, "dana")) for _ in range(START.count + 5))
        Reserve().spend(Use(START, "dana"))
    assert len(queries) == 0


@pytest.mark.parametrize(
    "chosen", ["poll=", "poll=10", "poll=0/60", "poll=9/0", "poll=-1/60", "pool=9/60", "poll=a/b"]
)
def test_a_limit_that_is_none_stops_the_start(chosen):
    name, _, text = chosen.partition("=")
    with pytest.raises(ImproperlyConfigured, match="LIMITS"):
        limits.check_settings({name: text})


def test_good_figures_are_taken():
    limits.check_settings({"poll": "120/60", "start": "off"})
    limits.check_settings({})


def test_every_limit_has_a_name_of_its_own_and_words():
    assert len({limit.name for limit in TABLE}) == len(TABLE)
    assert all(limit.of and limit.per and limit.count and limit.seconds for limit in TABLE)


@pytest.fixture
def broken(monkeypatch):
    def fail(*args: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(RateCount.objects, "take", fail)


def test_a_failing_database_lets_people_through(broken, caplog):
    assert spent(Use(START, "dana"))
    Reserve().spend(Use(limits.ACCESS_TOKENS, "key"))
    assert "rate limits could not be counted: start" in caplog.text
    assert "dana" not in caplog.text


def test_a_failing_database_keeps_the_admin_shut(broken):
    with pytest.raises(RateLimited):
        limits.spend(Use(ADMIN_LOGIN, "127.0.0.1"))


def reads(reserve: Reserve, use: Use) -> bool:
    try:
        reserve.spend(use)
    except RateLimited:
        return False
    return True


def test_a_block_of_permits_costs_one_statement():
    reserve, use = Reserve(), Use(limits.ACCESS_TOKENS, "key")
    with CaptureQueriesContext(connection) as queries:
        assert all(reads(reserve, use) for _ in range(100))
    assert len(queries) == 10


@pytest.mark.parametrize("most", [1, 7, 60, 100, 600])
def test_several_processes_together_never_exceed_the_limit(most):
    processes = [Reserve(), Reserve(), Reserve()]
    use = Use(limits.ACCESS_TOKENS, "key", count=most)
    done = sum(reads(processes[number % 3], use) for number in range(most * 2))
    assert done <= most
    # Less is possible only by what the others hold when a window ends.
    assert done >= most - 2 * max(1, most // limits.BLOCKS)


def test_permits_of_a_window_that_ended_are_not_used(monkeypatch):
    reserve, use = Reserve(), Use(limits.ACCESS_TOKENS, "key")
    reserve.spend(use)
    monkeypatch.setattr("integrations.limits.time.monotonic", lambda: 1e12)
    with CaptureQueriesContext(connection) as queries:
        reserve.spend(use)
    assert len(queries) == 1


def test_what_a_process_remembers_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MAX_HELD", 3)
    reserve = Reserve()
    for number in range(10):
        reserve.spend(Use(limits.ACCESS_TOKENS, f"key-{number}"))
    assert len(reserve._held) <= 3


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_counted_exactly():
    use = Use(START, "dana")
    done = at_once(16, lambda: spent(use))
    assert sum(done) == START.count
