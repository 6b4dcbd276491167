"""Fixtures: one server for the session, clean before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakeas.server import FakeAS


@pytest.fixture(scope="session")
def running() -> Iterator[FakeAS]:
    """Run one server for all tests."""
    with FakeAS() as server:
        yield server


@pytest.fixture
def provider(running: FakeAS) -> FakeAS:
    """Return the server without modes, tokens, clients and journal."""
    running.reset(clients=True)
    return running
