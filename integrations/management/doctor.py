"""What the doctor looks at: each examination answers with findings and never raises."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.utils import timezone

from integrations import spool, tasks
from integrations.catalog import registry
from integrations.errors import SealBroken
from integrations.management.commands.rotate_keys import is_current, sealed_fields
from integrations.models import Duty
from integrations.models.fields import SealedTextField
from integrations.work import KINDS

CLOCK_WARN, CLOCK_FAIL = 5, 60
WORKER_SILENT = timedelta(minutes=2)
SAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One line of the report. `next_step` is empty when all is well."""

    check: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    next_step: str = ""


def examine() -> Iterator[Finding]:
    """Yield the findings of all examinations, those of configuration before the database's."""
    for check in CHECKS:
        try:
            yield from check()
        except DatabaseError as error:
            name = check.__name__.strip("_").replace("_", " ")
            step = "Fix the database first, then run this again."
            yield Finding(name, "fail", f"not known: {type(error).__name__}", step)


def _base_url() -> Iterator[Finding]:
    parts = urlsplit(settings.BASE_URL)
    if parts.path.strip("/"):
        step = "Serve the portal at the root of its own host name."
        yield Finding("base URL", "warn", f"{settings.BASE_URL} has a path", step)
    elif parts.scheme != "https":
        step = "Set BASE_URL to the https address that browsers use before real users come."
        yield Finding("base URL", "warn", f"{settings.BASE_URL} is for this machine only", step)
    else:
        yield Finding("base URL", "ok", settings.BASE_URL)


def _allowed_hosts() -> Iterator[Finding]:
    hosts = [host for host in settings.ALLOWED_HOSTS if host]
    if "*" in hosts:
        step = "Name the hosts in ALLOWED_HOSTS instead of *."
        yield Finding("allowed hosts", "warn", "any Host header is accepted", step)
    elif (urlsplit(settings.BASE_URL).hostname or "") not in hosts:
        step = "Add the host of BASE_URL to ALLOWED_HOSTS."
        yield Finding("allowed hosts", "fail", "the host of BASE_URL is not accepted", step)
    else:
        yield Finding("allowed hosts", "ok", ", ".join(dict.fromkeys(hosts)))


def _cookies() -> Iterator[Finding]:
    https = settings.BASE_URL.startswith("https://")
    secure = settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE
    if https and not secure:
        step = "Leave SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE as the settings derive them."
        yield Finding("cookies", "fail", "cookies would travel over plain http", step)
    elif settings.DEBUG:
        step = "Set DEBUG to false anywhere but on your own machine."
        yield Finding("cookies", "warn", "DEBUG is on: error pages show settings", step)
    else:
        yield Finding("cookies", "ok", "secure" if secure else "plain http on this machine")


def _catalog() -> Iterator[Finding]:
    number = len(registry.providers())
    folders = len(settings.CONNECT_CATALOG_DIRS)
    detail = f"{number} providers, {folders} folders of your own"
    if number:
        yield Finding("catalog", "ok", detail)
    else:
        step = "Reinstall the package: its provider files are missing."
        yield Finding("catalog", "fail", detail, step)


def _static_files() -> Iterator[Finding]:
    try:
        staticfiles_storage.url("admin/css/base.css")
    except ValueError:
        step = "Run manage.py collectstatic."
        yield Finding("static files", "fail", "not collected, so pages have no style", step)
        return
    yield Finding("static files", "ok", f"served below {settings.STATIC_URL}")


def _data_folder() -> Iterator[Finding]:
    if connection.vendor != "sqlite":
        yield Finding("data folder", "ok", "not needed: the database is a server")
        return
    folder = Path(str(connection.settings_dict["NAME"])).resolve().parent
    if os.access(folder, os.W_OK | os.X_OK):
        yield Finding("data folder", "ok", str(folder))
    else:
        step = "Create the folder and let the user that runs the service write to it."
        yield Finding("data folder", "fail", f"{folder} cannot be written", step)


