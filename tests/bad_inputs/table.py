"""Write docs/security/bad-inputs.md from the rows: `python -m tests.bad_inputs.table`."""

from __future__ import annotations

from pathlib import Path

from tests.bad_inputs.doors import Door
from tests.bad_inputs.rows import ROWS, Row

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "security" / "bad-inputs.md"
HEAD = """# Bad inputs

What people paste, and what others send, on purpose or not. One set of rules stands behind every
door; [tests/bad_inputs](../../tests/bad_inputs) brings each row to each door that has such a field.
What is refused is named, kept for correction (but a secret) and stored nowhere, and no provider is
asked. `python -m tests.bad_inputs.table` writes this page, and a test compares it.

"""
SHORT = {door: chr(ord("a") + number) for number, door in enumerate(Door)}


def document() -> str:
    """Return the page."""
    doors = "\n".join(f"- {letter}: {door}" for door, letter in SHORT.items())
    rows = "\n".join(_line(row) for row in ROWS)
    why = "\n".join(_why(row) for row in ROWS if row.reasons)
    head = "| # | Input | What comes of it | Doors |\n|---|---|---|---|"
    return f"{HEAD}The doors:\n\n{doors}\n\n{head}\n{rows}\n\n## Not brought there\n\n{why}\n"


def _line(row: Row) -> str:
    letters = " ".join(SHORT[door] for door in row.doors())
    return f"| {row.number} | {row.words} | {row.outcome} | {letters} |"


def _why(row: Row) -> str:
    reasons = "; ".join(f"{door}: {reason}" for door, reason in row.reasons.items())
    return f"- Row {row.number}, {reasons}."


def main() -> None:
    """Write the page anew."""
    DOCUMENT.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
