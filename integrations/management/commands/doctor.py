"""Say what is wrong with this installation, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from integrations.management.base import JsonCommand
from integrations.management.doctor import Finding, examine


class Command(JsonCommand):
    """Look at configuration, database, keys and files. Changes nothing."""

    help = "Examine the installation. Each line is ok, warn or fail; exits with 1 on any fail."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Print every finding, then fail if one failed."""
        findings = list(examine())
        self.report(options, [asdict(item) for item in findings], *map(_line, findings))
        failed = [item.check for item in findings if item.status == "fail"]
        if failed:
            raise CommandError(f"Not ready: {', '.join(failed)}.")


def _line(finding: Finding) -> str:
    step = f"\n      {finding.next_step}" if finding.next_step else ""
    return f"{finding.status:<6}{finding.check}: {finding.detail}{step}"
