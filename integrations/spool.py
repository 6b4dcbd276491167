"""A folder for answers that came while the database could not be written.

Each file is one answer, encrypted as its column would hold it, and on disk before anything else
happens. It is taken into the journal by the next claim on this machine, or by `restore_all`.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Connection, RefreshAttempt
from integrations.models.fields import Sealed

log = logging.getLogger(__name__)
Status = RefreshAttempt.Status


def keep(attempt: RefreshAttempt, answer: Sealed) -> bool:
    """Write the answer to the folder and wait for the disk. Returns whether it is there now."""
    record = {
        "attempt": str(attempt.pk),
        "connection": str(attempt.connection_id),
        "project": str(attempt.project_id),
        "client_version": str(attempt.client_version_id),
        "generation": attempt.generation,
        "epoch": attempt.epoch,
        "fingerprint": attempt.fingerprint,
        "received_at": timezone.now().isoformat(),
        "answer": answer.ciphertext.decode(),
    }
    try:
        _write(_path(attempt.pk), json.dumps(record).encode())
    except OSError as error:
        log.critical("The spool folder cannot be written: %s", type(error).__name__)
        return False
    return True


def drop(pk: UUID) -> None:
    """Remove the answer, once the journal has it."""
    with suppress(OSError):
        _path(pk).unlink(missing_ok=True)


def restore(pk: UUID) -> bool:
    """Take one answer into the journal, if it is here. Runs inside the caller's transaction."""
    try:
        record = json.loads(_path(pk).read_bytes())
        sealed = Sealed(str(record["answer"]).encode())
        received_at = datetime.fromisoformat(record["received_at"])
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.critical("A file of the spool folder cannot be read: %s", type(error).__name__)
        return False
    transaction.on_commit(lambda: drop(pk))
    waiting = RefreshAttempt.objects.filter(pk=pk, status__in=(Status.IN_FLIGHT, Status.UNKNOWN))
    if waiting.update(status=Status.GOT_RESPONSE, answer=sealed, received_at=received_at):
        return True
    return _recreated(pk, record, sealed, received_at)


def restore_all() -> int:
    """Take every answer of the folder into the journal. Returns how many it had not had."""
    return sum(_restored(path) for path in sorted(settings.SPOOL_DIR.glob("*.json")))


def writable() -> bool:
    """Return whether an answer could be kept now."""
    probe = settings.SPOOL_DIR / f".probe-{os.getpid()}"
    try:
        _write(probe, b"")
        probe.unlink()
    except OSError:
        return False
    return True


def _restored(path: Path) -> bool:
    try:
        with transaction.atomic():
            return restore(UUID(path.stem))
    except ValueError:
        return False
    except IntegrityError as error:
        # It speaks of rows that are gone. The file stays for a person to look at.
        log.critical("A file of the spool folder cannot be taken: %s", type(error).__name__)
        return False


def _recreated(pk: UUID, record: dict[str, Any], sealed: Sealed, received_at: datetime) -> bool:
    # A database that was restored from a backup may not know the attempt.
    known = RefreshAttempt.objects.filter(pk=pk).exists()
    if known or not Connection.objects.filter(pk=record["connection"]).exists():
        return False
    RefreshAttempt(
        pk=pk,
        connection_id=record["connection"],
        project_id=record["project"],
        client_version_id=record["client_version"],
        generation=record["generation"],
        epoch=record["epoch"],
        fingerprint=record["fingerprint"],
        status=Status.GOT_RESPONSE,
        answer=sealed,
        received_at=received_at,
    ).save(force_insert=True)
    return True


def _path(pk: UUID) -> Path:
    return Path(settings.SPOOL_DIR) / f"{pk}.json"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    # The name has to be on disk as well.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
