"""Settings refuse an environment that would not be safe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "SECRET_KEY": "x" * 50,
    "FERNET_KEYS": "y" * 50,
    "BASE_URL": "https://connect.acme.example",
}


def started(tmp_path: Path, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """Load the settings and the WSGI application in a process of its own."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    values = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3", **GOOD, **changed}
    environment |= {name: value for name, value in values.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", "import portal.wsgi; from portal import settings as s; "
         "print(s.SECURE, s.SESSION_COOKIE_NAME, s.ALLOWED_HOSTS)"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_starts_with_the_three_needed_variables(tmp_path):
    done = started(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "True __Host-cp_admin ['connect.acme.example']" in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"FERNET_KEYS": None}, "FERNET_KEYS"),
        ({"FERNET_KEYS": ","}, "FERNET_KEYS must hold at least one key"),
        ({"BASE_URL": None}, "BASE_URL"),
        ({"BASE_URL": "http://connect.acme.example"}, "BASE_URL must be https"),
        ({"BASE_URL": "http://localhost.evil.example"}, "BASE_URL must be https"),
        ({"BASE_URL": "connect.acme.example"}, "BASE_URL must be an absolute URL"),
        ({"BASE_URL": "https://connect.acme.example/?a=b"}, "BASE_URL must be an absolute URL"),
        ({"BASE_URL": "https://proxy.acme.example"}, "must not contain the letters"),
        ({"DEBUG": "true"}, "DEBUG shows secrets"),
        ({"CONNECT_CATALOG_DIRS": "/nowhere"}, "/nowhere: (folder): does not exist"),
        ({"OUTBOUND_ALLOW_CIDRS": "everything"}, "everything"),
        ({"LIMITS": "poll=many"}, "LIMITS: poll=many is not a limit"),
        ({"LIMITS": "pool=9/60"}, "LIMITS: pool=9/60 is not a limit"),
        ({"ADMIN_HOST": "connect.acme.example"}, "ADMIN_HOST must be one host name"),
        ({"ADMIN_HOST": "https://admin.example"}, "ADMIN_HOST must be one host name"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_it_refuses_to_start(tmp_path, changed, said):
    done = started(tmp_path, **changed)
    assert done.returncode != 0
    assert said in done.stderr


def test_it_refuses_to_start_with_a_broken_catalog_file(tmp_path):
    (tmp_path / "acme.toml").write_text('name = "Acme"\nsupports_state = false\n')
    done = started(tmp_path, CONNECT_CATALOG_DIRS=str(tmp_path))
    assert done.returncode != 0
    assert f"CatalogError: {tmp_path}/acme.toml: " in done.stderr


def test_it_reads_a_variable_from_a_file(tmp_path):
    (tmp_path / "key").write_text("k" * 50)
    done = started(tmp_path, SECRET_KEY=None, SECRET_KEY_FILE=str(tmp_path / "key"))
    assert done.returncode == 0, done.stderr


def test_it_says_which_file_of_a_variable_is_missing(tmp_path):
    done = started(tmp_path, SECRET_KEY=None, SECRET_KEY_FILE="/nowhere/key")
    assert done.returncode != 0
    assert "/nowhere/key" in done.stderr
