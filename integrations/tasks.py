"""Background work: a heartbeat finds what is due in our own rows and hands it out by lanes.

The queue is never the truth. A task that is lost is found due again, one that runs twice finds its
lane or its row taken, and a worker may be killed at any point.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import repeat
from uuid import UUID
from zlib import crc32

from django.utils import timezone
from django_tasks import task

from integrations import lanes, reminders, sweeping
from integrations.lanes import Offer
from integrations.work import KINDS, Kind

log = logging.getLogger(__name__)

BEAT, SILENCE = timedelta(seconds=2), timedelta(seconds=10)
SWEEP_EVERY, REMIND_EVERY = timedelta(seconds=60), timedelta(hours=6)
HEARTBEAT = "heartbeat"
# A turn of work is short, so that hosts take turns; what is left over is found due again.
TURN_SECONDS, HOLD_SECONDS = 10.0, 4.0
# Full batches for all lanes of one host, and some. To look for more costs each time and helps none.
DUE_AT_ONCE = 2_000
FIRST = 100


class Stopping:
    """Whether this process was asked to stop: tasks then finish what they are at."""

    requested = False


@task(priority=FIRST)
def heartbeat(epoch: int) -> None:
    """Find what is due, and come back. A copy of a beat that was taken over ends here."""
    if not lanes.carry_on(HEARTBEAT, epoch=epoch):
        return
    try:
        plan()
        if lanes.take_turn("sweep", every=SWEEP_EVERY):
            sweep.enqueue()
        if lanes.take_turn("reminders", every=REMIND_EVERY):
            remind.enqueue()
    finally:
        jitter = BEAT * random.uniform(0, 0.1)  # noqa: S311
        heartbeat.using(run_after=timezone.now() + BEAT + jitter).enqueue(epoch + 1)


@task()
def drain(kind: str, lane: str, epoch: int, ids: list[str]) -> int:
    """Work through the ids in this lane for a short while. Returns how many were begun."""
    offer, job, began = Offer(lane, epoch), KINDS[kind], time.monotonic()
    if not lanes.hold(offer):
        return 0
    try:
        begun = _worked_through(kind, job, offer, repeat(ids[0]) if job.repeats else ids)
    finally:
        lanes.leave(offer)
    if job.then:
        _planned(job.then, KINDS[job.then])
    elif time.monotonic() - began > BEAT.total_seconds():
        # Where there was much to do there is more, and the lane need not wait for the next beat.
        # After a short turn it does: what fails at once must not be tried as fast as it fails.
        _planned(kind, job)
    return begun


@task(priority=FIRST - 1)
def sweep() -> dict[str, int]:
    """Clear away what ended."""
    return sweeping.sweep()


@task()
def remind() -> int:
    """Remind of secrets that end soon."""
    return reminders.remind()


def ensure_heartbeat(*, silent_for: timedelta = SILENCE) -> bool:
    """Begin the heartbeat if nobody beat for so long. Returns whether that was needed."""
    epoch = lanes.take_over(HEARTBEAT, silent_for=silent_for)
    if epoch is None:
        return False
    heartbeat.enqueue(epoch)
    return True


def plan() -> int:
    """Enqueue what is due, as far as lanes are free. Returns how many tasks were enqueued."""
    return sum(_planned(name, kind) for name, kind in KINDS.items())


def _worked_through(name: str, kind: Kind, offer: Offer, wanted: Iterable[str]) -> int:
    begun, held_at = 0, time.monotonic()
    until = held_at + TURN_SECONDS
    for pk in wanted:
        now = time.monotonic()
        if Stopping.requested or now > until:
            break
        if now - held_at > HOLD_SECONDS:
            if not lanes.hold(offer):
                break
            held_at = now
        begun += 1
        if not _done(name, kind, UUID(pk)):
            break
    return begun


def _planned(name: str, kind: Kind) -> int:
    try:
        due = kind.due(DUE_AT_ONCE)
    except Exception as error:  # noqa: BLE001
        # One kind that fails must not keep the others from being done.
        log.error("looking for due work failed: %s (%s)", name, type(error).__name__)  # noqa: TRY400
        return 0
    return sum(_handed_out(name, kind, host, ids) for host, ids in due.items())


def _handed_out(name: str, kind: Kind, host: str, ids: Sequence[UUID]) -> int:
    # An id always belongs to the same lane, so that two lanes do not queue for one row.
    shares: dict[int, list[str]] = {}
    for pk in ids:
        share = shares.setdefault(crc32(pk.bytes) % kind.lanes, [])
        if len(share) < kind.batch:
            share.append(str(pk))
    offers = lanes.offered(kind=name, host=host, numbers=shares)
    for offer in offers:
        drain.using(queue_name=kind.queue).enqueue(
            name, offer.lane, offer.epoch, shares[offer.number]
        )
    return len(offers)


def _done(name: str, kind: Kind, pk: UUID) -> bool:
    try:
        return kind.work(pk)
    except Exception as error:  # noqa: BLE001
        # The row stays due and its lease ends; the next id may do better. No text of the error:
        # it may hold what must not be logged.
        log.error("work failed: %s %s (%s)", name, pk, type(error).__name__)  # noqa: TRY400
        # Except where the next one is the same again, which would fail as fast as it can.
        return not kind.repeats
