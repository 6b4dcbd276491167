"""Prepare a stack's database: `python -m tests.browser.prepare ORIGIN,ORIGIN KEY_FILE SLUG...`.

Calls the operator's commands one after the other, in one process because each start takes time.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def main(origins: str, key_file: str, *slugs: str) -> None:
    """Print what create_project printed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    _collect_static_files()
    made, named = io.StringIO(), []
    for origin in origins.split(","):
        named += ["--origin", origin, "--return-url", f"{origin}/return"]
    call_command(
        "create_project", "Acme CRM", *named, signing_key_out=key_file, json=True, stdout=made
    )
    project = json.loads(made.getvalue())
    for slug in slugs:
        call_command("enable_integration", project["project_id"], slug, stdout=io.StringIO())
    _give_demo_mail_an_app(project["project_id"])
    print(json.dumps(project))


def _collect_static_files() -> None:
    """Collect once after a change, however many stacks are being prepared at this moment."""
    root = Path(settings.STATIC_ROOT)
    root.mkdir(exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = root / "staticfiles.json"
        collected = manifest.stat().st_mtime if manifest.exists() else 0.0
        files = (path for path in (settings.BASE_DIR / "static").rglob("*") if path.is_file())
        if max(path.stat().st_mtime for path in files) > collected:
            call_command("collectstatic", verbosity=0, interactive=False)


def _give_demo_mail_an_app(project_id: str) -> None:
    keyboard, sys.stdin = sys.stdin, io.StringIO("fake-secret")
    try:
        call_command(
            "enable_integration", project_id, "demo-mail", client_id="fake_ok",
            client_secret_stdin=True, stdout=io.StringIO(),
        )  # fmt: skip
    finally:
        sys.stdin = keyboard


if __name__ == "__main__":
    main(*sys.argv[1:])
