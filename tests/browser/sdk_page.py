"""Acme CRM in Chromium, with the SDK loaded from a stub portal."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Frame, Locator, Page

from tests.acme import AcmeSite
from tests.browser.stub_portal import StubPortal

PROJECT = "0197b1f0-0000-7000-8000-0000000000aa"
SETTLE_SECONDS = 8
TRACK = """(call) => {
  window.outcome = {state: "pending"};
  call().then(
    (value) => { window.outcome = {state: "resolved", value}; },
    (error) => { window.outcome = {state: "rejected", code: error.code, message: error.message}; });
}"""

HEAR = """() => { window.overtaken = new Promise((done) =>
  addEventListener("message", ({data}) => data === "overtake" && setTimeout(done))); }"""


@dataclass(frozen=True)
class SdkPage:
    """An open host page, its portal and what the page's console said."""

    page: Page
    portal: StubPortal
    acme: AcmeSite
    console: list[str]

    def run(self, script: str) -> Any:
        """Evaluate an expression on the host page."""
        return self.page.evaluate(script)

    def begin(self, call: str) -> None:
        """Start a call of the SDK, such as `connect("gmail")`, and keep its outcome."""
        self.page.evaluate(f"({TRACK})(() => ConnectPortal.{call})")

    def open(self, call: str = 'connect("gmail")') -> Frame:
        """Start a call and wait for the portal's page."""
        self.begin(call)
        self.page.wait_for_selector(".cp-portal[data-state=ready]")
        return self.frame

    @property
    def dialog(self) -> Locator:
        """The SDK's element on the host page."""
        return self.page.locator(".cp-portal")

    @property
    def frame(self) -> Frame:
        """The portal's frame."""
        handle = self.page.query_selector(".cp-frame")
        frame = handle.content_frame() if handle else None
        assert frame, "the portal is not open"
        return frame

    @property
    def outcome(self) -> dict[str, Any]:
        """What became of the call so far."""
        found: dict[str, Any] = self.run("window.outcome")
        return found

    def say(self, kind: str, **more: object) -> None:
        """Let the portal's page send a message to the host."""
        self.frame.evaluate("([kind, more]) => say(kind, more)", [kind, more])

    def settled(self) -> dict[str, Any]:
        """Wait until the call resolves or rejects."""
        self.until(lambda: self.outcome["state"] != "pending")
        return self.outcome

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true; fail after eight seconds."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            self.page.wait_for_timeout(20)

    def stays_pending(self) -> bool:
        """Let messages and requests that came before arrive, then tell whether nothing happened."""
        self.page.evaluate(HEAR)
        # A message cannot overtake those that the same window sent before it.
        self.frame.evaluate("parent.postMessage('overtake', '*')")
        self.run("window.overtaken")
        for _ in range(2):
            self.run(f"fetch('{self.portal.origin}/api/v1/none').then((none) => none.text())")
        self.page.wait_for_timeout(50)
        return bool(self.outcome["state"] == "pending")


OpenPage = Callable[..., SdkPage]


@contextmanager
def visit(
    page: Page, *, portal: StubPortal, signing_key: str, policies: Mapping[str, str]
) -> Iterator[SdkPage]:
    """Open the site in this tab, with `coop`, `referrer_policy` or `csp` as policies."""
    site = AcmeSite(
        portal=portal.origin,
        project=PROJECT,
        signing_key=signing_key,
        kid="k1",
        coop=policies.get("coop"),
        referrer_policy=policies.get("referrer_policy"),
        csp=policies.get("csp"),
    )
    console: list[str] = []

    def said(message: ConsoleMessage) -> None:
        console.append(message.text)

    def thrown(error: Error) -> None:
        console.append(f"uncaught: {error}")

    page.on("console", said)
    page.on("pageerror", thrown)
    with site:
        page.goto(site.origin)
        page.wait_for_selector(".card")
        yield SdkPage(page, portal, site, console)
    page.remove_listener("console", said)
    page.remove_listener("pageerror", thrown)
