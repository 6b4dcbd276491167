"""A person at the host page with the portal in its iframe and the provider in a popup."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Frame, FrameLocator, Page, expect

from tests.acme.site import AcmeSite

PORTAL = "iframe.cp-frame"


@dataclass
class Person:
    """Somebody who uses Acme CRM."""

    page: Page
    site: AcmeSite

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

    def arrive(self, user: str = "dana") -> None:
        """Open the host page."""
        self.page.goto(f"{self.site.origin}/?user={user}")

    def connect(self, integration: str = "demo-mail") -> None:
        """Press Connect beside an integration."""
        self.page.locator(f"[data-integration={integration}] [data-action=connect]").click()

    def choose_own_app(self) -> None:
        """Choose the own app and go on."""
        self.portal.get_by_text("Use your own app", exact=True).click()
        self.press("Continue")

    def enter(self, *, client_id: str = "fake_ok", secret: str = "fake-secret") -> None:
        """Fill in the own-client form and save it."""
        self.portal.locator("#client_id").fill(client_id)
        self.portal.locator("input[name=client_secret]").fill(secret)
        self.press("Save and continue")

    def press(self, name: str) -> None:
        """Press a button of the portal by its words."""
        self.portal.get_by_role("button", name=name).first.click()

    def go_on(self) -> Page:
        """Press Continue and return the provider's window."""
        button = self.portal.locator("form[action='/oauth/start'] button").first
        expect(button).to_be_visible()
        with self.page.context.expect_page() as opened:
            button.click()
        opened.value.wait_for_load_state()
        return opened.value

    def allow(self, window: Page) -> None:
        """Approve in the provider's window."""
        window.locator("#allow").click()

    def log(self) -> str:
        """Return what the host page's event log says."""
        return self.page.locator("#log").inner_text()
