"""The whole way with Tab, Enter and Space; focus is always where the news is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.portal import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def keys(dana) -> Keys:
    """Dana's keyboard, with the portal open."""
    dana.page.locator("[data-integration=demo-mail] [data-action=connect]").focus()
    dana.page.keyboard.press("Enter")
    expect(dana.title).to_be_visible()
    return Keys(dana)


class Keys:
    """A person who uses no pointer."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.page = person.page

    def to(self, selector: str, *, of: Page | Frame | None = None) -> None:
        """Press Tab until an element has the focus."""
        where = of or self.person.frame
        page = of if isinstance(of, Page) else self.page
        here = f"document.activeElement?.matches({selector!r})"
        for _ in range(40):
            if where.evaluate(here):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reachable by Tab")

    def press(self, key: str, *more: str) -> None:
        """Press keys one after the other."""
        for each in (key, *more):
            self.page.keyboard.press(each)

    def leaves(self) -> Page:
        """Press the button that opens the provider's window, and return that window."""
        self.to("form[action='/oauth/start'] button")
        with self.page.context.expect_page() as opened:
            self.press("Enter")
        expect(opened.value.locator("#allow")).to_be_visible()
        return opened.value

    def reads(self, title: str) -> None:
        """The heading says this and has the focus."""
        expect(self.person.title).to_have_text(title, timeout=10_000)
        expect(self.person.title).to_be_focused()

    def enter(self, selector: str, text: str) -> None:
        """Go to a field and type into it."""
        self.to(selector)
        self.page.keyboard.type(text)


def test_it_connects_without_a_pointer(keys):
    keys.to("[name=account_type]")
    keys.press("ArrowDown")
    expect(keys.person.portal.get_by_label("Use your own app")).to_be_checked()
    keys.press("Enter")
    keys.reads("Set up your own Demo Mail app")
    keys.enter("#client_id", "fake_ok")
    keys.enter("#client_secret", "fake-secret")
    keys.press("Enter")
    keys.reads("Ready to connect Demo Mail")
    window = keys.leaves()
    keys.to("#allow", of=window)
    window.keyboard.press("Space")
    expect(keys.person.title).to_have_text("Demo Mail is connected", timeout=10_000)
    window.close()
    keys.reads("Demo Mail is connected")
    keys.to("[data-portal-close]")
    keys.press("Enter")
    expect(keys.page.locator("iframe.cp-frame")).to_have_count(0)


def test_a_colleague_enters_the_app_and_nobody_uses_a_pointer(keys, other_browser):
    keys.to("[name=account_type]")
    keys.press("ArrowDown", "Enter")
    keys.reads("Set up your own Demo Mail app")
    keys.to("form[action='/portal/hand-off'] button")
    keys.press("Enter")
    keys.reads("Send this link to your colleague")
    keys.to("#hand_off_link")
    colleague = Keys(Person(other_browser, keys.person.site, keys.person.user))
    other_browser.goto(keys.person.portal.locator("#hand_off_link").input_value())
    colleague.to("form button", of=other_browser)
    colleague.press("Enter")
    expect(other_browser.locator("#client_id")).to_be_visible()
    for selector, text in (("#client_id", "fake_ok"), ("#client_secret", "fake-secret")):
        colleague.to(selector, of=other_browser)
        other_browser.keyboard.type(text)
    colleague.press("Enter")
    expect(other_browser.locator("h1")).to_contain_text("Dana Reyes can go on now")
    keys.page.bring_to_front()
    keys.to("button[form=poller]")
    keys.press("Enter")
    keys.reads("Ready to connect Demo Mail")
    window = keys.leaves()
    keys.to("#allow", of=window)
    window.keyboard.press("Space")
    expect(keys.person.title).to_have_text("Demo Mail is connected", timeout=10_000)
    window.close()
    keys.to("form[action='/portal/manage'] button")
    keys.press("Enter")
    keys.reads("Your connections")
    keys.to("form[action='/portal/activity'] button")
    keys.press("Enter")
    keys.reads("Activity of Demo Mail")
    told = keys.person.portal.locator("dl.facts")
    expect(told).to_contain_text("The app was set up through the link.")
    expect(told).to_contain_text("By a colleague")


def test_errors_take_the_focus_and_lead_to_their_fields(keys):
    keys.to("[name=account_type]")
    keys.press("ArrowDown", "Enter")
    keys.reads("Set up your own Demo Mail app")
    keys.to("#client_id")
    keys.press("Enter")
    errors = keys.person.portal.locator("#errors")
    expect(errors).to_be_focused()
    keys.press("Tab")
    expect(errors.get_by_role("link").first).to_be_focused()
    keys.press("Enter")
    expect(keys.person.portal.locator("#client_id")).to_be_focused()


def test_details_and_permissions_open_with_the_keyboard(keys):
    keys.to("[name=account_type]")
    keys.press("ArrowDown", "Enter")
    keys.reads("Set up your own Demo Mail app")
    keys.to("details.scopes summary")
    keys.press("Enter", "Tab")
    count = keys.person.portal.locator("[data-scope-count]")
    expect(count).to_have_text("3")
    keys.to("[name=scope][value='mail.send']")
    keys.press("Space")
    expect(keys.person.portal.locator("[value='mail.send']")).to_be_checked()
    expect(count).to_have_text("4")


def test_the_waiting_heading_takes_the_focus_and_escape_closes(keys):
    keys.to("[name=account_type]")
    keys.press("Space", "Enter")
    keys.reads("Ready to connect Demo Mail")
    keys.to("form[action='/oauth/start'] button")
    with keys.page.context.expect_page() as opened:
        keys.press("Space")
    opened.value.close()
    keys.reads("Waiting for Demo Mail")
    keys.page.locator(".cp-bar button").focus()
    keys.press("Escape")
    expect(keys.page.locator("iframe.cp-frame")).to_have_count(0)
    expect(keys.page.locator("[data-integration=demo-mail] [data-action=connect]")).to_be_focused()
