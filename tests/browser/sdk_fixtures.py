"""Fixtures of the SDK's tests, a plugin: a stub portal, and Acme CRM in Chromium."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Browser

from tests.browser.chromium import Tab
from tests.browser.sdk_page import OpenPage, SdkPage, visit
from tests.browser.stub_portal import StubPortal


@pytest.fixture(scope="session")
def signing_key() -> str:
    """Make an RS256 key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def portal() -> Iterator[StubPortal]:
    """A stub portal; set its state before the page opens."""
    with StubPortal() as stub:
        yield stub


@pytest.fixture
def open_page(tab: Tab, portal: StubPortal, signing_key: str) -> Iterator[OpenPage]:
    """Open Acme CRM with other headers than its usual ones."""
    with ExitStack() as stack:
        yield lambda **policies: stack.enter_context(
            visit(tab.fresh(), portal=portal, signing_key=signing_key, policies=policies)
        )


@pytest.fixture
def timed(chromium: Browser, portal: StubPortal, signing_key: str) -> Iterator[SdkPage]:
    """Acme CRM in a context whose clock the test turns."""
    context = chromium.new_context()
    context.clock.install()
    with visit(context.new_page(), portal=portal, signing_key=signing_key, policies={}) as sdk:
        yield sdk
    context.close()


@pytest.fixture
def sdk(open_page: OpenPage) -> SdkPage:
    """Acme CRM with its strict policy, Dana authenticated."""
    return open_page()
