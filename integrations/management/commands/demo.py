"""Run the demo: the portal and its worker, a host page, and an authorization server."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from integrations import audit, clients, keys
from integrations.catalog import registry
from integrations.clients import ClientConfig
from integrations.management.base import JsonCommand
from integrations.models import AllowedOrigin, ApiKey, Integration, Project, ReturnUrl
from integrations.models.projects import OWN_CLIENT
from integrations.secret import Secret

NAME, ACTOR = "Acme CRM", "command:demo"
PROVIDER, HOST = "http://127.0.0.1:8002", "http://acme.localhost:8001"
# Where a page of the developer's own may be served, as by `python -m http.server 3000`.
OWN_PAGE = "http://localhost:3000"
PRETEND = ("demo-mail", "demo-desk")
# What people connect most; the admin offers all others.
REAL = ("gmail", "jira", "outlook", "salesforce", "sharepoint", "slack", "zendesk")
MAGIC_CLIENT, MAGIC_SECRET = "fake_ok", "fake-secret"
START_SECONDS = 30
API_KEY_FILE = "api-key"


class Command(JsonCommand):
    """Prepare a project and run three sites and a worker until interrupted."""

    help = "Run the portal, a host page that embeds it and an authorization server on loopback."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take where files go and whether to stop after preparing."""
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "var" / "demo")
        parser.add_argument("--prepare-only", action="store_true", help="prepare, but run nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, prepare the project, start the sites, wait. Raises CommandError over https."""
        if settings.SECURE:
            raise CommandError("The demo resets its admin's password: it runs on loopback only.")
        folder: Path = options["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        project = _project(folder)
        facts = _facts(project)
        _private(folder / API_KEY_FILE).write_text(facts["api_key"], encoding="ascii")
        if options["prepare_only"]:
            self.report(options, facts, *_lines(facts))
            return
        sites = _commands(project, folder)
        _refuse_busy_ports()
        running = [_started(command, env) for command, env in sites]
        try:
            _wait_until_answering(running)
            self.report(options, facts, *_lines(facts))
            self.stdout.flush()
            _wait(running)
        finally:
            _stop(running)


def _project(folder: Path) -> Project:
    """Return the demo's project, made on the first run."""
    project = Project.objects.filter(name=NAME).first() or audit.create_project(
        name=NAME, actor=ACTOR
    )
    for origin in (HOST, OWN_PAGE):
        AllowedOrigin.objects.get_or_create(project=project, origin=origin)
    ReturnUrl.objects.get_or_create(project=project, url=f"{HOST}/return")
    key_file = folder / "signing-key.pem"
    if not key_file.exists():
        project.signing_keys.all().delete()
        made = keys.generate_signing_key(project=project, actor=ACTOR)
        _private(key_file).write_text(made.private_key.reveal(), encoding="ascii")
    for slug in filter(registry.has, (*PRETEND, *REAL)):
        _offer(project, slug)
    return project


def _private(file: Path) -> Path:
    file.touch(mode=0o600)
    return file


def _offer(project: Project, slug: str) -> None:
    """Offer a provider: the pretend ones with the vendor's own app, the real ones without."""
    integration, created = Integration.objects.get_or_create(
        project=project, slug=slug, defaults={"provider_slug": slug}
    )
    if not created:
        return
    if slug not in PRETEND:
        integration.account_types = [OWN_CLIENT]
        integration.save()
        return
    with transaction.atomic():
        values = {item.name: item.default or "acme" for item in integration.provider.settings}
        clients.replace_config(
            client=clients.vendor_client(integration),
            config=ClientConfig(MAGIC_CLIENT, Secret(MAGIC_SECRET), values),
            actor=ACTOR,
        )


def _facts(project: Project) -> dict[str, str]:
    """Return what a person needs, with an API key and a password that were not known before."""
    ApiKey.objects.filter(project=project, name="demo", revoked_at=None).update(
        revoked_at=timezone.now()
    )
    password = secrets.token_urlsafe(9)
    users = get_user_model()
    admin = users.objects.filter(username="admin").first() or users(username="admin")
    admin.is_staff = admin.is_superuser = True
    admin.set_password(password)
    admin.save()
    made = keys.create_api_key(project=project, name="demo", actor=ACTOR)
    return {
        "host_page": HOST,
        "portal": settings.BASE_URL,
        "provider": PROVIDER,
        "admin": f"{settings.BASE_URL}/admin/",
        "admin_user": "admin",
        "admin_password": password,
        "project_id": str(project.pk),
        "api_key": made.key.reveal(),
    }


def _lines(facts: dict[str, str]) -> list[str]:
    return [
        "",
        f"  Acme CRM, a page that embeds the portal   {facts['host_page']}",
        f"  The portal's admin                        {facts['admin']}",
        f"      user admin, password {facts['admin_password']}",
        f"  The pretend provider                      {facts['provider']}",
        f"  The project's id                          {facts['project_id']}",
        f"  An API key of the project                 {facts['api_key']}",
        "",
        f"  Open {facts['host_page']}, press Connect beside Demo Mail, choose your own app and",
        f"  enter the App ID {MAGIC_CLIENT} with the App secret {MAGIC_SECRET}.",
        f"  All ways to connect are on {facts['host_page']}/ways. Press Ctrl+C here to stop.",
        "",
    ]


def _commands(project: Project, folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    python, env = sys.executable, dict(os.environ)
    config = settings.BASE_DIR / "deploy" / "gunicorn.conf.py"
    log = (folder / "portal.log").open("ab")
    log.close()
    portal = [python, "-m", "gunicorn", "-c", str(config), "--error-logfile", str(log.name)]
    portal += ["--access-logfile", str(log.name), "--workers", "1", "portal.wsgi"]
    host = [python, "-m", "tests.acme", "--portal", settings.BASE_URL, "--kid", _kid(project)]
    host += ["--project", str(project.pk), "--signing-key", str(folder / "signing-key.pem")]
    host += ["--api-key-file", str(folder / API_KEY_FILE)]
    worker = [python, str(settings.BASE_DIR / "manage.py"), "db_worker", "--verbosity", "0"]
    provider = [python, "-m", "tests.fakeas", "--port", "8002"]
    return [(command, env) for command in (portal, host, provider, worker)]


def _kid(project: Project) -> str:
    return project.signing_keys.get(revoked_at=None).kid


def _addresses() -> list[tuple[str, int]]:
    return [("127.0.0.1", urlsplit(url).port or 80) for url in (settings.BASE_URL, HOST, PROVIDER)]


def _refuse_busy_ports() -> None:
    for host, port in _addresses():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                message = f"Port {port} is in use. Stop what listens there and try again."
                raise CommandError(message) from None


def _started(command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    # In a session of its own, so that Ctrl+C reaches only this process, which then stops it.
    return subprocess.Popen(  # noqa: S603
        command,
        env=env,
        cwd=settings.BASE_DIR,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_until_answering(running: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    waiting = _addresses()
    while waiting and time.monotonic() < deadline:
        _require_alive(running)
        waiting = [address for address in waiting if not _answers(address)]
        time.sleep(0.1)
    if waiting:
        raise CommandError(f"Nothing answers on port {waiting[0][1]} after {START_SECONDS} s.")


def _answers(address: tuple[str, int]) -> bool:
    # Any answer at all means that the site's process is up and reads requests.
    connection = http.client.HTTPConnection(*address, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{address[1]}"})
        return bool(connection.getresponse().status)
    except OSError:
        return False
    finally:
        connection.close()


def _wait(running: list[subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        while True:
            _require_alive(running)
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _require_alive(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        if process.poll() is not None:
            name = " ".join(str(part) for part in process.args[1:3])  # type: ignore[index]
            raise CommandError(f"{name} stopped with code {process.returncode}.")


def _stop(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout=35)
        except subprocess.TimeoutExpired:
            process.kill()
