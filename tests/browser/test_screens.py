"""Every screen, light and dark, wide and narrow: it fits, and axe finds nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from portal.pages.rendering import context
from tests.browser.portal import Person
from tests.browser.screens import Gallery
from tests.gallery.samples import samples

pytestmark = pytest.mark.browser

OWN = "user-configured-oauth"


@pytest.fixture
def gallery(pictures):
    """Collect problems of all screens before failing."""
    folder = pictures / "screens"
    folder.mkdir(exist_ok=True)
    taken = Gallery(folder)
    yield taken
    assert taken.problems == []


def test_the_screens_of_an_own_app(dana, gallery):
    def show(name: str) -> None:
        gallery.take(name, dana.page, dana.frame)

    dana.connect()
    show("picker")
    dana.choose_own_app()
    expect(dana.title).to_have_text("Set up your own Demo Mail app")
    hint = dana.portal.locator("#client_secret_hint").inner_text()
    assert hint.splitlines()[-1] == "Once saved it is never shown again."
    show("form")
    dana.portal.locator("details.scopes summary").click()
    dana.press("Save and continue")
    expect(dana.portal.locator("#errors")).to_be_focused()
    show("form-errors")
    dana.enter(client_id="fake_partial")
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    show("review")
    window = dana.go_on()
    # A page behind another window is not painted.
    dana.page.bring_to_front()
    dana.portal.get_by_text("What do you see at Demo Mail?").click()
    show("waiting")
    dana.deny(window)
    expect(dana.portal.locator("#failure")).to_be_visible(timeout=10_000)
    window.bring_to_front()
    gallery.take("done-failed", window)
    dana.shut_windows()
    dana.page.bring_to_front()
    show("failed")
    dana.press("Check the app's details")
    expect(dana.portal.locator(".saved")).to_be_visible()
    show("form-saved")


def test_the_screens_after_connecting(dana, gallery, clean_stack):
    def show(name: str) -> None:
        gallery.take(name, dana.page, dana.frame)

    dana.page.evaluate("ConnectPortal.manage({theme: 'auto'}), 0")
    expect(dana.title).to_have_text("Your connections")
    show("manage-empty")
    dana.close()
    dana.connect(account_type=OWN)
    dana.enter()
    window = dana.go_on()
    dana.allow(window)
    dana.sees_connected()
    show("connected")
    dana.press("See all connections")
    expect(dana.title).to_have_text("Your connections")
    show("manage")
    dana.press("Disconnect")
    expect(dana.title).to_have_text("Disconnect Demo Mail?")
    show("disconnect")
    dana.press("Disconnect Demo Mail")
    expect(dana.portal.locator(".notice.good")).to_be_visible()
    show("manage-done")


def test_the_screen_of_missing_permissions(dana, gallery, clean_stack):
    clean_stack.manage(
        "enable_integration", clean_stack.project_id, "demo-desk",
        "--required-scope", "tickets:read", "--required-scope", "users:read",
    )  # fmt: skip
    clean_stack.provider.configure(partial_scopes=["tickets:read"])
    dana.connect("demo-desk", account_type=OWN)
    dana.portal.locator("#setting_subdomain").fill("northwind")
    gallery.take("form-setting", dana.page, dana.frame)
    dana.enter()
    dana.allow(dana.go_on())
    expect(dana.title).to_have_text("Demo Desk is connected with limits", timeout=10_000)
    dana.shut_windows()
    gallery.take("limited", dana.page, dana.frame)


def test_the_screens_of_the_providers_window(dana, gallery, profile, clean_stack):
    dana.connect(account_type=OWN)
    dana.enter()
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    leaving: Page = profile.new_page()
    shown = []
    profile.route("**/oauth/start", lambda route: shown.append(_kept(route)))
    with profile.expect_page() as opened:
        dana.press("Continue to")
    expect(opened.value.locator("h1")).to_have_text("Opening Demo Mail")
    opened.value.bring_to_front()
    gallery.take("leaving", opened.value)
    profile.unroute("**/oauth/start")
    opened.value.close()
    leaving.close()
    dana.close()
    dana.connect(account_type=OWN)
    window = dana.go_on("Open again")
    # A window that has no opener stays open and can be looked at.
    clean_stack.provider.configure(coop="same-origin")
    window.reload()
    dana.allow(window)
    expect(window.locator("h1")).to_have_text("Demo Mail is connected")
    gallery.take("done", window)


# Screens that a whole visit is too long a way to, as the samples fill them.
SAMPLES = (
    "secret", "secret-errors", "options-expiry-saved", "options-expiry-error",
    "review-left-behind", "manage", "choosing", "choosing-error", "choosing-many",
    "hosted", "ended", "done-way-back",
)  # fmt: skip


def test_the_samples_of_further_screens(page, gallery, stack):
    known = {name: (template, screen) for name, template, screen in samples()}
    for name in SAMPLES:
        template, screen = known[name]
        if hasattr(screen, "frame"):
            # A theme that the vendor chose would be the same in the dark.
            screen = replace(screen, frame=replace(screen.frame, theme="auto"))
        html = render_to_string(template, context(screen))
        page.route(f"{stack.base_url}/sample/{name}", _answering(html))
        page.goto(f"{stack.base_url}/sample/{name}")
        expect(page.locator("h1")).to_be_visible()
        gallery.take(f"sample-{name}", page)


def _answering(html: str):
    return lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=html)


def _kept(route) -> None:
    # The page leads on at once; without that it can be looked at.
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('http-equiv="refresh"', ""))


def test_the_error_page(page, gallery, stack):
    page.goto(f"{stack.base_url}/oauth/callback/{'a' * 26}?state=unknown&code=x")
    expect(page.locator("h1")).to_have_text("This link has ended")
    page.get_by_text("For support").click()
    gallery.take("error", page)


def test_the_error_page_inside_the_host(dana, gallery):
    dana.page.evaluate(
        """() => { ConnectPortal.connect("demo-mail", {accountType: "default",
          selectedCredentialId: "00000000-0000-4000-8000-000000000000"}).catch(() => {}); }"""
    )
    expect(dana.title).to_have_text("This connection is not here")
    gallery.take("error-framed", dana.page, dana.frame)


def test_the_full_page_form(page, acme, user, gallery):
    person = Person(page, acme, user)
    person.arrive()
    page.goto(f"{acme.origin}/no-script")
    page.get_by_label("Integration").select_option("gmail")
    page.get_by_role("button", name="Connect").click()
    gallery.take("picker-full", page)
    page.get_by_text("Use your own app").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("h1")).to_have_text("Set up your own Gmail app")
    gallery.take("form-full", page)
