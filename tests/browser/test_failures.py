"""What people see when it does not work, and how they get on from there."""

from __future__ import annotations

import time

import jwt
import pytest
from playwright.sync_api import expect

from tests.browser.portal import Person

pytestmark = pytest.mark.browser

OWN = "user-configured-oauth"
SECRET = "wrong-but-long-secret-7f3a"
ENDED = """UPDATE integrations_portalsession SET expires_at = '2020-01-01 00:00:00'
  WHERE end_user_id IN (SELECT id FROM integrations_enduser WHERE external_id = ?)"""


@pytest.fixture
def ready(dana) -> Person:
    """Dana, one click before the provider."""
    dana.connect(account_type=OWN)
    dana.enter()
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    return dana


def failure(person: Person):
    """Return the portal's error message."""
    return person.portal.locator("#failure")


def test_a_refusal_is_explained_and_another_try_connects(ready):
    ready.deny(ready.go_on())
    expect(ready.title).to_have_text("Demo Mail is not connected yet", timeout=10_000)
    expect(failure(ready)).to_contain_text("Demo Mail told us that access was declined")
    expect(failure(ready)).to_contain_text("Try again and approve, or cancel.")
    ready.shut_windows()
    ready.allow(ready.go_on())
    ready.sees_connected()


def test_closing_after_a_refusal_tells_the_host_page_why(ready, clean_stack):
    ready.deny(ready.go_on())
    expect(failure(ready)).to_be_visible(timeout=10_000)
    ready.shut_windows()
    ready.close()
    ready.hears("access_denied")
    assert clean_stack.provider.count("token") == 0


def test_a_wrong_secret_is_named_and_correcting_it_keeps_the_redirect_url(dana, clean_stack):
    dana.connect(account_type=OWN)
    shown = dana.portal.locator("#redirect_uri").input_value()
    dana.enter(client_id="fake_wrong_secret", secret=SECRET)
    dana.allow(dana.go_on())
    expect(failure(dana)).to_contain_text("did not accept the app's ID and secret", timeout=10_000)
    dana.shut_windows()
    dana.press("Check the app's details")
    expect(dana.portal.locator("#client_id")).to_have_value("fake_wrong_secret")
    assert dana.portal.locator("input[name=client_secret]").input_value() == ""
    assert SECRET not in dana.frame.content()
    assert dana.portal.locator("#redirect_uri").input_value() == shown
    dana.enter()
    dana.allow(dana.go_on())
    dana.sees_connected()
    sent = [each.param("redirect_uri") for each in clean_stack.provider.requests("token")]
    assert sent == [shown, shown]


def test_a_new_client_id_asks_for_its_secret(dana):
    dana.connect(account_type=OWN)
    dana.enter(client_id="fake_wrong_secret", secret=SECRET)
    dana.press("Back")
    dana.portal.locator("#client_id").fill("fake_ok")
    dana.press("Save and continue")
    errors = dana.portal.locator("#errors")
    expect(errors).to_be_focused()
    errors.get_by_role("link").click()
    expect(dana.portal.locator("#client_secret")).to_be_focused()
    dana.portal.locator("#client_secret").fill("fake-secret")
    dana.press("Save and continue")
    dana.allow(dana.go_on())
    dana.sees_connected()


def test_a_provider_that_fails_leaves_a_way_to_try_again(ready, clean_stack):
    clean_stack.provider.configure(token_status=503)
    ready.allow(ready.go_on())
    expect(failure(ready)).to_contain_text("Demo Mail is not answering", timeout=10_000)
    ready.shut_windows()
    clean_stack.provider.reset(clients=True)
    ready.allow(ready.go_on())
    ready.sees_connected()


def sees(dana, words: str) -> None:
    """Say what the provider's window shows."""
    dana.page.bring_to_front()
    dana.portal.get_by_text("What do you see at Demo Mail?").click()
    dana.portal.get_by_label(words).check()
    dana.portal.get_by_role("button", name="Show what helps").click()


def test_an_error_page_of_the_provider_can_be_looked_up_while_waiting(dana):
    dana.connect(account_type=OWN)
    shown = dana.portal.locator("#redirect_uri").input_value()
    dana.enter(client_id="fake_redirect_mismatch")
    window = dana.go_on()
    expect(window.locator("h1")).to_have_text("This redirect URL is not registered")
    sees(dana, "The redirect address does not match")
    expect(dana.portal.locator("#fix_value_waiting")).to_have_value(shown)
    dana.press("Check the app's details")
    dana.shut_windows()
    dana.enter()
    dana.allow(dana.go_on())
    dana.sees_connected()


