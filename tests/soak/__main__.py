"""Run every scenario on SQLite and on PostgreSQL: `python -m tests.soak [name ...]`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import database_url


@contextmanager
def sqlite() -> Iterator[str]:
    """Yield the URL of a database file that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="connect-portal-soak-") as folder:
        yield f"sqlite:///{Path(folder) / 'portal.sqlite3'}"


def main() -> int:
    """Return the exit code: 0 if every scenario held on both databases."""
    failed = 0
    for title, database in (("SQLite", sqlite), ("PostgreSQL", database_url)):
        with database() as url:
            print(f"== {title}", flush=True)
            command = [sys.executable, "-m", "tests.soak.run", *sys.argv[1:]]
            environment = {**os.environ, "DATABASE_URL": url}
            failed |= subprocess.run(command, env=environment, check=False).returncode
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
