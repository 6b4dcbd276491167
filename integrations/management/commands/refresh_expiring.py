"""Refresh the tokens that are about to expire."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from integrations import tokens
from integrations.management.base import JsonCommand, plain_errors


class Command(JsonCommand):
    """Run from cron where no worker runs; harmless next to one."""

    help = "Refresh credentials that expire soon and print how many were refreshed."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take how many credentials one run may refresh."""
        parser.add_argument("--limit", type=int, default=500, metavar="ROWS")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refresh what is due."""
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1.")
        with plain_errors():
            counts = dict(tokens.refresh_due(limit=options["limit"]))
        lines = [f"{name:<16}{number}" for name, number in counts.items()]
        self.report(options, counts, *lines or ["Nothing is due."])
