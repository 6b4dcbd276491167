"""Counts of what was done lately, for rate limits. No addresses and no names: keys are digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, models

# The database's clock, in whole seconds: web processes need not agree on the time.
CLOCKS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER)",
    "postgresql": "FLOOR(EXTRACT(EPOCH FROM clock_timestamp()))::bigint",
}
# A window begins with the first permit taken and ends `seconds` later; then the count starts anew.
TAKE = """
INSERT INTO integrations_ratecount AS kept ("key", "count", "ends_at") VALUES {rows}
ON CONFLICT ("key") DO UPDATE SET
  "count" = CASE WHEN kept.ends_at <= {now} THEN excluded."count"
            ELSE kept."count" + excluded."count" END,
  "ends_at" = CASE WHEN kept.ends_at <= {now} THEN excluded.ends_at ELSE kept.ends_at END
RETURNING "key", "count", "ends_at" - {now}
"""


@dataclass(frozen=True)
class Taken:
    """What a window holds after permits were taken: all of them, and the seconds until it ends."""

    count: int
    left: int


class RateCountManager(models.Manager["RateCount"]):
    """Counts in one statement each."""

    def take(self, wanted: Sequence[tuple[str, int, int]]) -> list[Taken]:
        """Add permits to several windows at once and return what each holds, in the same order.

        `wanted` are key, number of permits and length of the window in seconds.
        """
        now = CLOCKS[connection.vendor]
        # Always in the same order, so that two requests with the same keys cannot wait in a ring.
        rows = sorted(wanted)
        values = ", ".join([f"(%s, %s, {now} + %s)"] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(
                TAKE.format(rows=values, now=now), [value for row in rows for value in row]
            )
            found = {key: Taken(count, max(1, left)) for key, count, left in cursor.fetchall()}
        return [found[key] for key, _, _ in wanted]

    def sweep(self) -> int:
        """Delete windows that have ended and return how many there were."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM integrations_ratecount WHERE ends_at <= {CLOCKS[connection.vendor]}"  # noqa: S608
            )
            return int(cursor.rowcount)


class RateCount(models.Model):
    """One window: how many permits were taken from it, and when it ends (seconds of the epoch)."""

    key = models.CharField(max_length=100, primary_key=True)
    count = models.BigIntegerField()
    ends_at = models.BigIntegerField(db_index=True)

    objects = RateCountManager()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
