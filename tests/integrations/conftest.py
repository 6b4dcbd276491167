"""What tests of the domain share: a receiver of webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.receiver import Receiver


@pytest.fixture(scope="session")
def _receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def receiver(_receiver: Receiver) -> Receiver:
    """A receiver that has seen nothing yet."""
    _receiver.reset()
    return _receiver
