"""What was seen of each defence: which attacks got through when it was taken away.

The file beside this one is written by `python -m tests.attacks.disarm`. A line counts for exactly
the replacements and the test it was seen with: whoever changes an entry has it to prove again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tests.attacks.defences import DEFENCES
from tests.attacks.rows import Defence

FILE = Path(__file__).with_name("proofs.txt")
ALONE, TOGETHER, NEVER = "alone", "with others", "not yet"


def key(each: Defence) -> str:
    """Return what a line calls a defence."""
    parts = [each.test, *(part for edit in each.edits for part in (edit.file, edit.old, edit.new))]
    return f"{each.row:>2} {hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"


def seen(file: Path = FILE) -> dict[str, str]:
    """Return how each was seen failing its test: alone, or taken away with others."""
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else ()
    return {line[:19]: line[20:] for line in lines}


def note(proven: Iterable[Defence], how: str, *, file: Path = FILE) -> None:
    """Write down that these were seen failing. What was seen alone stays so.

    Lines of entries that are no more are left out.
    """
    found, listed = seen(file), {key(each) for each in DEFENCES}
    for each in proven:
        if found.get(key(each)) != ALONE:
            found[key(each)] = how
    kept = sorted((name, how) for name, how in found.items() if name in listed)
    file.write_text("".join(f"{name} {how}\n" for name, how in kept), encoding="ascii")
