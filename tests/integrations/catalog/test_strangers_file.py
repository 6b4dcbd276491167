"""A provider file of an operator's own, as somebody writes one who has read the guide only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from integrations.catalog import registry
from integrations.errors import CatalogError
from integrations.models import Connection
from tests import factories, trips

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"```toml\n(.+?)```", re.DOTALL)
CREATE = """
[[create]]
kind = "link"
label = "New app, filled in"
template = "https://notes.acme.com/developers/apps/new?name={app_name}&callback={redirect_url}"
"""


def written_down() -> str:
    """Return the file that the guide shows."""
    text = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
    return textwrap.dedent(BLOCK.findall(text)[0])


def started(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Start the project with this folder of providers, as an operator does."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "a-strangers-key-that-is-long-enough-0123456789",
        "FERNET_KEYS": "a-strangers-key-that-is-long-enough-9876543210",
        "BASE_URL": "http://localhost:8000",
        "DATABASE_URL": f"sqlite:///{folder}/portal.sqlite3",
        "CONNECT_CATALOG_DIRS": str(folder),
    }
    command = [sys.executable, "manage.py", "shell", "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_file_of_the_guide_is_served_after_a_start(tmp_path):
    (tmp_path / "acme-notes.toml").write_text(written_down() + CREATE, encoding="utf-8")
    code = "from integrations.catalog import registry; print(registry.provider('acme-notes').name)"
    answer = started(tmp_path, code)
    assert answer.stdout.strip().endswith("Acme Notes"), answer.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("https://notes.acme.com/oauth/token", "http://notes.acme.com/oauth/token", "https"),
        ("callback={redirect_url}", "callback={client_secret}", "client_secret"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start_and_says_where(tmp_path, right, wrong, words):
    text = (written_down() + CREATE).replace(right, wrong)
    (tmp_path / "acme-notes.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        registry.load(folders=(tmp_path,))
    assert caught.value.file.endswith("acme-notes.toml")
    assert words in caught.value.reason
    assert caught.value.key


def test_it_connects_a_person_end_to_end(provider, tmp_path):
    text = written_down().replace("notes.read", "mail.read").replace('["id"]', '["sub"]')
    for path, ours in (
        ("oauth/authorize", "oauth/authorize"),
        ("oauth/token", "oauth/token"),
        ("oauth/revoke", "oauth/revoke"),
        ("api/me", "userinfo"),
    ):
        there = f"{provider.url}/demo-mail/{ours}"
        text = text.replace(f"https://notes.acme.com/{path}", there)
    (tmp_path / "acme-notes.toml").write_text(text, encoding="utf-8")
    registry.install(registry.load(folders=(tmp_path,), loopback_http=True))
    project = factories.make_project()
    factories.make_integration(project, "acme-notes")
    trips.prepared(project, integration="acme-notes").approve(scopes=["mail.read"])
    row = Connection.objects.get()
    assert (row.status, row.scopes) == ("VALID", ["mail.read"])
    assert provider.requests("token")[0].outcome == "ok"


def test_a_file_cannot_take_the_name_of_what_projects_describe(tmp_path):
    (tmp_path / "custom.toml").write_text(written_down(), encoding="utf-8")
    with pytest.raises(CatalogError, match="a project describes itself"):
        registry.load(folders=(tmp_path,))
