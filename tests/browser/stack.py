"""The portal as its operator runs it, on free ports: gunicorn, a provider, a host page."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acme.site import AcmeSite
from tests.fakeas.server import FakeAS

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "tests" / "fakeas" / "catalog"
SEVEN = ("gmail", "jira", "outlook", "salesforce", "sharepoint", "slack", "zendesk")


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    data: Any
    headers: Mapping[str, str]


@dataclass
class Stack:
    """The three sites. `folder` holds database, logs and keys."""

    folder: Path
    base_url: str
    provider: FakeAS
    environment: dict[str, str]
    project_id: str = ""
    api_key: str = ""
    kid: str = ""

    @property
    def log(self) -> Path:
        """Everything the portal's processes wrote."""
        return self.folder / "portal.log"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "portal.sqlite3"

    @property
    def signing_key(self) -> str:
        """The private key that signs user tokens, as PEM."""
        return (self.folder / "signing-key.pem").read_text(encoding="ascii")

    def manage(self, *arguments: str, stdin: str = "") -> Any:
        """Run one of our management commands and return the JSON it printed."""
        return json.loads(self.run("manage.py", *arguments, "--json", stdin=stdin))

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run Python with the stack's environment and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr}")
        return done.stdout

    def execute(self, statement: str, *values: str) -> int:
        """Change the database behind the portal's back; returns how many rows it changed."""
        with closing(sqlite3.connect(self.database, timeout=20)) as database, database:
            return database.execute(statement, values).rowcount

    def api(self, method: str, path: str, *, key: str | None = None) -> Answer:
        """Call the vendor API."""
        request = urllib.request.Request(f"{self.base_url}{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.api_key if key is None else key}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, _data(answer.read()), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _data(error.read()), dict(error.headers))

    def acme(self, **options: Any) -> AcmeSite:
        """Return the host page, to be entered; options are headers, or replace what is right.

        It has two registered origins, so that one with other headers can stand beside the usual.
        """
        name = "OTHER_ACME_PORT" if options else "ACME_PORT"
        usual: dict[str, Any] = {
            "port": int(self.environment[name]),
            "portal": self.base_url,
            "project": self.project_id,
            "signing_key": self.signing_key,
            "kid": self.kid,
        }
        return AcmeSite(**usual | options)


def _data(body: bytes) -> Any:
    """Return what JSON says, or the text of another answer, such as an error page."""
    try:
        return json.loads(body or "null")
    except ValueError:
        return body.decode(errors="replace")


@contextmanager
def running(
    folder: Path, *, application: str = "portal.wsgi", **environment: str
) -> Iterator[Stack]:
    """Start provider and portal with an empty database and one project, as an operator would.

    `environment` replaces variables of the portal's process.
    """
    with FakeAS(port=0) as provider:
        stack = _prepared(folder, provider)
        stack.environment |= environment
        with stack.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", application],
                cwd=ROOT,
                env=stack.environment,
                stdout=log,
                stderr=log,
            )
            try:
                _wait_until_ready(stack, process)
                yield stack
            finally:
                process.terminate()
                process.wait(timeout=40)


def _prepared(folder: Path, provider: FakeAS) -> Stack:
    catalog = folder / "catalog"
    catalog.mkdir()
    for path in (*CATALOG.glob("*.toml"), *(CATALOG / "seven").glob("*.toml")):
        text = path.read_text(encoding="utf-8").replace("http://127.0.0.1:8002", provider.url)
        (catalog / path.name).write_text(text, encoding="utf-8")
    port, acme_ports = free_port(), (free_port(), free_port())
    base_url = f"http://localhost:{port}"
    stack = Stack(folder, base_url, provider, _environment(folder, base_url, port, *acme_ports))
    origins = ",".join(f"http://acme.localhost:{each}" for each in acme_ports)
    made = stack.run(
        "-m", "tests.browser.prepare", origins, str(folder / "signing-key.pem"),
        "demo-mail", "demo-desk", *SEVEN,
    )  # fmt: skip
    project = json.loads(made.splitlines()[-1])
    stack.project_id, stack.api_key = project["project_id"], project["api_key"]
    stack.kid = project["kid"]
    return stack


def _environment(
    folder: Path, base_url: str, port: int, acme_port: int, other_acme_port: int
) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "SECRET_KEY": "canary-secret-key-of-the-browser-tests-0123456789",
        "FERNET_KEYS": "canary-fernet-key-of-the-browser-tests-0123456789",
        "BASE_URL": base_url,
        "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
        "OUTBOUND_ALLOW_CIDRS": "127.0.0.0/8",
        "CONNECT_CATALOG_DIRS": str(folder / "catalog"),
        # One person goes through many tests here within a minute.
        "LIMITS": "open=900/60,start=900/60,save_options=900/3600",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
        "ACME_PORT": str(acme_port),
        "OTHER_ACME_PORT": str(other_acme_port),
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_ready(stack: Stack, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the portal stopped: {stack.log.read_text()[-2000:]}")
        with suppress(OSError):
            if stack.api("GET", "/readyz").status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the portal is not ready: {stack.log.read_text()[-2000:]}")


def free_port() -> int:
    """Return a port that nothing listens on at this moment.

    It is none that the system gives to those who name none, so that nobody takes it before it is
    used.
    """
    while True:
        # Not the generator that has the same seed in every process of a run.
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
