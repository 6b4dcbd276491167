"""Write docs/security/attacks.md from the list of defences: `python -m tests.attacks.table`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.attacks import proofs
from tests.attacks.defences import DEFENCES
from tests.attacks.rows import THREATS, Edit, Threat

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "security" / "attacks.md"
HERE = "tests/attacks"
HEAD = """# Attacks

Every row is a way to get at what does not belong to the attacker. Each has attacks that run in each
build against the portal as an operator runs it (two gunicorn processes, and one behind a pretended
TLS proxy) and against a hostile provider, [tests/fakeas](../../tests/fakeas/README.md). An attack
must be refused, and nothing may be lost by it: no row of value changes, the provider is not asked,
the audit log says what happened, and neither an answer nor the log shows a secret.

A test that has never failed proves little. `make soak` takes every defence below out of a copy of
the source, one at a time, and the test beside it must then fail. The replacements are in
[tests/attacks/disarmed](../../tests/attacks/disarmed); a test in each build checks that all of them
still fit the source, and that this page says what they say. `python -m tests.attacks.disarm 3`
proves row 3, `python -m tests.attacks.table` writes this page.

The last column says whether that was seen: with this defence taken away *alone*, *with others* of
other places at the same time, or *not yet*. Whoever changes an entry has it to prove again.

{proven}

"""


def document() -> str:
    """Return the page."""
    head = HEAD.replace("{proven}", _counted())
    return head + "\n".join("\n".join(_section(threat)) for threat in THREATS)


def _counted() -> str:
    seen = proofs.seen()
    counts = Counter(seen.get(proofs.key(each), proofs.NEVER) for each in DEFENCES)
    words = ", ".join(
        f"{counts[how]} {how}" for how in (proofs.ALONE, proofs.TOGETHER, proofs.NEVER)
    )
    return f"Of {len(DEFENCES)} defences, seen failing: {words}."


def _section(threat: Threat) -> Iterator[str]:
    yield f"## {threat.row}. {threat.words}\n"
    tests = tests_of(threat.row)
    if tests:
        yield "Attacks: " + ", ".join(f"`{name}`" for name in tests) + "."
    if threat.elsewhere:
        places = ", ".join(f"[{path}](../../{path})" for path in threat.elsewhere)
        yield f"Also: {places}."
    if threat.missing:
        yield threat.missing
    rows = [each for each in DEFENCES if each.row == threat.row]
    if rows:
        yield "\n| Defence | Taken away by | Fails then | Seen |\n|---|---|---|---|"
        seen = proofs.seen()
        for each in rows:
            edits = "<br>".join(_worded(edit) for edit in each.edits)
            test = _cell(each.test.removeprefix(f"{HERE}/"))
            how = seen.get(proofs.key(each), proofs.NEVER)
            yield f"| {_cell(each.words)} | {edits} | `{test}` | {how} |"
    yield ""


@cache
def marked() -> dict[str, tuple[int, ...]]:
    """Return the rows of every attack, by module and function."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (rows := tuple(_rows(node))):
                found[f"{path.name}::{node.name}"] = rows
    return found


def tests_of(row: int) -> list[str]:
    """Return the attacks of a row."""
    return [name for name, rows in marked().items() if row in rows]


def _rows(node: ast.FunctionDef) -> Iterator[int]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.row":
            yield ast.literal_eval(each.args[0])


def _worded(edit: Edit) -> str:
    old, new = _code(edit.old), _code(edit.new)
    return (
        f"{edit.file}: {old} becomes {new}" if edit.new.strip() else f"{edit.file}: without {old}"
    )


def _code(text: str) -> str:
    """Return the first line that says something, as code in a cell."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else ""
    more = " …" if len(lines) > 1 else ""
    return f"`{_cell(line)}`{more}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
