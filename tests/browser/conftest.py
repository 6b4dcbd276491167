"""One running stack and one Chromium for the browser tests of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.acme.site import AcmeSite
from tests.browser import stack as stacks
from tests.browser.chromium import start_chromium
from tests.browser.stack import Stack


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """Let Playwright's own pipes be: the browser resolves nothing but loopback names here."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The portal with its provider."""
    with stacks.running(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def clean_stack(stack: Stack) -> Stack:
    """The portal with a provider that behaves and has recorded nothing."""
    stack.provider.reset(clients=True)
    return stack


@pytest.fixture
def acme(clean_stack: Stack) -> Iterator[AcmeSite]:
    """The host page."""
    with clean_stack.acme() as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A Chromium that blocks third-party cookies."""
    with start_chromium(block_third_party_cookies=True) as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of the profile itself, without cookies of an earlier test."""
    context = chromium.contexts[0]
    context.clear_cookies()
    page = context.new_page()
    yield page
    for other in context.pages:
        if other.url != "about:blank":
            other.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where tests leave screenshots to look at."""
    folder = Path(__file__).resolve().parents[2] / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder
