"""Run all tests: on SQLite, on PostgreSQL, against the running server, and with Chromium.

`DATABASE_URL`, if set, is the PostgreSQL to use; otherwise one is started from a wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from playwright.sync_api import sync_playwright

from tests.browser.chromium import ChromiumMissing, chromium_binary
from tests.postgres import database_url

QUICK = ("-m", "not browser", "-n", "2", "--ignore=tests/browser")
QUICK += ("--ignore=tests/attacks",)
# Pages, the admin, and long tables of what people and strangers may send: their cases differ before
# a row is read, and what they store is stored through the domain and the API on both databases.
# `make soak` runs these on PostgreSQL too.
TABLES = (
    "bad_inputs", "integrations/admin", "portal/pages", "portal/api/test_fuzzing.py",
    "portal/api/test_proxy.py", "portal/test_error_tracker.py", "portal/test_headers.py",
    "portal/test_https.py", "portal/test_limits.py", "portal/test_tenants.py",
    "test_gunicorn.py", "test_templates.py",
)  # fmt: skip
# One portal for all of them, whose processes are busy enough.
ATTACKS = ("tests/attacks", "-n", "0")
BROWSER = ("tests/browser", "-n", "2", "--dist", "loadgroup")


def main() -> int:
    """Run the four parts, all of them even if one fails. Returns the exit code."""
    if sys.argv[1:] == ["--tables"]:
        return _tables()
    given = os.environ.pop("DATABASE_URL", "")
    _require_chromium()
    # PostgreSQL's tables are made by the migrations; here the models' own definitions will do.
    failed = _pytest("SQLite", (*QUICK, "--nomigrations"))
    with nullcontext(given) if given.startswith("postgres") else database_url() as url:
        ignored = [f"--ignore=tests/{path}" for path in TABLES]
        failed |= _pytest("PostgreSQL", (*QUICK, *ignored), DATABASE_URL=url)
    failed |= _pytest("Attacks", ATTACKS)
    failed |= _pytest("Chromium", BROWSER)
    return failed


def _tables() -> int:
    """Run on PostgreSQL what `main` runs on SQLite only."""
    sys.argv.pop()
    with database_url() as url:
        paths = [f"tests/{path}" for path in TABLES]
        return _pytest("Tables on PostgreSQL", (*paths, "-n", "2"), DATABASE_URL=url)


def _pytest(title: str, arguments: Sequence[str], **environment: str) -> int:
    print(f"\n== {title}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", *arguments, *sys.argv[1:]]
    # A dozen processes import the same modules: let them keep what they compiled.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, env={**kept, **environment}, check=False).returncode


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
    raise SystemExit(main())
