"""One database's turn: start the provider, prepare the database, run the scenarios."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.fakeas.server import FakeAS

CATALOG = Path(__file__).parent.parent / "fakeas" / "catalog"
ADDRESS = "http://127.0.0.1:8002"


def main() -> int:
    """Return 0 if every scenario held."""
    with FakeAS(port=0) as provider, tempfile.TemporaryDirectory() as folder:
        _prepare(provider, Path(folder))
        from tests.soak import scenarios

        wanted = set(sys.argv[1:])
        failed = 0
        for scenario in scenarios.ALL:
            if not wanted or scenario.__name__ in wanted:
                failed |= _ran(scenario, provider)
        return failed


def _ran(scenario, provider: FakeAS) -> int:
    from integrations.models import Credential, ProviderHost

    Credential.objects.all().delete()
    ProviderHost.objects.all().delete()
    provider.reset(clients=True)
    started = time.monotonic()
    try:
        figures = scenario(provider)
    except Exception:
        traceback.print_exc()
        print(f"FAILED {scenario.__name__}", flush=True)
        return 1
    print(f"{scenario.__name__}: {figures} ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


def _prepare(provider: FakeAS, folder: Path) -> None:
    for path in (*CATALOG.glob("*.toml"), *(CATALOG / "seven").glob("*.toml")):
        text = path.read_text(encoding="utf-8").replace(ADDRESS, provider.url)
        (folder / path.name).write_text(text, encoding="utf-8")
    os.environ["CONNECT_CATALOG_DIRS"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["SPOOL_DIR"] = str(folder / "spool")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    raise SystemExit(main())
