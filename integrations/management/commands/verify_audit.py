"""Check that nobody changed the audit log behind the application's back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from integrations import audit
from integrations.errors import SealBroken
from integrations.management.base import JsonCommand, found_project
from integrations.models import AuditHead, Project


class Command(JsonCommand):
    """Follow the chain of every project, or of one."""

    help = "Verify the hash chain of the audit log. Exits with 1 if a link is broken."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take a project, or none for all."""
        parser.add_argument("project", nargs="?", help="id or exact name; all if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Report each project, then fail if any chain is broken."""
        one = options["project"]
        projects = [found_project(one)] if one else Project.objects.order_by("name", "pk")
        results = [_result(project) for project in projects]
        self.report(options, results, *(_line(result) for result in results))
        broken = sum(1 for result in results if not result["intact"])
        if broken:
            raise CommandError(f"The audit log is broken in {broken} of {len(results)} projects.")


def _result(project: Project) -> dict[str, Any]:
    shown: dict[str, Any] = {"project_id": str(project.pk), "name": project.name, "intact": False}
    try:
        broken = audit.verify(project)
        head = AuditHead.objects.get(pk=project.pk)
    except AuditHead.DoesNotExist:
        return shown | {"sequence": 0, "reason": "the head of the chain is missing"}
    except SealBroken:
        return shown | {"sequence": 0, "reason": "its key cannot be decrypted: check FERNET_KEYS"}
    if broken:
        return shown | {"sequence": broken.sequence, "reason": broken.reason}
    return shown | {"intact": True, "events": head.sequence, "head": head.hash}


def _line(result: dict[str, Any]) -> str:
    who = f"{result['name']} ({result['project_id']})"
    if result["intact"]:
        return f"ok      {who}: {result['events']} events, head {result['head']}"
    return f"BROKEN  {who}: at event {result['sequence']}, {result['reason']}"
