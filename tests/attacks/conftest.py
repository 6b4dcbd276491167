"""One running portal for all attacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks import arena as arenas
from tests.attacks.arena import Arena
from tests.attacks.names import Names
from tests.attacks.visit import Visit, prepared, somebody


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """The portal, started once."""
    with arenas.running(tmp_path_factory.mktemp("arena")) as found:
        yield found


@pytest.fixture
def arena(running: Arena) -> Arena:
    """The portal, before a provider that behaves and has recorded nothing."""
    running.provider.reset(clients=True)
    running.answers.clear()
    return running


@pytest.fixture(scope="session")
def running_abroad(running: Arena) -> Iterator[tuple[Arena, Names]]:
    """The portal as in production, started once."""
    with arenas.abroad(running) as found:
        yield found


@pytest.fixture
def abroad(running_abroad: tuple[Arena, Names], arena: Arena) -> Arena:
    """The portal as in production, over the same database."""
    running_abroad[0].answers.clear()
    return running_abroad[0]


@pytest.fixture
def names(running_abroad: tuple[Arena, Names]) -> Names:
    """What names resolve to there."""
    return running_abroad[1]


@pytest.fixture
def victim(arena: Arena) -> Visit:
    """Somebody one click before the provider."""
    return prepared(arena)


@pytest.fixture
def mallory(arena: Arena) -> Visit:
    """A legitimate end user of the same vendor, one click before the provider."""
    return prepared(arena)


@pytest.fixture
def bob(arena: Arena) -> Visit:
    """Somebody with a browser and no visit."""
    return somebody(arena)
