"""The audit log: who did what, in the same transaction as the change itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations.models import AuditEvent, AuditHead, Project
from integrations.secret import Secret, new_token


@dataclass(frozen=True)
class Broken:
    """The first link of a project's chain that does not hold."""

    project_id: UUID
    sequence: int
    reason: str


def create_project(*, name: str, actor: str = "system") -> Project:
    """Create a project with the key and the head of its audit chain."""
    with transaction.atomic():
        project = Project(name=name, audit_key=Secret(new_token()))
        project.save(force_insert=True)
        AuditHead.objects.create(project=project)
        record(project=project, actor=actor, action="project.created", subject=project)
    return project


def record(*, project: Project, actor: str, action: str, subject: Any, **data: Any) -> AuditEvent:
    """Append an event about `subject`, a saved row. `data` holds ids and codes, never a secret.

    Must run inside the transaction of the change: no event, no change.
    """
    head = AuditHead.objects.select_for_update().get(pk=project.pk)
    event = AuditEvent(
        project=project,
        sequence=head.sequence + 1,
        at=timezone.now(),
        actor=actor,
        action=action,
        object_type=subject._meta.model_name,
        object_id=str(subject.pk),
        data=data,
        previous_hash=head.hash,
    )
    event.hash = _hash(event, project.open_required("audit_key"))
    event.save(force_insert=True)
    AuditHead.objects.filter(pk=project.pk).update(sequence=event.sequence, hash=event.hash)
    return event


def verify(project: Project) -> Broken | None:
    """Return the first broken link of the project's chain, or None if it holds to its head.

    The head is read first: an event appended while this reads lies beyond it and is no fault.
    """
    key = project.open_required("audit_key")
    head = AuditHead.objects.filter(pk=project.pk).first()
    previous, sequence, at_head = "", 0, ""
    for event in AuditEvent.objects.filter(project=project).order_by("sequence").iterator():
        sequence += 1
        if reason := _fault(event, sequence, previous, key):
            return Broken(project_id=project.pk, sequence=sequence, reason=reason)
        previous = event.hash
        if head and sequence == head.sequence:
            at_head = previous
    if head and (head.sequence > sequence or head.hash != at_head):
        return Broken(project_id=project.pk, sequence=sequence + 1, reason="events are missing")
    missing = Broken(project_id=project.pk, sequence=sequence + 1, reason="the head is missing")
    return None if head else missing


def _fault(event: AuditEvent, sequence: int, previous: str, key: Secret) -> str:
    if event.sequence != sequence:
        return "an event is missing"
    if event.previous_hash != previous:
        return "the event before was changed"
    return "" if hmac.compare_digest(event.hash, _hash(event, key)) else "the event was changed"


def _hash(event: AuditEvent, key: Secret) -> str:
    content = {
        "project": str(event.project_id),
        "sequence": event.sequence,
        "at": _instant(event.at),
        "actor": event.actor,
        "action": event.action,
        "object": [event.object_type, event.object_id],
        "data": event.data,
        "previous": event.previous_hash,
    }
    message = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key.reveal().encode(), message, hashlib.sha256).hexdigest()


def _instant(at: datetime) -> int:
    # Whole microseconds since the epoch survive both databases unchanged.
    delta = at - datetime.fromtimestamp(0, tz=at.tzinfo)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
