"""Run all tests: on SQLite, on PostgreSQL, against the running server, and with Chromium.

`--soak` runs what takes too long for that. Other arguments are pytest's. `DATABASE_URL`, if set, is
the PostgreSQL to use; otherwise one is started from a wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field

from playwright.sync_api import sync_playwright

from tests.browser.chromium import ChromiumMissing, chromium_binary
from tests.postgres import database_url

QUICK = ("-m", "not browser", "-n", "2", "--ignore=tests/browser")
QUICK += ("--ignore=tests/attacks",)
# Pages, the admin, and long tables of what people and strangers may send: their cases differ before
# a row is read, and what they store is stored through the domain and the API on both databases.
# The long run has these on PostgreSQL too.
TABLES = (
    "bad_inputs", "integrations/admin", "portal/pages", "portal/api/test_fuzzing.py",
    "portal/api/test_proxy.py", "portal/test_error_tracker.py", "portal/test_headers.py",
    "portal/test_https.py", "portal/test_limits.py", "portal/test_tenants.py",
    "test_gunicorn.py", "test_templates.py",
)  # fmt: skip


@dataclass(frozen=True)
class Lane:
    """One run of pytest. A patient one lets others have the processor first."""

    title: str
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    patient: bool = False

    def run(self, more: Sequence[str]) -> int:
        """Run it, print its output as a whole, and return 1 if it failed."""
        started = time.monotonic()
        nice = ("nice", "-n", "5") if self.patient else ()
        command = [*nice, sys.executable, "-m", "pytest", "-q", *self.arguments, *more]
        # A dozen processes import the same modules: let them keep what they compiled.
        kept = {name: value for name, value in os.environ.items() if name not in NOT_PASSED}
        done = subprocess.run(
            command, env={**kept, **self.environment}, check=False, text=True,
            errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        took = time.monotonic() - started
        print(f"\n== {self.title} ({took:.0f} s)\n{done.stdout}", end="", flush=True)
        # A process that was killed has a negative code.
        return int(done.returncode != 0)


NOT_PASSED = {"PYTHONDONTWRITEBYTECODE", "DATABASE_URL"}
# PostgreSQL's tables are made by the migrations; here the models' own definitions will do.
SQLITE = Lane("SQLite", (*QUICK, "--nomigrations"), patient=True)
# One portal for all of them, whose processes are busy enough.
ATTACKS = Lane("Attacks", ("tests/attacks", "-n", "0"))
BROWSER = Lane("Chromium", ("tests/browser", "-n", "2", "--dist", "loadgroup"))
BROWSER_SOAK = Lane("More in Chromium", (*BROWSER.arguments, "-m", "soak"))


def main(*arguments: str) -> int:
    """Run all parts, even if one fails. Returns the exit code."""
    _require_chromium()
    more = [each for each in arguments if each != "--soak"]
    given = os.environ.get("DATABASE_URL", "")
    with nullcontext(given) if given.startswith("postgres") else database_url() as url:
        if "--soak" in arguments:
            return _in_turn([_tables(url), BROWSER_SOAK], more)
        # The second two wait for a portal most of their time, and for a browser's clock.
        pairs = ([SQLITE, _postgres(url)], [ATTACKS, BROWSER])
        print(", ".join(lane.title for pair in pairs for lane in pair), "...", flush=True)
        with ThreadPoolExecutor() as pool:
            return max(pool.map(lambda lanes: _in_turn(lanes, more), pairs))


def _in_turn(lanes: Sequence[Lane], more: Sequence[str]) -> int:
    return max([lane.run(more) for lane in lanes])


def _postgres(url: str) -> Lane:
    ignored = [f"--ignore=tests/{path}" for path in TABLES]
    return Lane("PostgreSQL", (*QUICK, *ignored), {"DATABASE_URL": url}, patient=True)


def _tables(url: str) -> Lane:
    """Return what runs on PostgreSQL when there is time."""
    paths = [f"tests/{path}" for path in TABLES]
    return Lane("Tables on PostgreSQL", (*paths, "-n", "2"), {"DATABASE_URL": url})


def _require_chromium() -> None:
    """Find Chromium, or install Debian's where that is possible. Its absence is a failure."""
    with sync_playwright() as playwright:
        try:
            chromium_binary(playwright)
        except ChromiumMissing:
            if shutil.which("apt-get") is None or os.geteuid() != 0:
                raise
            for command in (("update", "-qq"), ("install", "-y", "-qq", "chromium")):
                subprocess.run(["apt-get", *command], check=True, stdout=subprocess.DEVNULL)
            chromium_binary(playwright)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
