"""What has to hold in the long run. Each returns one line of figures or fails an assertion."""

from __future__ import annotations

import os
import random
import signal
import time

from integrations import journal, tokens
from integrations.errors import ConnectError, ConnectionUnusable
from integrations.models import Connection
from tests import factories, forked, granted
from tests.fakeas.server import FakeAS
from tests.soak.callers import (
    a_stop_during_a_refresh,
    reads_of_a_short_token,
    slow_provider,
    two_hundred_callers,
)
from tests.soak.databases import connections_cut, database_stopped
from tests.soak.due_at_once import ten_thousand_due
from tests.soak.losses import what_crashes_cost
from tests.soak.outages import ten_minutes_down

REFRESHES = int(os.environ.get("SOAK_REFRESHES", "1000"))
LOST = 3


def kills_with_grace(provider: FakeAS) -> str:
    """Kill -9 at random points over a thousand refreshes; grace heals every one of them."""
    found = _killed(provider, "grace")
    assert found.losses == 0
    return found.line()


def kills_with_strict_rotation(provider: FakeAS) -> str:
    """The same where a token shown twice ends the family: only two generals' losses remain."""
    found = _killed(provider, "strict")
    # Each answer that nobody has is one loss, said once: nothing that was kept was lost.
    assert found.accepted - found.generations == found.losses
    assert found.losses <= found.calls - found.accepted <= found.losses + found.kills
    return found.line()


ALL = (
    kills_with_grace,
    kills_with_strict_rotation,
    two_hundred_callers,
    slow_provider,
    reads_of_a_short_token,
    a_stop_during_a_refresh,
    what_crashes_cost,
    database_stopped,
    connections_cut,
    ten_minutes_down,
    ten_thousand_due,
)


class _Killed:
    """Counts over many lives of a process."""

    def __init__(self) -> None:
        self.generations = self.kills = self.losses = self.calls = self.accepted = 0
        self.most_refused = 0

    def line(self) -> str:
        return (
            f"{self.generations} refreshes, {self.kills} kills, {self.calls} calls, "
            f"{self.accepted} accepted, {self.losses} losses that nobody can avoid, "
            f"each refused {self.most_refused} times at most"
        )


def _killed(provider: FakeAS, rotation: str) -> _Killed:
    found = _Killed()
    provider.configure(profile="demo-desk", rotation=rotation)
    connection = granted.desk(provider)
    # Long enough for a few refreshes on this machine, so that kills fall on all points of one.
    within, kills = 3 * _pace(connection), 0
    while found.generations + granted.credential(connection).generation - 1 < REFRESHES:
        code = _a_life(connection, within=within)
        kills += code == -signal.SIGKILL
        assert code in (-signal.SIGKILL, LOST), code
        if code == LOST:
            assert Connection.objects.get(pk=connection.pk).reason == "rotation_lost"
            refused = _refused(provider, connection)
            # One more only where a kill came between the refusal and its record: no loop.
            assert 1 <= refused <= 1 + kills, refused
            found.most_refused = max(found.most_refused, refused)
            found.losses += 1
            found.kills, kills = found.kills + kills, 0
            found.generations += granted.credential(connection).generation - 1
            connection = granted.desk(provider)
    found.kills += kills
    # The last life may have left a call without its generation: one more refresh settles it.
    if _a_life(connection, within=None) == LOST:
        found.losses += 1
    found.generations += granted.credential(connection).generation - 1
    found.calls = granted.refreshes(provider)
    found.accepted = granted.refreshes(provider, "ok")
    return found


def _refused(provider: FakeAS, connection: Connection) -> int:
    """Count how often the provider refused the token that the connection was left with."""
    spent = granted.kept(connection, "refresh_token")
    return sum(
        entry.param("refresh_token") == spent and entry.outcome != "ok"
        for entry in provider.requests("token")
    )


def _pace(connection: Connection) -> float:
    started = time.monotonic()
    for _ in range(5):
        assert _a_life(connection, within=None) == 0
    return (time.monotonic() - started) / 5


def _a_life(connection: Connection, *, within: float | None) -> int:
    """Refresh over and over in a process until it is killed, or once if nobody kills it."""

    def work() -> None:
        granted.pass_time(journal.LEASE.total_seconds() + 1)
        while True:
            factories.expire(connection)
            try:
                tokens.access_token_for(connection)
            except ConnectionUnusable:
                os._exit(LOST)
            except ConnectError:
                granted.pass_time(journal.LEASE.total_seconds() + 1)
            if within is None:
                return

    child = forked.start(work)
    if within is not None:
        time.sleep(random.uniform(0.02, within))
        os.kill(child, signal.SIGKILL)
    return forked.finished(child)
