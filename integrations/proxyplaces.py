"""How many calls are passed on at once in this process: each holds a thread that others need.

Who finds no place is told at once, because waiting for one would hold a thread as well.
"""

from __future__ import annotations

import threading
from collections import Counter
from uuid import UUID

from integrations.errors import ProviderUnavailable, RateLimited

RETRY_AFTER = 1


class Places:
    """Places for `total` calls, of which one project gets at most `share`."""

    def __init__(self, *, total: int, share: int) -> None:
        self._total, self._share = total, share
        self._taken: Counter[UUID] = Counter()
        self._lock = threading.Lock()

    def take(self, project_id: UUID) -> Place:
        """Return a place, to be left again.

        Raises RateLimited if the project has its share, ProviderUnavailable if all are taken.
        """
        with self._lock:
            if self._taken[project_id] >= self._share:
                raise RateLimited(retry_after=RETRY_AFTER)
            if self._taken.total() >= self._total:
                raise ProviderUnavailable("proxy_busy", retry_after=RETRY_AFTER)
            self._taken[project_id] += 1
        return Place(self, project_id)

    def left(self, project_id: UUID) -> None:
        """Give a project's place back."""
        with self._lock:
            self._taken[project_id] -= 1
            # Projects that are quiet take no memory.
            self._taken += Counter()


class Place:
    """One place. Leaving it twice leaves it once."""

    def __init__(self, places: Places, project_id: UUID) -> None:
        self._places, self._project_id = places, project_id
        self._held = True

    def leave(self) -> None:
        """Give the place back."""
        if self._held:
            self._held = False
            self._places.left(self._project_id)
