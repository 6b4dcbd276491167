"""Turns and lanes: how any number of workers share recurring work and none of it is done twice.

Both are rows with a lease by the database's clock. The queue only carries the news of them, so a
task that is lost, repeated or late does no harm.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations.models import Duty, Lane

OFFERED = timedelta(seconds=120)
HELD = timedelta(seconds=20)


@dataclass(frozen=True)
class Offer:
    """A lane kept for one task. Whoever shows another epoch comes too late."""

    lane: str
    epoch: int
    number: int = 0


def take_turn(name: str, *, every: timedelta) -> bool:
    """Return whether the duty is due and this caller has it, by one statement."""
    due = Duty.objects.filter(name=name, next_at__lte=Now())
    if due.update(next_at=Now() + every, taken_at=Now()):
        return True
    missing = Duty(name=name, next_at=timezone.now() - timedelta(days=1))
    if Duty.objects.filter(name=name).exists():
        return False
    Duty.objects.bulk_create([missing], ignore_conflicts=True)
    return bool(due.update(next_at=Now() + every, taken_at=Now()))


def take_over(name: str, *, silent_for: timedelta) -> int | None:
    """Take a chain of turns that nobody carried on for so long, and return its new epoch.

    A link of the chain as it was finds that the epoch is another, and ends there.
    """
    long_ago = timezone.now() - timedelta(days=1)
    Duty.objects.bulk_create([Duty(name=name, next_at=long_ago)], ignore_conflicts=True)
    epoch = Duty.objects.values_list("epoch", flat=True).get(pk=name)
    silent = Q(taken_at=None) | Q(taken_at__lte=Now() - silent_for)
    return epoch + 1 if _carried_on(Q(silent, pk=name, epoch=epoch)) else None


def carry_on(name: str, *, epoch: int) -> bool:
    """Take this turn of a chain; the next one has the epoch after it."""
    return _carried_on(Q(pk=name, epoch=epoch))


def offered(*, kind: str, host: str, numbers: Collection[int]) -> list[Offer]:
    """Keep the free ones among a host's lanes of these numbers, each for one task."""
    lanes = Lane.objects.filter(kind=kind, host=host, number__in=numbers)
    known = {lane.number: lane for lane in lanes}
    missing = [Lane(kind=kind, host=host, number=each) for each in numbers if each not in known]
    if missing:
        Lane.objects.bulk_create(missing, ignore_conflicts=True)
        known = {lane.number: lane for lane in lanes.all()}
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    return [
        Offer(str(lane.pk), lane.epoch + 1, lane.number)
        for lane in known.values()
        if Lane.objects.filter(free, pk=lane.pk, epoch=lane.epoch).update(
            epoch=F("epoch") + 1, lease_until=Now() + OFFERED, used_at=Now()
        )
    ]


def hold(offer: Offer) -> bool:
    """Take up an offered lane, or keep it for longer. False if it is somebody else's by now."""
    mine = Lane.objects.filter(pk=offer.lane, epoch=offer.epoch, lease_until__isnull=False)
    return bool(mine.update(lease_until=Now() + HELD))


def leave(offer: Offer) -> None:
    """Give a lane back."""
    Lane.objects.filter(pk=offer.lane, epoch=offer.epoch).update(lease_until=None)


def _carried_on(which: Q) -> bool:
    return bool(Duty.objects.filter(which).update(epoch=F("epoch") + 1, taken_at=Now()))
