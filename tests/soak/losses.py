"""What each kind of crash costs: provider calls for each generation, and whether the grant lives.

Thirty threads ask for an expired token, seven times over; before, processes died at one point.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from integrations import journal, tokens
from integrations.errors import ConnectionUnusable
from integrations.models import Connection
from tests import factories, forked, granted, threads
from tests.fakeas.server import FakeAS
from tests.integrations.test_refresh_crashes import POINTS

THREADS, ROUNDS = 30, 7


@dataclass(frozen=True)
class _Row:
    """A fault: how the provider rotates, where how many processes die, and what it may cost."""

    fault: str
    rotation: str
    point: str = ""
    crashes: int = 0
    delay: float = 0.0
    wasted: int = 0
    lost: bool = False


ROWS = (
    _Row("none", "strict"),
    _Row("slow provider (3 s)", "strict", delay=3),
    _Row("crash before HTTP x6", "strict", "before the call", 6),
    _Row("crash after journal x6", "strict", "after the journal", 6),
    _Row("crash while storing x6", "strict", "while storing", 6),
    _Row("crash after HTTP x11, provider with grace", "grace", "after the call", 11, wasted=11),
    _Row("crash after HTTP, strict provider", "strict", "after the call", 1, lost=True),
)


def what_crashes_cost(provider: FakeAS) -> str:
    """Run every row and print the table; each fails if it costs more than it must."""
    lines = ["| fault | provider calls : generations | grant |", "|---|---|---|"]
    lines += [_line(provider, row) for row in ROWS]
    try:
        journal.require_long_lease(lease=10, call=20, commit=20)
    except ImproperlyConfigured:
        lines.append("| lease shorter than a call | does not start | - |")
    else:
        raise AssertionError("a lease that is too short was accepted")
    return "\n".join(["", *lines])


def _line(provider: FakeAS, row: _Row) -> str:
    connection = granted.desk(provider)
    provider.configure(profile="demo-desk", rotation=row.rotation, token_delay=0)
    before = granted.refreshes(provider)
    for _ in range(row.crashes):
        _crash(connection, row.point)
        if not row.lost:
            tokens.access_token_for(connection)
    provider.configure(profile="demo-desk", rotation=row.rotation, token_delay=row.delay)
    for _ in range(1 if row.delay else ROUNDS):
        factories.expire(connection)
        found = threads.at_once(THREADS, lambda: tokens.access_token_for(connection).generation)
        _check(found, row)
    calls = granted.refreshes(provider) - before
    made = granted.credential(connection).generation - 1
    assert calls == (2 if row.lost else made + row.wasted), (row, calls, made)
    status, reason = Connection.objects.values_list("status", "reason").get(pk=connection.pk)
    assert (status, reason) == (("INVALID", "rotation_lost") if row.lost else ("VALID", ""))
    state = f"{reason}, no loop" if row.lost else "alive"
    return f"| {row.fault} | {calls} : {made} | {state} |"


def _check(found: list[object], row: _Row) -> None:
    if row.lost:
        assert all(isinstance(each, ConnectionUnusable) for each in found), found[:3]
    else:
        assert len(set(found)) == 1, set(found)
        assert isinstance(found[0], int)


def _crash(connection: Connection, point: str) -> None:
    """Let another process refresh and die at this point, and its lease end."""
    factories.expire(connection)

    def work() -> None:
        with POINTS[point](), suppress(ConnectionUnusable):
            tokens.access_token_for(connection)

    assert forked.run(work) == forked.CRASHED
    granted.pass_time(journal.LEASE.total_seconds() + 1)
