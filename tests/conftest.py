"""Fixtures for all tests: the provider, the catalog that leads to it, and a person at a portal."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakeas.server import FakeAS

if TYPE_CHECKING:
    from integrations.catalog.schema import Provider

CATALOG = Path(__file__).parent / "fakeas" / "catalog"
DEMO_ADDRESS = "http://127.0.0.1:8002"


ASKS_DATABASE = {"db", "transactional_db", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long run's tests to it, and on PostgreSQL those that never ask the database."""
    if "soak" not in config.option.markexpr:
        _keep(config, items, lambda item: item.get_closest_marker("soak") is None)
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return
    _keep(config, items, _asks_database)


def _keep(
    config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]
) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what all tests share, a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _asks_database(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("django_db") is not None
    return marked or not ASKS_DATABASE.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def fakeas() -> Iterator[FakeAS]:
    """The authorization server, in this process, on a free port of the loopback."""
    with FakeAS(port=0) as server:
        yield server


@pytest.fixture(scope="session")
def catalog_dirs(fakeas: FakeAS, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Catalog folders whose endpoints are at the authorization server of this run."""
    folder = tmp_path_factory.mktemp("catalog")
    for path in (*CATALOG.glob("*.toml"), *(CATALOG / "seven").glob("*.toml")):
        text = path.read_text(encoding="utf-8").replace(DEMO_ADDRESS, fakeas.url)
        (folder / path.name).write_text(text, encoding="utf-8")
    return (folder,)


@pytest.fixture(scope="session")
def catalog(catalog_dirs: tuple[Path, ...]) -> dict[str, Provider]:
    """The providers whose endpoints are at the authorization server of this run."""
    from integrations.catalog import registry

    return registry.load(folders=catalog_dirs, loopback_http=True)


@pytest.fixture
def provider(fakeas: FakeAS, catalog: dict[str, Provider]) -> Iterator[FakeAS]:
    """The authorization server with nothing in it, and the catalog that leads to it."""
    from integrations.catalog import registry

    installed = registry.installed()
    registry.install(catalog)
    fakeas.reset(clients=True)
    yield fakeas
    registry.install(installed)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try a refresh again at once."""
    from django.apps import apps

    if apps.ready:
        from integrations import refresh

        monkeypatch.setattr(refresh, "UNSENT_PAUSES", ((0.0, 0.0),) * 2)
        monkeypatch.setattr(refresh, "UNSURE_PAUSES", ((0.0, 0.0),))


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that would leave this machine."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def checked(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host and not str(host).startswith(("127.", "::1", "/")):
            raise AssertionError(f"a test must not connect to {host}")
        connect(self, address)  # type: ignore[arg-type]

    def resolved(host: object, *args: object, **kwargs: object) -> object:
        name = host.decode() if isinstance(host, bytes) else str(host)
        local = name in {"localhost", "::1", "0.0.0.0"} or name.startswith("127.")
        if not local and not name.endswith(".localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "tests resolve loopback names only")
        return resolve(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", checked)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
