"""Workers as an operator runs them: processes of their own on the database of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def database_url() -> str:
    """Return the address of the database that this test uses."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


class Workers:
    """Starts workers and kills what is left of them: `with Workers(folder, catalog) as workers`."""

    def __init__(self, folder: Path, catalog: Path) -> None:
        self.log = folder / "worker.log"
        self._running: list[subprocess.Popen[bytes]] = []
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "SECRET_KEY": settings.SECRET_KEY,
            "FERNET_KEYS": ",".join(settings.FERNET_KEYS),
            "BASE_URL": settings.BASE_URL,
            "DATABASE_URL": database_url(),
            "OUTBOUND_ALLOW_CIDRS": "127.0.0.0/8",
            "CONNECT_CATALOG_DIRS": str(catalog),
            "SPOOL_DIR": str(folder / "spool"),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one worker."""
        command = [sys.executable, "manage.py", "db_worker", "--interval", "0.05", *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )
        self._running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Take the process away between two instructions."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """Ask the process to stop and return its exit code."""
        process.terminate()
        return process.wait(timeout=30)

    def wait_until(self, condition: Callable[[], object], *, seconds: float = 60) -> None:
        """Wait for something that the workers do. Raises AssertionError with their log."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(self.log.read_text()[-3000:])
            time.sleep(0.02)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._running:
            process.kill()
            process.wait()
