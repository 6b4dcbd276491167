"""The page of Acme CRM with all ways to connect: each ends with the account and is told of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.acme.site import AcmeSite
from tests.acme.users import AcmeUser
from tests.browser.portal import SOON, Person
from tests.browser.stack import Stack

OWN = "user-configured-oauth"


@pytest.fixture(scope="module")
def linking_host(stack: Stack) -> Iterator[AcmeSite]:
    """Acme CRM with an API key."""
    with stack.acme(api_key=stack.api_key) as site:
        yield site


@pytest.fixture
def visitor(page: Page, linking_host: AcmeSite, user: AcmeUser, clean_stack: Stack) -> Person:
    """Somebody new who opened the page."""
    person = Person(page, linking_host, user)
    page.goto(f"{linking_host.origin}/ways?user={user.key}")
    expect(page.locator("#status")).to_be_hidden()
    return person


def choose(person: Person, account_type: str) -> None:
    """Choose with whose app to connect."""
    person.page.locator("#account-type").select_option(account_type)


def press(person: Person, way: str) -> None:
    """Press the button of a way."""
    person.page.locator(f"[data-way={way}]").click()


@pytest.mark.parametrize("way", ["modal", "inline", "element"])
def test_a_frame_of_the_portal_ends_with_the_account(visitor, way):
    choose(visitor, "default")
    if way == "element":
        visitor.page.locator("connect-portal button").click()
    else:
        press(visitor, way)
    visitor.allow(visitor.go_on())
    visitor.sees_connected()
    visitor.hears("onIntegrationInstall", "demo-mail")
    if way == "inline":
        assert visitor.page.locator("#inline section.cp-portal").count() == 1
    if way == "element":
        visitor.hears("<connect-portal> opened", "<connect-portal> connected")
        expect(visitor.page.locator("connect-portal")).to_have_attribute("status", "VALID")


def test_a_window_ends_with_the_account(visitor):
    choose(visitor, "default")
    with visitor.page.context.expect_page() as opened:
        press(visitor, "window")
    opened.value.get_by_role("button", name="Continue to").click()
    opened.value.locator("#allow").click()
    visitor.hears("onIntegrationInstall")


def test_the_tab_itself_ends_with_the_account(visitor):
    choose(visitor, "default")
    press(visitor, "redirect")
    visitor.page.get_by_role("button", name="Continue to").click()
    visitor.page.locator("#allow").click()
    visitor.page.get_by_role("link", name="Continue").click()
    visitor.page.get_by_role("link", name="Back to Acme CRM").first.click()
    visitor.page.get_by_role("link", name="all ways to connect").click()
    visitor.hears("onIntegrationInstall")


def test_the_own_form_corrects_a_wrong_secret_and_ends_with_the_account(visitor):
    choose(visitor, OWN)
    press(visitor, "headless")
    form = visitor.page.locator("#headless")
    assert "/oauth/callback/" in form.locator("[name=redirect_url]").input_value()
    tries_the_own_form(visitor, "wrong")
    # The error comes first, then the form again.
    newest = visitor.page.locator("#log li").first
    expect(newest).to_contain_text("onNextpreOptions", timeout=SOON)
    expect(form.get_by_role("alert")).not_to_be_empty()
    visitor.hears("onError at preOptions")
    tries_the_own_form(visitor, "fake-secret")
    visitor.hears("onComplete")
    expect(form).to_be_hidden()


def tries_the_own_form(visitor: Person, secret: str) -> None:
    """Fill in the host's own form and approve at the provider."""
    form = visitor.page.locator("#headless")
    form.locator("[name=client_id]").fill("fake_ok")
    form.locator("[name=client_secret]").fill(secret)
    with visitor.page.context.expect_page() as opened:
        form.get_by_role("button", name="Save and continue").click()
    opened.value.locator("#allow").click()


@pytest.mark.parametrize("same", [True, False])
def test_a_link_connects_for_whom_it_was_made_and_nobody_else(visitor, same, clean_stack):
    press(visitor, "hosted")
    with visitor.page.context.expect_page() as opened:
        visitor.page.get_by_role("link", name="Open the link").click()
    tab = opened.value
    tab.get_by_role("button").first.click()
    tab.get_by_role("button", name="Continue to").click()
    if not same:
        bob_signs_in(visitor)
    tab.locator("#allow").click()
    words = f"The account is connected for {visitor.user.name}." if same else "Not connected:"
    expect(tab.locator(".notice")).to_contain_text(words, timeout=SOON)
    assert len(visitor.connections(clean_stack)) == int(same)
    tab.close()


def bob_signs_in(visitor: Person) -> None:
    """Let somebody else sign in to Acme CRM in this browser meanwhile."""
    visitor.page.get_by_role("button", name="Bob Lee").click()


def test_another_site_gets_no_link(linking_host):
    address = f"http://127.0.0.1:{linking_host.port}/hosted-link"
    data = {"integration": "demo-mail"}
    answer = requests.post(address, data, headers={"Sec-Fetch-Site": "cross-site"}, timeout=5)
    assert (answer.status_code, answer.text) == (403, "Refused")


def test_without_an_api_key_it_says_how_to_give_one(page, acme, user):
    page.goto(f"{acme.origin}/ways?user={user.key}")
    page.locator("[data-way=hosted]").click()
    expect(page.locator("#link")).to_contain_text("--api-key-file")
