"""Turns and lanes: shared by any number of workers, and never kept closed by a dead one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import lanes
from integrations.lanes import Offer
from integrations.models import Duty, Lane
from tests import threads

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def offered(*numbers: int, host: str = "mail.example", kind: str = "refresh") -> list[Offer]:
    """Return offers of a host's lanes."""
    return lanes.offered(kind=kind, host=host, numbers=numbers or (0, 1))


def lease_ends() -> None:
    """Let the time pass until every lease has ended."""
    Lane.objects.filter(lease_until__isnull=False).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def test_a_duty_is_taken_once_in_its_time():
    assert [lanes.take_turn("sweep", every=HOUR) for _ in range(3)] == [True, False, False]
    assert lanes.take_turn("another", every=HOUR)


def test_a_duty_that_was_missed_is_due():
    lanes.take_turn("sweep", every=HOUR)
    Duty.objects.update(next_at=timezone.now() - timedelta(days=3))
    assert [lanes.take_turn("sweep", every=HOUR) for _ in range(2)] == [True, False]


def test_a_chain_goes_on_link_by_link_and_a_copy_of_a_link_ends():
    epoch = lanes.take_over("heartbeat", silent_for=HOUR)
    assert epoch == 1
    assert lanes.carry_on("heartbeat", epoch=1)
    assert not lanes.carry_on("heartbeat", epoch=1)
    assert lanes.carry_on("heartbeat", epoch=2)


def test_a_chain_that_goes_on_is_not_taken_over():
    lanes.take_over("heartbeat", silent_for=HOUR)
    assert lanes.take_over("heartbeat", silent_for=HOUR) is None


def test_a_chain_that_was_taken_over_ends():
    lanes.take_over("heartbeat", silent_for=HOUR)
    assert lanes.take_over("heartbeat", silent_for=timedelta(0)) == 2
    assert not lanes.carry_on("heartbeat", epoch=1)
    assert lanes.carry_on("heartbeat", epoch=2)


def test_a_lane_is_offered_to_one_task():
    first = offered()
    assert [offer.number for offer in first] == [0, 1]
    assert offered() == []
    assert [offer.number for offer in offered(0, 1, 2)] == [2]


def test_lanes_of_another_host_or_kind_are_others():
    offered()
    assert len(offered(host="desk.example")) == 2
    assert len(offered(kind="deliver")) == 2


def test_a_lane_given_back_is_free():
    (offer,) = offered(0)
    assert lanes.hold(offer)
    lanes.leave(offer)
    assert len(offered(0)) == 1


def test_the_same_task_run_twice_finds_its_lane_given_back():
    (offer,) = offered(0)
    lanes.leave(offer)
    assert not lanes.hold(offer)


def test_a_lane_of_a_worker_that_died_is_free_when_its_lease_ends():
    (dead,) = offered(0)
    assert lanes.hold(dead)
    assert offered(0) == []
    lease_ends()
    (alive,) = offered(0)
    assert not lanes.hold(dead)
    assert lanes.hold(alive)
    lanes.leave(dead)
    assert offered(0) == []


def test_a_lane_that_nobody_wanted_meanwhile_can_be_kept():
    (slow,) = offered(0)
    lease_ends()
    assert lanes.hold(slow)
    assert offered(0) == []


def test_an_offer_of_a_lane_that_was_deleted_is_void():
    (offer,) = offered(0)
    Lane.objects.all().delete()
    assert not lanes.hold(offer)


@pytest.mark.django_db(transaction=True)
def test_many_planners_at_once_offer_each_lane_once():
    found = threads.at_once(6, lambda: len(offered(0, 1, 2)))
    assert sum(found) == 3
    assert Lane.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_begin_one_chain():
    found = threads.at_once(6, lambda: lanes.take_over("heartbeat", silent_for=HOUR))
    assert [epoch for epoch in found if epoch is not None] == [1]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_take_a_turn_once():
    assert sum(threads.at_once(6, lambda: lanes.take_turn("sweep", every=HOUR))) == 1