def _spool_folder() -> Iterator[Finding]:
    waiting = sum(1 for _ in settings.SPOOL_DIR.glob("*.json"))
    if not spool.writable():
        step = "Let the user that runs the service write to it, or set SPOOL_DIR."
        yield Finding("spool folder", "fail", f"{settings.SPOOL_DIR} cannot be written", step)
    elif waiting:
        step = "Start a worker on this machine: it stores them at its start."
        yield Finding("spool folder", "warn", f"{waiting} answers to refreshes wait", step)
    else:
        yield Finding("spool folder", "ok", str(settings.SPOOL_DIR))


def _database() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        step = "Check DATABASE_URL and that the database accepts connections."
        yield Finding("database", "fail", f"no connection: {type(error).__name__}", step)
        return
    yield Finding("database", "ok", connection.vendor)


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        step = "Run manage.py migrate."
        yield Finding("migrations", "fail", f"{len(pending)} are not applied", step)
    else:
        yield Finding("migrations", "ok", "all applied")


def _clock() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        answer = cursor.fetchone()[0]
    seconds = abs((timezone.now() - _instant(answer)).total_seconds())
    step = "Turn on time synchronisation (NTP) on this machine and on the database's."
    detail = f"{seconds:.0f} s apart from the database's"
    if seconds > CLOCK_FAIL:
        yield Finding("clock", "fail", detail, step)
    elif seconds > CLOCK_WARN:
        yield Finding("clock", "warn", detail, step)
    else:
        yield Finding("clock", "ok", detail)


def _worker() -> Iterator[Finding]:
    beat = Duty.objects.filter(name=tasks.HEARTBEAT).annotate(now=Now()).first()
    silent = None if beat is None or beat.taken_at is None else beat.now - beat.taken_at
    if silent is not None and silent < WORKER_SILENT:
        yield Finding("worker", "ok", f"beat {silent.total_seconds():.0f} s ago")
        return
    waiting = [name for name, kind in KINDS.items() if kind.due(1)]
    when = "never beat" if silent is None else f"last beat {silent.total_seconds():.0f} s ago"
    step = "Start manage.py db_worker beside the web processes and keep it running."
    # Without anything due a new installation is well, if not complete.
    detail = f"{when}, work is due: {', '.join(waiting)}" if waiting else f"{when}, nothing is due"
    yield Finding("worker", "fail" if waiting else "warn", detail, step)


def _encryption_keys() -> Iterator[Finding]:
    stale = opened = 0
    for field in sealed_fields():
        for row in _samples(field):
            try:
                field.open(row)
            except SealBroken as error:
                step = "Put the key that wrote it back into FERNET_KEYS."
                yield Finding("encryption keys", "fail", f"{error} cannot be opened", step)
                return
            opened += 1
            stale += not is_current(field, getattr(row, field.attname))
    if stale:
        step = "Run manage.py rotate_keys, then retire the old key."
        yield Finding("encryption keys", "warn", "some values have an older key", step)
    else:
        yield Finding("encryption keys", "ok", f"{opened} samples opened")


def _samples(field: SealedTextField) -> Iterable[Any]:
    rows = field.model._default_manager.filter(**{f"{field.attname}__isnull": False})
    oldest_and_newest = [*rows.order_by("pk")[:SAMPLES], *rows.order_by("-pk")[:SAMPLES]]
    return {row.pk: row for row in oldest_and_newest}.values()


def _instant(answer: Any) -> datetime:
    # SQLite answers with text in UTC, PostgreSQL with an aware datetime.
    if isinstance(answer, datetime):
        return answer
    return datetime.fromisoformat(str(answer)).replace(tzinfo=UTC)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _base_url,
    _allowed_hosts,
    _cookies,
    _catalog,
    _static_files,
    _data_folder,
    _spool_folder,
    _database,
    _migrations,
    _clock,
    _worker,
    _encryption_keys,
)
