"""Many callers at once, through the API and in processes: one refresh for all of them."""

from __future__ import annotations

import time

from integrations import tokens
from tests import factories, forked, granted, threads
from tests.fakeas.server import FakeAS
from tests.soak import served

CALLERS, SLOW = 200, 11


def two_hundred_callers(provider: FakeAS) -> str:
    """An expired token and 200 callers at once, by the number of web processes and the delay."""
    cases = ((2, 0.3), (2, SLOW), (4, 0.3), (4, SLOW))
    return "; ".join(_called(provider, workers, delay) for workers, delay in cases)


def slow_provider(provider: FakeAS) -> str:
    """A provider that takes 11 s, and 80 callers in four processes: one call, one token."""
    connection = granted.desk(provider)
    provider.configure(profile="demo-desk", token_delay=SLOW)
    factories.expire(connection)
    before = granted.refreshes(provider)

    def work() -> None:
        found = threads.at_once(20, lambda: tokens.access_token_for(connection).token.reveal())
        assert set(found) == {granted.kept(connection)}

    assert forked.together(4, work) == [0] * 4
    assert granted.refreshes(provider) == before + 1
    return "4 processes, 80 callers, 1 call"


def reads_of_a_short_token(provider: FakeAS) -> str:
    """Twenty reads of a ten-minute and of a one-minute token, each at most one refresh."""
    calls = []
    for seconds in (600, 60):
        connection = granted.desk(provider)
        provider.configure(profile="demo-desk", token_lifetime=seconds)
        factories.expire(connection)
        before = granted.refreshes(provider)
        for _ in range(20):
            tokens.access_token_for(connection)
        calls.append(granted.refreshes(provider) - before)
    assert calls == [1, 1]
    return f"20 reads each, {calls} calls"


def a_stop_during_a_refresh(provider: FakeAS) -> str:
    """SIGTERM while gunicorn waits for a provider: the caller gets the token all the same."""
    connection = granted.desk(provider)
    provider.configure(profile="demo-desk", token_delay=5)
    key = factories.make_api_key(connection.project)
    factories.expire(connection)
    with served.portal() as portal:

        def stop() -> tuple[int, str]:
            time.sleep(2)
            portal.server.terminate()
            return portal.server.wait(40), ""

        work = iter((lambda: portal.access_token(connection, key), stop))
        answers = threads.at_once(2, lambda: next(work)())
    assert sorted(answers) == [(0, ""), (200, granted.kept(connection))], answers
    assert granted.refreshes(provider) == 1
    return "answered with 200, 1 call, exit code 0"


def _called(provider: FakeAS, workers: int, delay: float) -> str:
    connection = granted.desk(provider)
    provider.configure(profile="demo-desk", token_delay=delay)
    key = factories.make_api_key(connection.project)
    before = granted.refreshes(provider)
    with served.portal(workers) as portal:
        factories.expire(connection)
        started = time.monotonic()
        answers = threads.at_once(CALLERS, lambda: portal.access_token(connection, key))
        took = time.monotonic() - started
    bad = [answer for answer in answers if isinstance(answer, Exception) or answer[0] != 200]
    assert not bad, bad[:3]
    assert len(answers) == CALLERS
    assert {token for _, token in answers} == {granted.kept(connection)}
    calls = granted.refreshes(provider) - before
    assert calls == 1, calls
    return (
        f"{CALLERS} callers, {workers} web processes, provider {delay} s: {calls} call, 0 failed, "
        f"{took:.1f} s"
    )
