"""What the catalog costs: at the start, in memory, and in a request, with ten times as many files.

`python -m tests.bench.catalog` prints medians of five rounds. A start is a process of its own; a
request is the first page of a visit, with the two catalogs in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS, REQUESTS, SYNTHETIC = 5, 20, 1700
START = """
import json, resource, sys, time
from pathlib import Path
from integrations.catalog import registry
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, began, cpu = used(), time.perf_counter(), time.process_time()
if sys.argv[2] == "checked":
    registry.checked_digest = registry.digest
catalog = registry.load(folders=tuple(map(Path, sys.argv[1].split(":") if sys.argv[1] else ())))
ready, ready_cpu, first = time.perf_counter() - began, time.process_time() - cpu, used()
registry.check(catalog)
print(json.dumps({
    "providers": len(catalog), "ready_ms": ready * 1000, "ready_cpu_ms": ready_cpu * 1000,
    "ready_mb": first - before, "all_built_mb": used() - before,
}))
"""


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        grow(Path(folder))
        starts = {
            "built-in, as shipped": started("", "checked"),
            "built-in, changed: all checked": started("", "changed"),
            f"and {SYNTHETIC} of a folder": started(folder, "checked"),
        }
        for name, row in starts.items():
            print(f"{name:<34}", {key: round(value, 1) for key, value in row.items()})
        print_requests(Path(folder))


def grow(folder: Path) -> None:
    """Write many complete provider files, each a copy of a long built-in under another name."""
    from integrations.catalog import files

    text = (files.BUILT_IN / "zendesk.toml").read_text(encoding="utf-8")
    for number in range(SYNTHETIC):
        copy = text.replace('name = "Zendesk"', f'name = "Desk {number}"', 1)
        (folder / f"desk-{number}.toml").write_text(copy, encoding="utf-8")


def started(folders: str, files: str) -> Mapping[str, float]:
    """Return the medians of several starts."""
    command = [sys.executable, "-c", START, folders, files]
    rows = [json.loads(subprocess.check_output(command)) for _ in range(ROUNDS)]
    return {key: median(row[key] for row in rows) for key in rows[0]}


def print_requests(folder: Path) -> None:
    """Print what a page costs with each of the two catalogs, in turn."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from integrations import limits
    from integrations.catalog import registry

    connection.creation.create_test_db(verbosity=0)
    small, large = registry.load(), registry.load(folders=(folder,))
    # Only what the catalog adds is of interest here, and nobody visits so often.
    settings.LIMITS = {limit.name: limits.OFF for limit in limits.TABLE}
    opened = visit()
    costs: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(ROUNDS + 1):
        for name, catalog in (("small", small), ("large", large)):
            registry.install(catalog)
            costs[name].append(cost(opened))
    few, many = (median(costs[name][1:]) for name in ("small", "large"))
    print(f"a page with {len(small)} providers: {few:.2f} ms CPU; with {len(large)}: {many:.2f} ms")
    print(f"ratio {many / few:.2f}")


def visit() -> Callable[[], Any]:
    """Return a call that opens the portal for a new person's visit."""
    from tests import factories
    from tests.visitor import Visitor

    project = factories.make_project()
    factories.make_integration(project, "zendesk")
    return lambda: Visitor(project).open("zendesk")


def cost(call: Callable[[], Any]) -> float:
    """Return the CPU milliseconds of one call, over many."""
    began = time.process_time()
    for _ in range(REQUESTS):
        call()
    return (time.process_time() - began) * 1000 / REQUESTS


if __name__ == "__main__":
    main()
