"""create_project: everything a backend needs, or nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from django.core.management.base import CommandError

from integrations import audit
from integrations.keys import public_pem
from integrations.models import AuditEvent, Project
from integrations.secret import digest
from tests.integrations.management.conftest import Run

pytestmark = pytest.mark.django_db
ORIGIN = "https://app.example"


def test_it_prints_what_the_backend_needs(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "key.pem"
    data = run("create_project", "CRM", origin=[ORIGIN], signing_key_out=out, json=True)
    project = Project.objects.get(pk=data["project_id"])
    assert project.api_keys.get().key_hash == digest(data["api_key"])
    assert data["api_key"].startswith("cp_live_")
    private = serialization.load_pem_private_key(out.read_bytes(), password=None)
    key = project.signing_keys.get(kid=data["kid"])
    assert (key.alg, key.public_key) == ("RS256", public_pem(private.public_key()))
    assert audit.verify(project) is None


def test_the_private_key_is_for_its_owner_only(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "key.pem"
    shown = run("create_project", "CRM", origin=[ORIGIN], signing_key_out=out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in shown


def test_without_a_file_the_private_key_is_printed_after_a_clear_line(run: Run) -> None:
    shown = run("create_project", "CRM", origin=[ORIGIN])
    before, after = shown.split("It is not kept anywhere: save it now.")
    assert "PRIVATE KEY" not in before
    assert "BEGIN PRIVATE KEY" in after


def test_every_origin_and_return_url_is_kept_once(run: Run) -> None:
    run(
        "create_project",
        "CRM",
        *("--origin", ORIGIN, "--origin", ORIGIN, "--origin", "http://acme.localhost:8001"),
        return_url=["https://app.example/back"],
    )
    project = Project.objects.get(name="CRM")
    origins = set(project.allowed_origins.values_list("origin", flat=True))
    assert origins == {ORIGIN, "http://acme.localhost:8001"}
    assert project.return_urls.get().url == "https://app.example/back"
    assert AuditEvent.objects.filter(action="origin.added").count() == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"origin": ["http://app.example"]}, "http://app.example: An origin is https"),
        ({"origin": ["https://app.example/x"]}, "without a path"),
        ({"origin": [ORIGIN], "return_url": ["https://a.example/?next=b"]}, "no query"),
        ({"origin": [ORIGIN], "return_url": ["javascript:alert(1)"]}, "Enter an origin|https"),
    ],
)
def test_a_bad_url_is_refused_and_nothing_is_created(
    run: Run, options: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        run("create_project", "CRM", **options)
    assert not Project.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_bad_name_is_refused(run: Run, name: str) -> None:
    with pytest.raises(CommandError, match="1 to 80 characters"):
        run("create_project", name, origin=[ORIGIN])
    assert not Project.objects.exists()


def test_a_key_file_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "key.pem"
    out.write_text("precious")
    with pytest.raises(CommandError, match="exists already"):
        run("create_project", "CRM", origin=[ORIGIN], signing_key_out=out)
    assert out.read_text() == "precious"
    assert not Project.objects.exists()


def test_a_link_to_a_key_file_is_not_followed(run: Run, tmp_path: Path) -> None:
    target, out = tmp_path / "target", tmp_path / "key.pem"
    out.symlink_to(target)
    with pytest.raises(CommandError, match="exists already"):
        run("create_project", "CRM", origin=[ORIGIN], signing_key_out=out)
    assert not target.exists()


def test_a_missing_folder_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        run("create_project", "CRM", origin=[ORIGIN], signing_key_out=tmp_path / "no" / "key.pem")
    assert not Project.objects.exists()


def test_an_origin_is_required(run: Run) -> None:
    with pytest.raises(CommandError, match="--origin"):
        run("create_project", "CRM")
