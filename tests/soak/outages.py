"""What is away for a while: the provider, with processes as in production."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from django.conf import settings

from integrations.models import Connection, Credential
from tests import factories, granted
from tests.fakeas.server import FakeAS
from tests.soak import served
from tests.worker import Workers

DOWN_SECONDS = int(os.environ.get("SOAK_DOWN_SECONDS", "600"))
RECOVERY_SECONDS = 120
# Two failures of each connection and a probe every half minute, and as much again.
MOST_CALLS = 40 + DOWN_SECONDS // 15


def ten_minutes_down(provider: FakeAS) -> str:
    """The token endpoint answers 503 for ten real minutes, two web processes and a worker run."""
    project = factories.make_project()
    integration = factories.make_integration(project, "demo-desk")
    valid = [_ending(provider, integration, DOWN_SECONDS + each) for each in _spread(60, 240, 10)]
    ending = [_ending(provider, integration, DOWN_SECONDS * share) for share in (0.3, 0.6)]
    key = factories.make_api_key(project)
    provider.configure(profile="demo-desk", token_status=503)
    with (
        served.portal(workers=2) as portal,
        tempfile.TemporaryDirectory() as folder,
        Workers(Path(folder), settings.CONNECT_CATALOG_DIRS[0]) as workers,
    ):
        workers.start()
        reads = _Reads(portal, key)
        until = time.monotonic() + DOWN_SECONDS
        while time.monotonic() < until:
            reads.of_valid(valid)
            reads.of_ending(ending)
            time.sleep(1)
        calls = granted.refreshes(provider)
        provider.configure(profile="demo-desk", token_status=None)
        back = time.monotonic()
        while Credential.objects.filter(generation=1).exists():
            assert time.monotonic() - back < RECOVERY_SECONDS, workers.log.read_text()[-2000:]
            reads.of_valid(valid)
            reads.of_ending(ending)
            time.sleep(0.5)
        took = time.monotonic() - back
    kept = Connection.objects.filter(project=project, status=Connection.Status.VALID)
    assert kept.count() == len(valid) + len(ending)
    assert calls <= MOST_CALLS, calls
    return (
        f"{DOWN_SECONDS} s down: {reads.served} reads of valid tokens served, 0 failed; of tokens "
        f"that ended meanwhile {reads.line()}; {calls} calls; all {len(valid) + len(ending)} "
        f"refreshed {took:.0f} s after the end"
    )


class _Reads:
    """Reads through the API, and what came of them."""

    def __init__(self, portal: served.Portal, key: str) -> None:
        self.served = 0
        self._portal, self._key = portal, key
        self._ending: Counter[int] = Counter()

    def of_valid(self, rows: list[Connection]) -> None:
        """Read tokens that must be served whatever the provider does."""
        for row in rows:
            status, body = self._portal.access_token(row, self._key)
            assert status == 200, (status, body[:300])
            self.served += 1

    def of_ending(self, rows: list[Connection]) -> None:
        """Read tokens that may have ended: then the caller is told to come back."""
        for row in rows:
            status, body = self._portal.access_token(row, self._key)
            assert status in (200, 503), (status, body[:300])
            self._ending[status] += 1

    def line(self) -> str:
        return f"{self._ending[200]} served and {self._ending[503]} put off with 503"


def _ending(provider: FakeAS, integration: object, left: float) -> Connection:
    row = granted.connection(
        provider, integration, sub=f"user-{left:.0f}", settings={"subdomain": "acme"}
    )
    factories.expire(row, left=left)
    return row


def _spread(low: float, high: float, count: int) -> list[float]:
    return sorted(random.sample(range(int(low), int(high)), count))
