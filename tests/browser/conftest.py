"""One running stack and one Chromium for the browser tests of a run."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect

from tests.acme import users
from tests.acme.site import AcmeSite
from tests.acme.users import AcmeUser
from tests.browser import stack as stacks
from tests.browser.chromium import Tab, start_chromium
from tests.browser.portal import Person
from tests.browser.stack import Stack

POLICY = re.compile(r"Content[ -]Security[ -]Policy|Uncaught", re.IGNORECASE)
PATIENCE = 8_000
# A busy machine is late, not wrong: waiting longer costs a passing test nothing.
expect.set_options(timeout=15_000)
OpenHost = Callable[..., AcmeSite]


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


@pytest.fixture(scope="session")
def usual_host(stack: Stack) -> Iterator[AcmeSite]:
    """The host page as it is."""
    with stack.acme() as site:
        yield site


@pytest.fixture
def acme(usual_host: AcmeSite, clean_stack: Stack) -> AcmeSite:
    """The host page, before a provider that behaves."""
    return usual_host


@pytest.fixture
def open_host(clean_stack: Stack) -> Iterator[OpenHost]:
    """Serve another host page, with headers of the test's choice."""
    with ExitStack() as sites:
        yield lambda **headers: sites.enter_context(clean_stack.acme(**headers))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A Chromium that blocks third-party cookies."""
    with start_chromium(block_third_party_cookies=True) as browser:
        yield browser


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser held against our pages; a test takes out what it provoked."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture(scope="session")
def tab(chromium: Browser) -> Tab:
    """The tab that most tests use one after the other."""
    return Tab(chromium)


@pytest.fixture
def profile(chromium: Browser, tab: Tab, complaints: list[str]) -> Iterator[BrowserContext]:
    """The browser's own profile, without cookies of an earlier test."""
    context = chromium.contexts[0]
    context.clear_cookies()
    with listening(context, complaints):
        yield context
        tab.tidy()


@pytest.fixture
def page(profile: BrowserContext, tab: Tab) -> Page:
    """A page of the profile itself."""
    return tab.fresh()


@pytest.fixture
def other_browser(chromium: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page that shares nothing with the profile, as in somebody else's browser."""
    context = chromium.new_context()
    with listening(context, complaints):
        yield context.new_page()
        context.close()


@pytest.fixture
def user() -> Iterator[AcmeUser]:
    """A user of Acme CRM whom the portal has not seen yet."""
    with somebody_new() as made:
        yield made


@contextmanager
def somebody_new() -> Iterator[AcmeUser]:
    """Sign somebody up at Acme CRM for a while."""
    name = uuid.uuid4().hex[:12]
    made = AcmeUser(
        key=name,
        subject=f"user-{name}",
        name="Dana Reyes",
        email=f"{name}@northwind.example",
        organization=f"org-{name}",
        organization_admin=True,
    )
    users.USERS[name] = made
    yield made
    del users.USERS[name]


@pytest.fixture
def dana(page: Page, acme: AcmeSite, user: AcmeUser) -> Person:
    """That user, at the host page."""
    person = Person(page, acme, user)
    person.arrive()
    return person


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where tests leave screenshots to look at."""
    folder = Path(__file__).resolve().parents[2] / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder


class listening:
    """Note violations of a policy and uncaught exceptions on every page of a context."""

    def __init__(self, context: BrowserContext, complaints: list[str]) -> None:
        self.context, self.complaints = context, complaints

    def __enter__(self) -> None:
        self.context.set_default_timeout(PATIENCE)
        self.context.on("console", self._console)
        self.context.on("weberror", self._error)

    def __exit__(self, *failure: object) -> None:
        self.context.remove_listener("console", self._console)
        self.context.remove_listener("weberror", self._error)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and POLICY.search(message.text):
            self.complaints.append(f"{message.text} {message.location['url']}")

    def _error(self, error: object) -> None:
        self.complaints.append(str(getattr(error, "error", Error("unknown"))))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder: all of it needs Chromium."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.browser)
