"""What was sent to the server, so that tests can assert on it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

KEPT = 20_000


@dataclass(frozen=True)
class Recorded:
    """One request as received, and what became of it.

    `query` and `form` map each name to its values in order; `json` is the decoded body or None;
    `outcome` is "ok", the reason of a refusal, the name of a fault, or "pending".
    """

    number: int
    at: float
    profile: str
    endpoint: str
    method: str
    path: str
    raw_query: str = ""
    query: Mapping[str, list[str]] = field(default_factory=dict)
    form: Mapping[str, list[str]] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    status: int = 0
    outcome: str = "pending"

    def param(self, name: str) -> str:
        """Return the only value of a parameter sent in the form, the JSON body or the query."""
        if isinstance(self.json, Mapping) and name in self.json:
            return str(self.json[name])
        values = self.form.get(name) or self.query.get(name) or [""]
        if len(values) != 1:
            raise ValueError(f"{name} was sent {len(values)} times")
        return values[0]


class Journal:
    """Keep the last requests and count all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, Recorded] = {}
        self._counters: Counter[str] = Counter()
        self._next = 1

    def open(self, entry: Recorded) -> int:
        """Record a request that just arrived and return its number."""
        with self._lock:
            number = self._next
            self._next += 1
            self._entries[number] = replace(entry, number=number)
            self._counters[_counter(entry)] += 1
            self._entries.pop(number - KEPT, None)
            return number

    def close(self, number: int, *, status: int, outcome: str) -> None:
        """Record what became of a request."""
        with self._lock:
            entry = self._entries.get(number)
            if entry is not None:
                self._entries[number] = replace(entry, status=status, outcome=outcome)

    def entries(self, endpoint: str = "", profile: str = "") -> list[Recorded]:
        """Return the requests in order of arrival, filtered if asked."""
        with self._lock:
            entries = list(self._entries.values())
        return [
            entry
            for entry in entries
            if endpoint in ("", entry.endpoint) and profile in ("", entry.profile)
        ]

    def counters(self) -> dict[str, int]:
        """Return the number of requests for each `profile.endpoint`."""
        with self._lock:
            return dict(self._counters)

    def reset(self) -> None:
        """Forget every request and counter."""
        with self._lock:
            self._entries.clear()
            self._counters.clear()


def _counter(entry: Recorded) -> str:
    return f"{entry.profile}.{entry.endpoint}" if entry.profile else entry.endpoint
