"""The portal as a page of its own, with JavaScript switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.portal import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(chromium, acme, user) -> Page:
    """A browser without JavaScript, signed in to the host page."""
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{acme.origin}/?user={user.key}")
    yield page
    context.close()


@pytest.fixture
def colleague(chromium) -> Page:
    """Somebody else's browser, without JavaScript as well."""
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def portal(plain) -> Page:
    """The portal in place of the host page, at the picker."""
    plain.get_by_role("link", name="Open the portal as a page of its own").click()
    plain.get_by_label("Integration").select_option("demo-mail")
    plain.get_by_role("button", name="Connect").click()
    expect(plain.locator("h1")).to_have_text("Connect Demo Mail to Acme CRM")
    return plain


@pytest.fixture
def ready(portal) -> Page:
    """The portal, one click before the provider."""
    choose_own_app(portal)
    enter(portal, "fake_ok")
    expect(portal.locator("h1")).to_have_text("Ready to connect Demo Mail")
    return portal


def press(page: Page, name: str) -> None:
    """Press a button by its words."""
    page.get_by_role("button", name=name).first.click()


def choose_own_app(page: Page) -> None:
    """Choose the own app in the picker."""
    page.get_by_text("Use your own app").click()
    press(page, "Continue")


def enter(page: Page, client_id: str) -> None:
    """Send the own-client form."""
    page.locator("#client_id").fill(client_id)
    page.locator("#client_secret").fill("fake-secret")
    press(page, "Save and continue")


def test_it_connects_and_returns_to_the_host_page(ready, acme, user, clean_stack):
    press(ready, "Continue to Demo Mail")
    ready.locator("#allow").click()
    expect(ready.locator("h1")).to_have_text("Demo Mail is connected")
    ready.get_by_role("link", name="Continue").click()
    expect(ready.locator("h1")).to_have_text("Demo Mail is connected")
    expect(ready.locator("dl.facts")).to_contain_text("alice@example.test")
    ready.get_by_role("link", name="Back to Acme CRM").click()
    expect(ready.locator("h1")).to_have_text("Back at Acme CRM")
    (connection,) = Person(ready, acme, user).connections(clean_stack)
    assert (connection["status"], connection["account_type"]) == ("VALID", "user-configured-oauth")


def test_a_colleague_enters_the_app_by_a_link(portal, colleague):
    choose_own_app(portal)
    portal.locator("form[action='/portal/hand-off'] button").first.click()
    expect(portal.locator("h1")).to_have_text("Send this link to your colleague")
    colleague.goto(portal.locator("#hand_off_link").input_value())
    press(colleague, "Continue")
    colleague.locator("#client_id").fill("fake_ok")
    colleague.locator("#client_secret").fill("fake-secret")
    colleague.get_by_role("button", name="Save", exact=True).click()
    expect(colleague.locator("h1")).to_contain_text("Dana Reyes can go on now")
    press(portal, "Check again")
    expect(portal.locator("h1")).to_have_text("Ready to connect Demo Mail")
    press(portal, "Continue to Demo Mail")
    portal.locator("#allow").click()
    portal.get_by_role("link", name="Continue").click()
    expect(portal.locator("h1")).to_have_text("Demo Mail is connected")
    press(portal, "See all connections")
    press(portal, "Activity")
    expect(portal.locator("dl.facts")).to_contain_text("The app was set up through the link.")


def test_what_needs_a_script_is_not_shown(portal):
    choose_own_app(portal)
    assert portal.locator(".scripted").count() > 0
    for control in portal.locator(".scripted").all():
        assert not control.is_visible()
    assert portal.locator("[name=handle]").count() == 0


def test_errors_stand_above_the_form_and_what_was_typed_stays(portal):
    choose_own_app(portal)
    portal.locator("#client_id").fill("typed-id")
    press(portal, "Save and continue")
    expect(portal.locator("#errors")).to_contain_text("needs your attention")
    expect(portal.locator("#client_id")).to_have_value("typed-id")
    portal.locator("#errors a").first.click()
    assert portal.url.endswith("#client_secret")


def test_a_refusal_is_explained_and_can_be_tried_again(ready):
    press(ready, "Continue to Demo Mail")
    ready.locator("#deny").click()
    expect(ready.locator("h1")).to_have_text("Demo Mail is not connected")
    ready.get_by_role("link", name="Continue").click()
    expect(ready.locator("#failure")).to_contain_text("access was declined")
    press(ready, "Continue to Demo Mail")
    ready.locator("#allow").click()
    expect(ready.locator("h1")).to_have_text("Demo Mail is connected")


def test_the_waiting_page_can_be_asked_again(ready, clean_stack):
    press(ready, "Continue to Demo Mail")
    expect(ready.locator("#allow")).to_be_visible()
    ready.goto(f"{clean_stack.base_url}/portal/")
    expect(ready.locator("h1")).to_have_text("Waiting for Demo Mail")
    press(ready, "Check again")
    expect(ready.locator("h1")).to_have_text("Waiting for Demo Mail")
    press(ready, "Open again")
    ready.locator("#allow").click()
    ready.goto(f"{clean_stack.base_url}/portal/")
    expect(ready.locator("h1")).to_have_text("Demo Mail is connected")


def test_a_step_reached_by_its_address_shows_where_the_visit_stands(ready, clean_stack):
    for path in ("account-type", "options", "manage", "flow/status"):
        ready.goto(f"{clean_stack.base_url}/portal/{path}")
        expect(ready.locator("h1")).to_have_text("Ready to connect Demo Mail")


def test_going_back_and_cancelling_work(ready):
    press(ready, "Back")
    expect(ready.locator("#client_id")).to_have_value("fake_ok")
    press(ready, "Back")
    expect(ready.get_by_label("Use your own app")).to_be_checked()
    press(ready, "Cancel")
    expect(ready.locator("h1")).to_have_text("Nothing was connected")
    press(ready, "Start again")
    expect(ready.locator("h1")).to_have_text("Connect Demo Mail to Acme CRM")


def test_connections_can_be_seen_and_ended(ready, acme, user, clean_stack):
    press(ready, "Continue to Demo Mail")
    ready.locator("#allow").click()
    ready.get_by_role("link", name="Continue").click()
    press(ready, "See all connections")
    press(ready, "Disconnect")
    press(ready, "Disconnect Demo Mail")
    expect(ready.locator(".notice.good")).to_contain_text("Demo Mail is disconnected")
    (ending,) = Person(ready, acme, user).connections(clean_stack)
    assert ending["status"] == "DISCONNECTING"