def test_the_vendors_redirect_url_is_not_shown_to_people(dana):
    dana.connect(account_type="default")
    dana.go_on()
    sees(dana, "The redirect address does not match")
    help_text = dana.portal.locator("#problems-waiting")
    expect(help_text).to_contain_text("Tell Acme CRM what the window says")
    assert dana.portal.locator("#fix_value_waiting").count() == 0
    dana.shut_windows()


def test_a_closed_window_can_be_opened_again(ready):
    ready.go_on().close()
    expect(ready.title).to_have_text("Waiting for Demo Mail")
    ready.allow(ready.go_on("Open again"))
    ready.sees_connected()


def test_checking_again_says_that_nothing_has_come_back(ready):
    ready.go_on()
    ready.press("Check again")
    expect(ready.portal.locator("#trouble")).to_contain_text("Nothing has come back yet")
    ready.shut_windows()


def test_reopening_the_portal_finds_the_open_window_again(ready, clean_stack):
    window = ready.go_on()
    ready.close()
    ready.hears("cancelled")
    ready.connect(account_type=OWN)
    expect(ready.title).to_have_text("Waiting for Demo Mail")
    ready.allow(window)
    ready.sees_connected()
    assert len(ready.connections(clean_stack)) == 1


def test_reopening_the_portal_after_the_window_finished_shows_the_connection(ready, clean_stack):
    window = ready.go_on()
    ready.close()
    ready.allow(window)
    expect(window.locator("h1")).to_have_text("Demo Mail is connected")
    ready.page.reload()
    card = ready.page.locator("[data-integration=demo-mail]")
    expect(card.locator(".badge")).to_have_text("Connected")
    assert len(ready.connections(clean_stack)) == 1


def test_what_was_typed_returns_but_never_the_secret(dana):
    dana.connect(account_type=OWN)
    dana.portal.locator("#client_id").fill("my-typed-id")
    dana.portal.locator("#client_secret").fill(SECRET)
    dana.portal.locator("details.scopes summary").click()
    dana.portal.locator("#extra_scopes").fill('not"allowed')
    dana.press("Save and continue")
    expect(dana.portal.locator("#errors")).to_be_focused()
    assert SECRET not in dana.frame.content()
    dana.page.reload()
    dana.connect(account_type=OWN)
    expect(dana.portal.locator("#client_id")).to_have_value("my-typed-id")
    assert dana.portal.locator("input[name=client_secret]").input_value() == ""
    assert SECRET not in dana.frame.content()


def test_an_ended_session_says_so_inside_the_frame(ready, clean_stack):
    assert clean_stack.execute(ENDED, ready.user.subject) == 1
    ready.press("Back")
    expect(ready.title).to_have_text("This page was open too long")
    expect(ready.title).to_be_focused()
    ready.press("Close")
    ready.hears("session_expired")
    ready.connect(account_type=OWN)
    expect(ready.title).to_have_text("Ready to connect Demo Mail")


def test_closing_without_connecting_rejects_as_cancelled(ready):
    ready.close()
    ready.hears("onPortalClose", "cancelled")


def test_cancelling_says_that_nothing_was_connected(ready, clean_stack):
    ready.press("Cancel")
    expect(ready.title).to_have_text("Nothing was connected")
    ready.press("Close")
    ready.hears("cancelled")
    assert ready.connections(clean_stack) == []


def test_a_bad_user_token_is_a_message_to_developers_and_a_page_to_people(page, acme, user):
    signer = acme.signer
    short = jwt.decode(signer.user_token(user), options={"verify_signature": False})
    short["exp"] = int(time.time()) + 50
    good = jwt.encode(short, signer.signing_key, algorithm="RS256", headers={"kid": signer.kid})
    person = Person(page, acme, user)
    tokens = iter([good, good, good])
    page.route(
        "**/user-token",
        lambda route: route.fulfill(json={"user_token": next(tokens, f"{good[:-6]}AAAAAA")}),
    )
    person.arrive()
    list(tokens)
    person.connect(account_type=OWN)
    expect(person.title).to_contain_text("was not accepted")
    person.press("Close")
    person.hears("user_token_invalid")


def test_a_page_whose_tokens_are_bad_from_the_start_offers_nothing(page, open_host, user):
    site = open_host(kid="unknown-key")
    page.goto(f"{site.origin}/?user={user.key}")
    expect(page.locator("#log")).to_contain_text("user_token_invalid")
    expect(page.locator("#status")).not_to_be_empty()
    assert page.locator("[data-integration]").count() == 0


def test_a_page_of_an_unregistered_origin_is_told_to_register_it(page, open_host, user):
    site = open_host(port=0)
    page.goto(f"{site.origin}/?user={user.key}")
    expect(page.locator("#log")).to_contain_text("origin_not_allowed")
    expect(page.locator("#status")).to_contain_text(f"{site.origin} is not an origin")
    assert page.evaluate("ConnectPortal.getUser()") == {"authenticated": False}
