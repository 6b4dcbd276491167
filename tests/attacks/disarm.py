"""Take defences away one by one and see the attacks succeed: `python -m tests.attacks.disarm`.

Works in a copy of the tree, made anew each time. A row's number as argument means that row only;
any other argument means the defences whose words hold it. `--rounds` takes several away at once,
each with a test of its own, which is faster and proves less: a test may fail for want of another.
Prints a table, and notes in proofs.txt what was seen; `python -m tests.attacks.table` puts that on
the page. The exit code is 1 if some attack was repelled all the same, so that its test proves
nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.attacks import proofs
from tests.attacks.defences import DEFENCES
from tests.attacks.rows import Defence, Edit

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".git", ".venv", "var", "test-artifacts", "__pycache__", ".*_cache")
TOGETHER, FAILS = 7, "fails without it"
OURS = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "FERNET_KEYS", "BASE_URL")


def main(*words: str) -> int:
    """Prove the chosen defences, or all of them."""
    wanted = [word for word in words if word != "--rounds"]
    chosen = [each for each in DEFENCES if not wanted or any(_is(each, word) for word in wanted)]
    groups = _rounds(chosen) if "--rounds" in words else [[each] for each in chosen]
    with tempfile.TemporaryDirectory(prefix="disarmed-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        if _run(tree, {each.test for each in chosen}) != set():
            print("The attacks are not all repelled with every defence in place.")
            return 1
        proven = sum(_proven(tree, group) for group in groups)
    print(f"{proven} of {len(chosen)} defences are proven.")
    return 0 if proven == len(chosen) else 1


def disarmed(text: str, edit: Edit) -> str:
    """Return the source without the defence. Raises ValueError unless it is there exactly once."""
    if text.count(edit.old) != 1:
        raise ValueError(f"{edit.file} has {text.count(edit.old)} times: {edit.old.strip()[:60]}")
    return text.replace(edit.old, edit.new)


def _is(each: Defence, word: str) -> bool:
    return str(each.row) == word if word.isdigit() else word in each.words


def _rounds(chosen: Sequence[Defence]) -> list[list[Defence]]:
    """Put defences together that differ in test and in place."""
    rounds: list[list[Defence]] = []
    for each in chosen:
        free = (group for group in rounds if len(group) < TOGETHER)
        fitting = (group for group in free if not any(_meet(each, other) for other in group))
        if (group := next(fitting, None)) is None:
            rounds.append([each])
        else:
            group.append(each)
    return rounds


def _meet(one: Defence, other: Defence) -> bool:
    files = {edit.file for edit in one.edits}
    same_file = any(edit.file in files for edit in other.edits)
    return same_file or one.test.partition("[")[0] == other.test.partition("[")[0]


def _proven(tree: Path, group: Sequence[Defence]) -> int:
    started, kept = time.monotonic(), {}
    for edit in (edit for each in group for edit in each.edits):
        path = tree / edit.file
        kept.setdefault(path, path.read_text(encoding="utf-8"))
        path.write_text(disarmed(path.read_text(encoding="utf-8"), edit), encoding="utf-8")
    try:
        failed = _run(tree, {each.test for each in group})
    finally:
        for path, text in kept.items():
            path.write_text(text, encoding="utf-8")
    seconds = time.monotonic() - started
    for each in group:
        verdict = _verdict(each, failed)
        print(f"{each.row:>3}  {verdict:<17}  {seconds:5.1f} s  {each.words}", flush=True)
    proven = [each for each in group if _verdict(each, failed) == FAILS]
    proofs.note(proven, proofs.ALONE if len(group) == 1 else proofs.TOGETHER)
    return len(proven)


def _verdict(each: Defence, failed: set[str] | None) -> str:
    if failed is None:
        return "DID NOT RUN"
    # A test named without its case stands for all cases: one that fails is enough.
    hit = any(name == each.test or name.startswith(f"{each.test}[") for name in failed)
    return FAILS if hit else "PASSES WITHOUT IT"


def _run(tree: Path, tests: Iterable[str]) -> set[str] | None:
    """Return the names of the tests that failed, or None if they could not be run."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-rfE"]
    done = subprocess.run(
        [*command, "-p", "no:randomly", "--tb=no", *sorted(tests)],
        cwd=tree,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    # An error is a fixture's: a portal that does not start, which proves nothing.
    if done.returncode not in (0, 1) or any(line.startswith("ERROR ") for line in lines):
        print(done.stdout[-3000:], done.stderr[-1000:])
        return None
    named = (line.removeprefix("FAILED ") for line in lines if line.startswith("FAILED "))
    return {line.partition(" - ")[0] for line in named}


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
