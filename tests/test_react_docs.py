"""The React hook of the documentation: it compiles, and real React runs it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.npm import node

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "react.md"
FOLDER = node.FOLDER / "react"
COMPILER = {
    "target": "esnext",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["esnext", "dom", "dom.iterable"],
    "jsx": "react-jsx",
    "strict": True,
    "skipLibCheck": True,
    "types": [],
    "outDir": "run",
}


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """Let npm fetch React, once: it is another process, and pinned by its lock file."""


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """Compile what the page shows, run it, and return what the run saw."""
    node.installed()
    FOLDER.mkdir(exist_ok=True)
    shown, button = re.findall(r"```tsx?\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    (FOLDER / "use-connect-portal.ts").write_text(shown, encoding="utf-8")
    (FOLDER / "button.tsx").write_text(button, encoding="utf-8")
    types = ROOT / "static" / "connect.d.ts"
    (FOLDER / "connect.d.ts").write_text(types.read_text(encoding="utf-8"), encoding="utf-8")
    config = {"compilerOptions": COMPILER, "files": ["use-connect-portal.ts", "button.tsx"]}
    (FOLDER / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    (FOLDER / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    done = node.tsc("-p", str(FOLDER))
    assert (done.returncode, done.stdout) == (0, "")
    script, hook = ROOT / "tests" / "npm" / "react.mjs", FOLDER / "run" / "use-connect-portal.js"
    run = subprocess.run(
        [str(node.installed() / "node"), str(script), str(hook)],
        cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_the_hook_is_short() -> None:
    hook = re.findall(r"```ts\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[0]
    assert len(hook.splitlines()) < 60


def test_under_strict_mode_it_authenticates_once_for_two_components(
    told: dict[str, object],
) -> None:
    assert told["before"] == {"ready": False, "credential": None, "error": None}
    assert told["authenticated"] == [["project", "token"]]
    assert told["ready"] == {"ready": True, "credential": None, "error": None}


def test_a_connection_is_returned_and_shown(told: dict[str, object]) -> None:
    assert told["connected"] == ["gmail", {"display": "window"}]
    assert told["event"] == "c1"
    assert told["after"] == {"ready": True, "credential": "c1", "error": None}


def test_closing_is_no_error_and_a_refusal_is_one(told: dict[str, object]) -> None:
    assert told["cancelled"] == {"ready": True, "credential": "c1", "error": None}
    assert told["refused"] == {"ready": True, "credential": "c1", "error": "access_denied"}


def test_another_try_takes_the_error_away(told: dict[str, object]) -> None:
    assert told["again"] == {"ready": True, "credential": "c1", "error": None}


def test_a_failed_set_up_is_told_and_the_next_component_tries_again(
    told: dict[str, object],
) -> None:
    assert told["failed"] == {"ready": False, "credential": None, "error": "origin_not_allowed"}
    assert told["retried"] == {"ready": True, "credential": "c1", "error": None}


def test_nothing_is_heard_after_a_component_is_gone(told: dict[str, object]) -> None:
    assert told["listeners"] == 0
