"""No window opens for the provider, or it takes the host page's place: people still get on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import listening
from tests.browser.portal import SOON, START, Person

pytestmark = pytest.mark.browser

# Chromium itself keeps windows shut for a frame that lacks allow-popups.
BLOCKER = """{
  const make = Document.prototype.createElement;
  Document.prototype.createElement = function (name, ...more) {
    const made = make.call(this, name, ...more);
    if (name === "iframe")
      made.sandbox = "allow-scripts allow-forms allow-same-origin allow-top-navigation";
    return made;
  };
}"""
# What a browser that knows one window makes of a form for another.
ONE_WINDOW = """addEventListener("submit", ({ target }) => {
  if (target.target.startsWith("cp-")) target.target = "_top";
}, true)"""


@pytest.fixture
def phone(chromium, complaints) -> Iterator[Page]:
    """The browser inside an app on a phone, which has one window."""
    context = chromium.new_context(**PHONE)
    with listening(context, complaints):
        page = context.new_page()
        page.add_init_script(ONE_WINDOW)
        yield page
        context.close()


@pytest.fixture
def blocked(profile, acme, user) -> Person:
    """Dana, whose browser opens no window, after she pressed Continue."""
    # A tab of its own, because a script that was added to one stays.
    page = profile.new_page()
    page.add_init_script(BLOCKER)
    dana = Person(page, acme, user)
    ready(dana)
    dana.press("Continue to")
    expect(dana.title).to_have_text("Waiting for Demo Mail")
    return dana


def ready(person: Person) -> None:
    """Come to the button that opens the provider."""
    person.arrive()
    person.connect(account_type="default")
    expect(person.title).to_have_text("Ready to connect Demo Mail")


def back_at_acme(person: Person, *, badge: str = "Connected") -> None:
    """Press the button of the last page and find the host page up to date."""
    person.page.get_by_role("link", name="Back to Acme CRM").click()
    expect(person.page).to_have_url(f"{person.site.origin}/", timeout=SOON)
    card = person.page.locator("[data-integration=demo-mail]")
    expect(card.locator(".badge")).to_have_text(badge)


def test_a_blocked_window_leaves_a_way_on_in_the_same_tab(blocked, clean_stack):
    assert len(clean_stack.provider.requests("authorization")) == 0
    blocked.press("Continue in this tab")
    blocked.page.locator("#allow").click()
    expect(blocked.page.locator("h1")).to_have_text("Demo Mail is connected", timeout=SOON)
    back_at_acme(blocked)
    (connection,) = blocked.connections(clean_stack)
    assert connection["status"] == "VALID"


def test_the_way_on_is_there_to_be_seen_and_reached_by_key(blocked):
    way = blocked.portal.get_by_role("button", name="Continue in this tab")
    expect(way).to_be_in_viewport()
    way.focus()
    blocked.page.keyboard.press("Enter")
    expect(blocked.page.locator("#allow")).to_be_visible()


def test_opening_again_is_blocked_as_well_and_checking_says_so(blocked, clean_stack):
    blocked.press("Open again")
    blocked.press("Check again")
    expect(blocked.portal.locator("#trouble")).to_contain_text("Nothing has come back yet")
    assert clean_stack.provider.count("authorization") == 0


def test_without_a_window_nothing_is_connected(blocked, clean_stack):
    blocked.close()
    blocked.hears("cancelled")
    assert blocked.connections(clean_stack) == []


def test_a_window_that_takes_the_tab_ends_with_the_way_back(phone, acme, user, clean_stack):
    person = Person(phone, acme, user)
    ready(person)
    person.portal.locator(START).first.click()
    phone.locator("#allow").click()
    expect(phone.locator("h1")).to_have_text("Demo Mail is connected", timeout=SOON)
    assert phone.evaluate("opener === null && parent === window")
    back_at_acme(person)
    (connection,) = person.connections(clean_stack)
    assert connection["status"] == "VALID"


def test_a_refusal_in_the_same_tab_leads_back_too(phone, acme, user, clean_stack):
    person = Person(phone, acme, user)
    ready(person)
    person.portal.locator(START).first.click()
    phone.locator("#deny").click()
    expect(phone.locator("h1")).to_have_text("Demo Mail is not connected", timeout=SOON)
    phone.get_by_role("link", name="Back to Acme CRM").click()
    person.connect(account_type="default")
    expect(person.portal.locator("#failure")).to_contain_text("access was declined")


def test_a_window_of_its_own_shows_no_second_host_page(dana, clean_stack):
    dana.connect(account_type="default")
    window = dana.go_on()
    dana.deny(window)
    expect(window.locator("h1")).to_have_text("Demo Mail is not connected", timeout=SOON)
    assert window.evaluate("opener !== null")
    expect(window.get_by_role("link", name="Back to Acme CRM")).to_be_hidden()
    dana.shut_windows()


def test_the_way_back_leads_nowhere_once_the_page_is_not_registered(phone, acme, user, clean_stack):
    person = Person(phone, acme, user)
    ready(person)
    person.portal.locator(START).first.click()
    expect(phone.locator("#allow")).to_be_visible()
    known = "UPDATE integrations_allowedorigin SET origin = ? WHERE origin = ?"
    assert clean_stack.execute(known, "https://elsewhere.example", acme.origin) == 1
    try:
        phone.locator("#deny").click()
        expect(phone.locator("h1")).to_have_text("Demo Mail is not connected", timeout=SOON)
        assert phone.get_by_role("link", name="Back to Acme CRM").count() == 0
    finally:
        clean_stack.execute(known, acme.origin, "https://elsewhere.example")
