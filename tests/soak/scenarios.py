"""What has to hold in the long run. Each returns one line of figures or fails an assertion."""

from __future__ import annotations

import os
import random
import signal
import time

from integrations import journal, refresh, tokens
from integrations.errors import ConnectError, ConnectionUnusable
from integrations.models import Connection
from tests import factories, forked, granted, threads
from tests.fakeas.server import FakeAS
from tests.soak import served
from tests.soak.due_at_once import ten_thousand_due

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
    assert found.calls - found.accepted == found.losses
    return found.line()


def two_hundred_callers(provider: FakeAS) -> str:
    """An expired token, 200 callers at once, gunicorn with two workers: one refresh."""
    connection = _connection(provider)
    provider.configure(profile="demo-desk", token_delay=0.3)
    key = factories.make_api_key(connection.project)
    with served.portal() as portal:
        factories.expire(connection)
        started = time.monotonic()
        answers = threads.at_once(200, lambda: portal.access_token(connection, key))
        took = time.monotonic() - started
    assert {status for status, _ in answers} == {200}, answers[:3]
    assert {token for _, token in answers} == {granted.kept(connection)}
    assert granted.refreshes(provider) == 1
    return f"200 callers, 2 workers, 1 call, all answered within {took:.1f} s"


def slow_provider(provider: FakeAS) -> str:
    """A provider that takes 11 s, and 20 callers in four processes: one call, one token."""
    connection = _connection(provider)
    provider.configure(profile="demo-desk", token_delay=11)
    factories.expire(connection)

    def work() -> None:
        found = threads.at_once(5, lambda: tokens.access_token_for(connection).token.reveal())
        assert set(found) == {granted.kept(connection)}

    assert forked.together(4, work) == [0] * 4
    assert granted.refreshes(provider) == 1
    return "4 processes, 20 callers, 1 call"


def reads_of_a_short_token(provider: FakeAS) -> str:
    """Twenty reads of a ten-minute and of a one-minute token, each at most one refresh."""
    calls = []
    for seconds in (600, 60):
        connection = _connection(provider)
        provider.configure(profile="demo-desk", token_lifetime=seconds)
        factories.expire(connection)
        before = granted.refreshes(provider)
        for _ in range(20):
            tokens.access_token_for(connection)
        calls.append(granted.refreshes(provider) - before)
    assert calls == [1, 1]
    return f"20 reads each, {calls} calls"


def ten_minutes_down(provider: FakeAS) -> str:
    """The token endpoint is down for ten minutes: every token that is still valid is served."""
    rows = [_connection(provider, sub=f"user-{number}") for number in range(10)]
    provider.configure(profile="demo-desk", token_status=503)
    for row in rows:
        factories.expire(row, left=random.uniform(11 * 60, 20 * 60))
    served_, clock = 0, 0.0
    # Ten minutes pass in the database; waiting for real would only make them longer.
    refresh.UNSURE_PAUSES = ((0.0, 0.0),)
    while clock < 600:
        started = time.monotonic()
        for row in rows:
            assert tokens.access_token_for(row).token.reveal() == granted.kept(row)
            served_ += 1
        tokens.refresh_due()
        took = time.monotonic() - started
        granted.pass_time(max(0.0, 10 - took))
        clock += max(10.0, took)
    calls = granted.refreshes(provider)
    provider.configure(profile="demo-desk", token_status=None)
    granted.pass_time(31)
    for row in rows:
        factories.expire(row)
        tokens.access_token_for(row)
        assert Connection.objects.get(pk=row.pk).status == "VALID"
    return f"{served_} reads served, {calls} calls in 10 minutes, all 10 refreshed afterwards"


ALL = (
    kills_with_grace,
    kills_with_strict_rotation,
    two_hundred_callers,
    slow_provider,
    reads_of_a_short_token,
    ten_minutes_down,
    ten_thousand_due,
)


class _Killed:
    """Counts over many lives of a process."""

    def __init__(self) -> None:
        self.generations = self.kills = self.losses = self.calls = self.accepted = 0

    def line(self) -> str:
        return (
            f"{self.generations} refreshes, {self.kills} kills, {self.calls} calls, "
            f"{self.accepted} accepted, {self.losses} losses that nobody can avoid"
        )


def _killed(provider: FakeAS, rotation: str) -> _Killed:
    found = _Killed()
    provider.configure(profile="demo-desk", rotation=rotation)
    connection = _connection(provider)
    # Long enough for a few refreshes on this machine, so that kills fall on all points of one.
    within = 3 * _pace(connection)
    while found.generations + granted.credential(connection).generation - 1 < REFRESHES:
        code = _a_life(connection, within=within)
        found.kills += code == -signal.SIGKILL
        assert code in (-signal.SIGKILL, LOST), code
        if code == LOST:
            assert Connection.objects.get(pk=connection.pk).reason == "rotation_lost"
            found.losses += 1
            found.generations += granted.credential(connection).generation - 1
            connection = _connection(provider)
    # The last life may have left a call without its generation: one more refresh settles it.
    if _a_life(connection, within=None) == LOST:
        found.losses += 1
    found.generations += granted.credential(connection).generation - 1
    found.calls = granted.refreshes(provider)
    found.accepted = granted.refreshes(provider, "ok")
    return found


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


def _connection(provider: FakeAS, sub: str = "dana") -> Connection:
    project = factories.make_project()
    integration = factories.make_integration(project, "demo-desk")
    return granted.connection(provider, integration, sub=sub, settings={"subdomain": "acme"})
