"""Check every provider file, and print what the catalog holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from integrations.management.base import JsonCommand
from integrations.management.catalog import Entry, examine


class Command(JsonCommand):
    """Look at the built-in providers and at those of CONNECT_CATALOG_DIRS. Changes nothing."""

    help = "Check every provider file. Prints a table; exits with 1 if anything is wrong."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a row for each provider, then fail if one has a problem."""
        entries = list(examine())
        head = f"{'provider':<30}{'category':<22}{'checked':<12}{'confidence':<12}dialects"
        rows = [line for entry in entries for line in _lines(entry)]
        self.report(options, [_data(entry) for entry in entries], head, *rows)
        bad = sum(1 for entry in entries if entry.problems)
        if bad:
            raise CommandError(f"{bad} of {len(entries)} providers have problems.")
        if not options["json"]:
            self.stdout.write(f"{len(entries)} providers, all good")


def _lines(entry: Entry) -> list[str]:
    shown = entry.provider
    about = (
        f"{shown.category:<22}{shown.checked!s:<12}{shown.confidence or '':<12}"
        f"{', '.join(shown.dialects)}"
        if shown
        else "refused"
    )
    problems = (f"    {problem}" for problem in entry.problems)
    return [f"{entry.slug:<30}{about}".rstrip(), *problems]


def _data(entry: Entry) -> dict[str, Any]:
    shown = entry.provider
    facts = (
        {
            "name": shown.name,
            "category": shown.category,
            "checked": shown.checked.isoformat(),
            "confidence": shown.confidence,
            "dialects": list(shown.dialects),
        }
        if shown
        else {}
    )
    return {"slug": entry.slug, **facts, "problems": list(entry.problems)}
