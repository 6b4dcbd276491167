"""Ten thousand connections due in the same minute, with a worker and a portal that serves."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.models import Connection, Credential
from integrations.work import KINDS
from tests import factories, granted
from tests.fakeas.server import FakeAS
from tests.soak import served
from tests.worker import Workers

COUNT = int(os.environ.get("SOAK_DUE", "10000"))
PROVIDER_SECONDS, IDLE_SECONDS, LIMIT_SECONDS = 0.02, 6, 900


def ten_thousand_due(provider: FakeAS, count: int = COUNT) -> str:
    """All are refreshed once, by at most six calls at a time, while the API stays quick."""
    project = factories.make_project()
    first = granted.connection(provider, factories.make_integration(project, "demo-mail"))
    _copies(first, count - 1)
    key = factories.make_api_key(first.project)
    provider.configure(profile="demo-mail", token_delay=PROVIDER_SECONDS)
    gauge = _Gauge(provider)
    with served.portal(workers=1) as portal, tempfile.TemporaryDirectory() as folder:
        fresh = Connection.objects.exclude(pk=first.pk).order_by("pk")[0]
        with _read(portal, fresh, key, Path(folder) / "idle") as idle:
            time.sleep(IDLE_SECONDS)
        _end_all(but=fresh)
        provider.reset(keep_tokens=True)
        provider.configure(profile="demo-mail", token_delay=PROVIDER_SECONDS)
        started = time.monotonic()
        with (
            gauge,
            Workers(Path(folder), settings.CONNECT_CATALOG_DIRS[0]) as workers,
            _read(portal, fresh, key, Path(folder) / "busy") as busy,
        ):
            worker = workers.start()
            while Credential.objects.filter(generation=1).count() > 1:
                time.sleep(1)
                assert time.monotonic() - started < LIMIT_SECONDS, workers.log.read_text()[-2000:]
            took = time.monotonic() - started
            assert workers.stop(worker) == 0
    asked = provider.count("token", profile="demo-mail")
    assert asked == count - 1, asked
    assert gauge.peak <= KINDS["refresh"].lanes, gauge.peak
    return (
        f"{count} refreshed in {took:.0f} s ({count / took:.0f}/s), at most {gauge.peak} at a time;"
        f" API idle {_words(idle)}, meanwhile {_words(busy)}"
    )


class _Gauge:
    """The most token requests that were at the provider at one moment."""

    def __init__(self, provider: FakeAS) -> None:
        self.peak = self._now = 0
        self._lock = threading.Lock()
        self._server = provider._server
        self._finish = provider._server.RequestHandlerClass._answer

    def __enter__(self) -> _Gauge:
        gauge, answer = self, self._finish

        def counted(handler: object) -> None:
            with gauge._lock:
                gauge._now += 1
                gauge.peak = max(gauge.peak, gauge._now)
            try:
                answer(handler)
            finally:
                with gauge._lock:
                    gauge._now -= 1

        self._server.RequestHandlerClass._answer = counted
        return self

    def __exit__(self, *args: object) -> None:
        self._server.RequestHandlerClass._answer = self._finish


def _copies(first: Connection, count: int) -> None:
    """Make connections of other people with the same grant, which the provider honours again."""
    made = Credential.objects.get(pk=first.pk)
    tokens = factories.Tokens(
        access=made.open_required("access_token").reveal(),
        refresh=made.open_required("refresh_token").reveal(),
    )
    later = timezone.now() + timedelta(hours=1)
    for start in range(0, count, 500):
        with transaction.atomic():
            for number in range(start, min(start + 500, count)):
                factories.make_connection(
                    first.integration,
                    factories.make_end_user(first.project, f"user-{number}"),
                    client=first.oauth_client,
                    tokens=tokens,
                    expires_at=later,
                )


def _end_all(*, but: Connection) -> None:
    ended = timezone.now() - timedelta(seconds=1)
    Credential.objects.exclude(pk=but.pk).update(
        refresh_after=ended, expires_at=ended, refreshed_at=ended - timedelta(hours=1)
    )


@contextmanager
def _read(portal: served.Portal, row: Connection, key: str, log: Path) -> Iterator[list[float]]:
    """Yield a list that holds, at the end, how many seconds each read took."""
    found: list[float] = []
    command = [sys.executable, "-m", "tests.soak.reading", str(portal.port), str(row.pk)]
    with log.open("wb") as file:
        reader = subprocess.Popen(command, cwd=served.ROOT, stdin=subprocess.PIPE, stdout=file)
    assert reader.stdin is not None
    try:
        reader.stdin.write(f"{key}\n".encode())
        reader.stdin.close()
        yield found
    finally:
        reader.kill()
        reader.wait()
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            status, seconds = line.split()
            assert status == "200", status
            found.append(float(seconds))


def _words(found: list[float]) -> str:
    points = statistics.quantiles(found, n=20)
    return f"p50 {points[9] * 1000:.0f} ms, p95 {points[18] * 1000:.0f} ms"
