"""A person at the host page with the portal in its iframe and the provider in a popup."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Frame, FrameLocator, Locator, Page, expect

from tests.acme.site import AcmeSite
from tests.acme.users import AcmeUser
from tests.browser.stack import Stack

PORTAL = "iframe.cp-frame"
SOON = 10_000
START = "form[action='/oauth/start'] button"


@dataclass
class Person:
    """Somebody who uses Acme CRM, known to nobody before."""

    page: Page
    site: AcmeSite
    user: AcmeUser
    windows: list[Page] = field(default_factory=list)

    @property
    def portal(self) -> FrameLocator:
        """The portal inside the host page."""
        return self.page.frame_locator(PORTAL)

    @property
    def frame(self) -> Frame:
        """The portal's frame itself."""
        handle = self.page.wait_for_selector(PORTAL)
        frame = handle.content_frame() if handle else None
        assert frame, "the portal is not open"
        return frame

    @property
    def title(self) -> Locator:
        """The portal's heading."""
        return self.portal.locator("h1")

    def in_another_tab(self) -> Person:
        """Open the host page once more, in the same browser."""
        other = Person(self.page.context.new_page(), self.site, self.user)
        other.arrive()
        return other

    def arrive(self) -> None:
        """Open the host page and see what is offered there."""
        self.page.goto(f"{self.site.origin}/?user={self.user.key}")
        expect(self.page.locator("[data-integration]").first).to_be_visible()

    def connect(self, integration: str = "demo-mail", *, account_type: str = "") -> None:
        """Press Connect beside an integration; the host may name one account type."""
        if account_type:
            self.page.locator("#account-type").select_option(account_type)
        self.page.locator(f"[data-integration={integration}] [data-action=connect]").click()
        expect(self.title).to_be_visible()

    def manage(self, integration: str = "demo-mail") -> None:
        """Press Manage beside an integration."""
        self.page.locator(f"[data-integration={integration}] [data-action=manage]").click()
        expect(self.title).to_have_text("Your connections")

    def close(self) -> None:
        """Close the portal by the host's own button."""
        self.page.locator(".cp-bar button").click()
        expect(self.page.locator(PORTAL)).to_have_count(0)

    def choose_own_app(self) -> None:
        """Choose the own app and go on."""
        self.portal.get_by_text("Use your own app", exact=True).click()
        self.press("Continue")

    def enter(self, *, client_id: str = "fake_ok", secret: str = "fake-secret") -> None:
        """Fill in the own-client form and save it."""
        self.portal.locator("#client_id").fill(client_id)
        saved = self.portal.locator("details.replace:not([open]) summary")
        if saved.count():
            saved.click()
        self.portal.locator("input[name=client_secret]").fill(secret)
        self.press("Save and continue")

    def keeps_the_saved_app(self) -> None:
        """Go on with the app whose secret is stored already."""
        expect(self.portal.locator(".saved")).to_contain_text("Saved")
        self.press("Save and continue")

    def press(self, name: str) -> None:
        """Press a button of the portal by its words."""
        self.portal.get_by_role("button", name=name).first.click()

    def go_on(self, name: str = "Continue to") -> Page:
        """Press the button that opens the provider and return the provider's window."""
        with self.page.context.expect_page() as opened:
            self.press(name)
        window: Page = opened.value
        expect(window.locator(".brand")).to_be_visible()
        self.windows.append(window)
        return window

    def allow(self, window: Page) -> None:
        """Approve in the provider's window."""
        window.locator("#allow").click()

    def deny(self, window: Page) -> None:
        """Decline in the provider's window."""
        window.locator("#deny").click()

    def sees_connected(self) -> None:
        """See in the portal that it worked, whether a message or a poll brought the news."""
        expect(self.title).to_have_text("Demo Mail is connected", timeout=SOON)
        self.shut_windows()

    def shut_windows(self) -> None:
        """Close the provider's windows that are still open, as people do at the end."""
        for window in self.windows:
            window.close()
        self.windows.clear()

    def connects(self, **own: str) -> None:
        """Connect Demo Mail with an own app, from the host page to the last screen."""
        self.connect(account_type="user-configured-oauth")
        self.enter(**own)
        self.allow(self.go_on())
        self.sees_connected()

    def hears(self, *words: str) -> None:
        """See these words in the host page's event log."""
        for each in words:
            expect(self.page.locator("#log")).to_contain_text(each, timeout=SOON)

    def connections(self, stack: Stack) -> list[dict[str, Any]]:
        """Ask the vendor API what this person has connected."""
        answer = stack.api("GET", f"/api/v1/connections?user={self.user.subject}")
        assert answer.status == 200
        found: list[dict[str, Any]] = answer.data["connections"]
        return found
