"""doctor: what is wrong, and the one next step."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from integrations import tasks, webhooks
from integrations.catalog import registry
from integrations.management import doctor
from integrations.models import Duty, WebhookEndpoint
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def examined(*, fails: bool = False) -> dict[str, dict[str, str]]:
    out = StringIO()
    if fails:
        with pytest.raises(CommandError, match="Not ready"):
            call_command("doctor", json=True, stdout=out)
    else:
        call_command("doctor", json=True, stdout=out)
    return {item["check"]: item for item in json.loads(out.getvalue())}


def test_a_sound_installation_has_no_failure() -> None:
    make_project()
    findings = examined()
    assert {item["status"] for item in findings.values()} <= {"ok", "warn"}
    assert findings["encryption keys"]["status"] == "ok"
    assert findings["migrations"]["detail"] == "all applied"


def test_every_problem_has_a_next_step_and_no_success_has_one() -> None:
    for item in examined().values():
        assert bool(item["next_step"]) == (item["status"] != "ok")


def test_people_read_lines(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("doctor")
    shown = capsys.readouterr().out
    assert "ok    database: " in shown
    assert "warn  base URL: http://localhost:8000 is for this machine only" in shown


def test_a_wrong_key_is_a_failure(use_keys: Callable[..., None]) -> None:
    make_project()
    use_keys("another-key-that-is-long-enough-000000")
    finding = examined(fails=True)["encryption keys"]
    assert finding["status"] == "fail"
    assert "integrations_project.audit_key" in finding["detail"]
    assert "FERNET_KEYS" in finding["next_step"]


def test_an_older_key_is_a_reason_to_rotate(
    use_keys: Callable[..., None], settings: Settings
) -> None:
    make_project()
    use_keys("another-key-that-is-long-enough-000000", *settings.FERNET_KEYS)
    finding = examined()["encryption keys"]
    assert (finding["status"], "rotate_keys" in finding["next_step"]) == ("warn", True)


@pytest.mark.parametrize(
    ("changes", "check", "status"),
    [
        ({"BASE_URL": "https://connect.example"}, "allowed hosts", "fail"),
        (
            {"BASE_URL": "https://connect.example", "ALLOWED_HOSTS": ["connect.example"]},
            "cookies",
            "fail",
        ),
        ({"BASE_URL": "http://localhost:8000/portal"}, "base URL", "warn"),
        ({"ALLOWED_HOSTS": ["*"]}, "allowed hosts", "warn"),
        ({"DEBUG": True}, "cookies", "warn"),
    ],
)
def test_settings_that_hurt_are_found(
    settings: Settings, changes: dict[str, Any], check: str, status: str
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    findings = examined(fails=status == "fail")
    assert findings[check]["status"] == status


def test_https_with_secure_cookies_is_well(settings: Settings) -> None:
    settings.BASE_URL = "https://connect.example"
    settings.ALLOWED_HOSTS = ["connect.example"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    findings = examined()
    assert findings["cookies"]["detail"] == "secure"
    assert findings["base URL"]["status"] == "ok"


def test_an_empty_catalog_is_a_failure() -> None:
    installed = {item.slug: item for item in registry.providers()}
    registry.install({})
    try:
        assert examined(fails=True)["catalog"]["status"] == "fail"
    finally:
        registry.install(installed)
    assert str(len(installed)) in examined()["catalog"]["detail"]


def test_uncollected_static_files_are_a_failure(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    assert "collectstatic" in examined(fails=True)["static files"]["next_step"]


def test_a_pending_migration_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.MigrationExecutor, "migration_plan", lambda self, nodes: [1, 2])
    finding = examined(fails=True)["migrations"]
    assert (finding["detail"], finding["next_step"]) == (
        "2 are not applied",
        "Run manage.py migrate.",
    )


@pytest.mark.parametrize(("seconds", "status"), [(0, "ok"), (30, "warn"), (3600, "fail")])
def test_a_clock_that_is_off_is_found(
    monkeypatch: pytest.MonkeyPatch, seconds: int, status: str
) -> None:
    now = timezone.now()
    monkeypatch.setattr(doctor.timezone, "now", lambda: now + timedelta(seconds=seconds))
    assert examined(fails=status == "fail")["clock"]["status"] == status


def test_a_folder_that_cannot_be_written_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if connection.vendor == "sqlite":
        monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "no" / "db.sqlite3"))
        assert "cannot be written" in examined(fails=True)["data folder"]["detail"]
    else:
        assert examined()["data folder"]["status"] == "ok"


def test_without_a_database_the_rest_is_still_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", refused)
        findings = examined(fails=True)
    assert findings["database"]["status"] == "fail"
    assert findings["migrations"]["status"] == "fail"
    assert findings["catalog"]["status"] == "ok"
    assert "DATABASE_URL" in findings["database"]["next_step"]


def beat(seconds_ago: float) -> None:
    """Let a worker have beaten so long ago."""
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Duty.objects.update_or_create(name=tasks.HEARTBEAT, defaults={"next_at": at, "taken_at": at})


def work_is_due() -> None:
    """Record something that a webhook endpoint waits for."""
    project = make_project()
    made = webhooks.create(project=project, url="https://hooks.acme.example/", actor="test")
    WebhookEndpoint.objects.filter(pk=made.endpoint.pk).update(cursor=0)


def test_a_worker_that_beats_is_well() -> None:
    work_is_due()
    beat(5)
    assert examined()["worker"]["status"] == "ok"


@pytest.mark.parametrize("seconds", [None, 121, 86_400])
def test_work_that_nobody_does_is_a_failure(seconds: float | None) -> None:
    work_is_due()
    if seconds:
        beat(seconds)
    finding = examined(fails=True)["worker"]
    assert (finding["status"], "dispatch" in finding["detail"]) == ("fail", True)
    assert "db_worker" in finding["next_step"]


def test_no_worker_and_nothing_to_do_is_only_worth_a_word() -> None:
    make_project()
    beat(3600)
    assert examined()["worker"]["status"] == "warn"
