"""Wrong set-ups: what the developer is told, and what the person who uses the page sees."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.sdk_page import PROJECT, OpenPage, SdkPage
from tests.browser.stub_portal import StubPortal

pytest_plugins = ["tests.browser.sdk_fixtures"]

SORRY = "Connecting does not work at the moment. Try again later."
KEEP = """(call) => call().then(
  () => null, ({code, message, displayMessage}) => ({code, message, displayMessage}))"""


def refused(sdk: SdkPage, call: str) -> dict[str, str]:
    """Make a call that is refused, and return the error."""
    found: dict[str, str] = sdk.page.evaluate(f"({KEEP})(() => ConnectPortal.{call})")
    return found


def authenticate(sdk: SdkPage, token: str = '"token"') -> dict[str, str]:
    """Authenticate once more, with a token that is not renewed."""
    return refused(sdk, f'authenticate("{PROJECT}", {token})')


def test_an_origin_that_is_not_registered_is_named(sdk: SdkPage, portal: StubPortal) -> None:
    portal.readable = False
    error = authenticate(sdk)
    assert error["code"] == "origin_not_allowed"
    advice = f"{sdk.acme.origin} is not an origin of the project. Add it there."
    assert (error["message"], error["displayMessage"]) == (advice, SORRY)
    # Before anything opens, the page is still the host's.
    assert sdk.dialog.count() == 0


def test_an_origin_that_another_project_registered_is_refused_in_words(
    sdk: SdkPage, portal: StubPortal
) -> None:
    portal.refusals, portal.refusal = 1, (403, "origin_not_allowed", "This page may not do that.")
    error = authenticate(sdk)
    assert error["code"] == "origin_not_allowed"
    assert error["displayMessage"] == "This page may not do that."


@pytest.mark.parametrize("code", ["user_token_expired", "user_token_invalid"])
def test_a_token_that_is_too_old_or_of_another_key_is_told_apart(
    sdk: SdkPage, portal: StubPortal, code: str
) -> None:
    portal.refusals, portal.refusal = 1, (401, code, "Reload the page you came from.")
    error = authenticate(sdk)
    assert error["code"] == code
    assert error["message"] == "Refused. Reload the page you came from."
    assert error["displayMessage"] == "Reload the page you came from."


def test_an_unknown_integration_is_answered_with_those_there_are(sdk: SdkPage) -> None:
    error = refused(sdk, 'connect("gmial")')
    assert error["code"] == "integration_not_found"
    assert error["message"] == '"gmial" is not offered. Offered: gmail, jira, slack.'
    assert error["displayMessage"] == SORRY


def test_a_blocked_window_becomes_the_dialog(sdk: SdkPage) -> None:
    sdk.run("window.open = () => null")
    sdk.open('connect("gmail", {display: "window"})')
    expect(sdk.dialog).to_be_visible()
    assert sdk.outcome["state"] == "pending"


def test_a_portal_that_is_down_is_said_to_be(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.run(f"fetch('{portal.origin}/healthz', {{mode: 'no-cors'}}).then(() => 0)")
    portal.server.shutdown()
    portal.server.server_close()
    error = refused(sdk, "getIntegrationMetadata()")
    assert error["code"] == "portal_unreachable"
    assert error["message"].startswith(f"The portal at {portal.origin} does not answer. Is it up")
    assert "connect-src" in error["message"]
    assert error["displayMessage"] == SORRY


def test_a_policy_without_connect_src_is_named_in_the_console(open_page: OpenPage) -> None:
    sdk = open_page()
    other = "http://localhost:9"
    sdk.run(f"ConnectPortal.configure({{baseUrl: '{other}'}})")
    assert authenticate(sdk)["code"] == "portal_unreachable"
    advice = f"Add {other} to connect-src in this page's Content-Security-Policy."
    assert f"Connect Portal: {advice}" in sdk.console


def test_a_portal_that_shows_nothing_ends_with_words_and_a_button(
    timed: SdkPage, portal: StubPortal
) -> None:
    portal.ready = False
    timed.begin('connect("gmail")')
    timed.until(lambda: bool(portal.sent("POST", "/embed/")))
    timed.page.clock.run_for(10_500)
    note = timed.page.locator(".cp-portal p")
    expect(note).to_contain_text(SORRY)
    assert timed.settled()["code"] == "portal_unreachable"
    note.get_by_role("button", name="Close").click()
    expect(timed.dialog).to_have_count(0)


def test_a_step_without_headless_mode_or_flow_says_what_to_call(sdk: SdkPage) -> None:
    error = refused(sdk, 'installFlow.start("gmail")')
    assert error["code"] == "headless_off"
    assert error["message"] == "Call ConnectPortal.setHeadless(true) first."
    sdk.run("ConnectPortal.setHeadless(true)")
    error = refused(sdk, "installFlow.setPreOptions({})")
    assert error["code"] == "no_active_flow"
    assert error["message"] == "Call installFlow.start() first."
