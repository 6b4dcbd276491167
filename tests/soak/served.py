"""The portal in gunicorn, as in production but for https."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from integrations.models import Connection

ROOT = Path(__file__).parent.parent.parent


class Portal:
    """A portal that runs at a port of the loopback."""

    def __init__(self, port: int, server: subprocess.Popen[bytes]) -> None:
        self.port, self.server = port, server

    def access_token(self, connection: Connection, key: str) -> tuple[int, str]:
        """Ask for a token as a vendor's backend; return the status, and the token or the body."""
        path = f"/api/v1/connections/{connection.pk}/access-token"
        status, body = self._call("POST", path, {"Authorization": f"Bearer {key}"})
        return status, json.loads(body)["access_token"] if status == 200 else body

    def is_ready(self) -> bool:
        with suppress(OSError):
            return self._call("GET", "/readyz", {})[0] == 200
        return False

    def _call(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        call = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            call.request(method, path, headers=headers)
            answer = call.getresponse()
            return answer.status, answer.read().decode()
        finally:
            call.close()


@contextmanager
def portal(workers: int = 2) -> Iterator[Portal]:
    """Run the portal with this process's database and provider."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(workers),
        # Counted as ever, but far more reads than a vendor may make are let through.
        "LIMITS": "access_tokens=1000000/60",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi"]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        running = Portal(port, server)
        until = time.monotonic() + 60
        while not running.is_ready():
            assert server.poll() is None, "gunicorn did not start"
            assert time.monotonic() < until, "the portal is not ready"
            time.sleep(0.2)
        yield running
    finally:
        server.terminate()
        server.wait(40)
