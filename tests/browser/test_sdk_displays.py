"""Where the portal appears: a window, this tab, a page that may send no forms; and the way back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import PORTAL, SOON, Person
from tests.browser.test_popups import BLOCKER

OWN = "user-configured-oauth"
KEEP = """(options) => { window.outcome = "pending";
  ConnectPortal.connect("demo-mail", options).then(
    ({ credential }) => { outcome = credential.status; }, ({ code }) => { outcome = code; }); }"""


def begins(person: Person, **options: object) -> None:
    """Call connect() with these options and keep what becomes of it."""
    person.page.evaluate(KEEP, {"accountType": "default", **options})


def ends(person: Person, outcome: str) -> None:
    """Wait until the call has this outcome."""
    script = "(wanted) => window.outcome === wanted"
    person.page.wait_for_function(script, arg=outcome, timeout=SOON)


def window_of(person: Person, **options: object) -> Page:
    """Open the portal in a window of its own and return it."""
    with person.page.context.expect_page() as opened:
        begins(person, display="window", **options)
    window: Page = opened.value
    expect(window.locator("h1")).to_have_text("Ready to connect Demo Mail")
    return window


def test_a_window_of_its_own_ends_with_the_connection(dana):
    window = window_of(dana)
    assert window.url.endswith("/portal/")
    window.get_by_role("button", name="Continue to").click()
    window.locator("#allow").click()
    ends(dana, "VALID")
    dana.hears("onPortalOpen", "onIntegrationInstall", "onPortalClose")
    assert dana.page.locator(PORTAL).count() == 0


def test_closing_the_window_is_cancelling(dana):
    window = window_of(dana)
    dana.page.wait_for_timeout(1_200)
    window.close()
    ends(dana, "cancelled")


@pytest.mark.parametrize("policy", ["same-origin"])
def test_a_host_that_isolates_itself_hears_of_the_window_too(page, open_host, user, policy):
    person = Person(page, open_host(coop=policy), user)
    person.arrive()
    window = window_of(person)
    page.wait_for_timeout(1_200)
    assert page.evaluate("outcome") == "pending"
    window.get_by_role("button", name="Continue to").click()
    window.locator("#deny").click()
    ends(person, "access_denied")


def test_this_tab_leaves_and_comes_back_with_the_result(dana, acme):
    begins(dana, display="redirect", returnUrl=f"{acme.origin}/return")
    expect(dana.page.locator("h1")).to_have_text("Ready to connect Demo Mail")
    dana.page.get_by_role("button", name="Continue to").click()
    dana.page.locator("#allow").click()
    dana.page.get_by_role("link", name="Continue").click()
    dana.page.get_by_role("link", name="Back to Acme CRM").first.click()
    expect(dana.page).to_have_url(f"{acme.origin}/return")
    dana.arrive()
    dana.hears("onIntegrationInstall")
    status = "ConnectPortal.resume().then((event) => event.credential.status)"
    assert dana.page.evaluate(status) == "VALID"
    assert dana.page.evaluate("sessionStorage.length") == 0


def test_a_return_url_that_is_not_registered_is_refused_before_leaving(dana, acme):
    begins(dana, display="redirect", returnUrl=f"{acme.origin}/elsewhere")
    ends(dana, "return_url_not_allowed")
    assert dana.page.url.startswith(acme.origin)


def test_going_on_in_this_tab_does_not_lose_the_result(profile, acme, user, clean_stack):
    dana = Person(profile.new_page(), acme, user)
    dana.page.add_init_script(BLOCKER)
    dana.arrive()
    dana.connect(account_type="default")
    dana.press("Continue to")
    dana.press("Continue in this tab")
    dana.page.locator("#allow").click()
    expect(dana.page.locator("h1")).to_have_text("Demo Mail is connected", timeout=SOON)
    dana.page.get_by_role("link", name="Back to Acme CRM").click()
    dana.hears("onIntegrationInstall")


def test_a_page_that_comes_back_without_approval_is_told(profile, acme, user, clean_stack):
    dana = Person(profile.new_page(), acme, user)
    dana.page.add_init_script(BLOCKER)
    dana.arrive()
    dana.connect(account_type="default")
    dana.press("Continue to")
    dana.press("Continue in this tab")
    dana.page.locator("#deny").click()
    expect(dana.page.locator("h1")).to_have_text("Demo Mail is not connected", timeout=SOON)
    dana.page.get_by_role("link", name="Back to Acme CRM").click()
    expect(dana.page.locator("[data-integration]").first).to_be_visible()
    code = "ConnectPortal.resume().catch((error) => error.code)"
    assert dana.page.evaluate(code) == "access_denied"


def test_a_page_that_may_send_no_forms_still_opens_the_portal(
    page, open_host, user, complaints, clean_stack
):
    portal = clean_stack.base_url
    site = open_host(csp=f"frame-src {portal}; form-action 'self'; connect-src 'self' {portal}")
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    person = Person(page, site, user)
    person.arrive()
    person.connects()
    person.hears("onIntegrationInstall")
    advice = f"Add {portal} to form-action in this page's Content-Security-Policy."
    assert f"Connect Portal: {advice}" in console
    complaints.clear()


def test_what_is_left_to_choose_may_wait(dana, clean_stack):
    dana.page.evaluate(
        KEEP.replace("demo-mail", "jira"), {"accountType": OWN, "bypassPostOAuthPrompt": True}
    )
    address = dana.portal.locator("#redirect_uri").input_value()
    app = clean_stack.provider.register_client("jira", redirect_uris=[address])
    dana.enter(client_id=app.client_id, secret=app.client_secret)
    dana.allow(dana.go_on())
    ends(dana, "PENDING")
    assert dana.page.locator(PORTAL).count() == 0
    (connection,) = dana.connections(clean_stack)
    assert connection["status"] == "PENDING"
    dana.shut_windows()
