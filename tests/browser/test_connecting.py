"""Connecting in a real browser: three sites, third-party cookies blocked."""

from __future__ import annotations

import urllib.request

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

OWN, DEFAULT = "user-configured-oauth", "default"


def test_an_own_app_connects_with_third_party_cookies_blocked(dana, clean_stack):
    dana.connect()
    dana.choose_own_app()
    shown = dana.portal.locator("#redirect_uri").input_value()
    dana.enter()
    dana.allow(dana.go_on())
    dana.sees_connected()
    dana.hears("onIntegrationInstall")
    (asked,) = clean_stack.provider.requests("authorization")
    (exchanged,) = clean_stack.provider.requests("token")
    assert shown == asked.param("redirect_uri") == exchanged.param("redirect_uri")
    assert shown.startswith(f"{clean_stack.base_url}/oauth/callback/")
    assert asked.param("client_id") == "fake_ok"


def test_the_vendors_app_connects_without_a_form(dana, clean_stack):
    dana.connect()
    dana.portal.get_by_text("Use Acme CRM's app").click()
    dana.press("Continue")
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    assert dana.portal.locator("#client_id").count() == 0
    dana.allow(dana.go_on())
    dana.sees_connected()
    (connection,) = dana.connections(clean_stack)
    assert (connection["account_type"], connection["status"]) == (DEFAULT, "VALID")


@pytest.mark.parametrize(
    ("account_type", "first"),
    [(OWN, "Set up your own Demo Mail app"), (DEFAULT, "Ready to connect Demo Mail")],
)
def test_a_single_account_type_skips_the_picker(dana, account_type, first):
    dana.connect(account_type=account_type)
    expect(dana.title).to_have_text(first)
    assert dana.portal.get_by_role("button", name="Back").count() == 0


def test_the_connection_works_through_the_api_and_is_on_the_manage_page(dana, clean_stack):
    dana.connects()
    (connection,) = dana.connections(clean_stack)
    answer = clean_stack.api("POST", f"/api/v1/connections/{connection['id']}/access-token")
    assert answer.status == 200
    call = urllib.request.Request(f"{clean_stack.provider.url}/demo-mail/api/messages")
    call.add_header("Authorization", f"Bearer {answer.data['access_token']}")
    with urllib.request.urlopen(call, timeout=10) as reply:
        assert reply.status == 200
    dana.press("See all connections")
    card = dana.portal.locator(".card")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("alice@example.test")
    expect(card).to_contain_text("fake_ok")


def test_reconnecting_keeps_the_connection_and_its_redirect_url(dana, clean_stack):
    dana.connects()
    (before,) = dana.connections(clean_stack)
    dana.press("See all connections")
    dana.press("Reconnect")
    dana.keeps_the_saved_app()
    dana.allow(dana.go_on())
    dana.sees_connected()
    (after,) = dana.connections(clean_stack)
    assert (after["id"], after["status"]) == (before["id"], "VALID")
    first, second = clean_stack.provider.requests("authorization")
    assert first.param("redirect_uri") == second.param("redirect_uri")
    assert first.param("state") != second.param("state")


def test_the_host_page_can_ask_to_reconnect(dana, clean_stack):
    dana.connects()
    dana.press("Done")
    (before,) = dana.connections(clean_stack)
    dana.page.evaluate(
        """(id) => { ConnectPortal.connect("demo-mail", {selectedCredentialId: id})
          .then((event) => { window.again = event.credentialId; }); }""",
        before["id"],
    )
    dana.keeps_the_saved_app()
    dana.allow(dana.go_on())
    dana.sees_connected()
    dana.page.wait_for_function("(id) => window.again === id", arg=before["id"])


def test_disconnecting_asks_first_and_then_ends_it(dana, clean_stack):
    dana.connects()
    (connection,) = dana.connections(clean_stack)
    dana.press("See all connections")
    dana.press("Disconnect")
    expect(dana.title).to_have_text("Disconnect Demo Mail?")
    dana.press("Keep it")
    assert len(dana.connections(clean_stack)) == 1
    dana.press("Disconnect")
    dana.press("Disconnect Demo Mail")
    expect(dana.portal.locator(".notice.good")).to_contain_text("Demo Mail is disconnected")
    expect(dana.portal.locator(".card")).to_have_count(0)
    dana.hears("onIntegrationUninstall")
    # The worker, which does not run here, ends the grant at the provider and takes it off the list.
    (ending,) = dana.connections(clean_stack)
    assert ending["status"] == "DISCONNECTING"
    answer = clean_stack.api("POST", f"/api/v1/connections/{connection['id']}/access-token")
    assert answer.status in (404, 409)


def test_two_tabs_connect_two_integrations_in_turns(dana, clean_stack):
    dana.connect(account_type=OWN)
    dana.enter()
    other = dana.in_another_tab()
    other.connect("demo-desk", account_type=OWN)
    other.portal.locator("#setting_subdomain").fill("northwind")
    other.enter()
    mail, desk = dana.go_on(), other.go_on()
    dana.allow(mail)
    other.allow(desk)
    expect(other.title).to_have_text("Demo Desk is connected", timeout=10_000)
    dana.sees_connected()
    found = {item["integration"]: item["status"] for item in dana.connections(clean_stack)}
    assert found == {"demo-mail": "VALID", "demo-desk": "VALID"}


def test_two_tabs_of_one_integration_end_in_one_connection_each_tab_knows(dana, clean_stack):
    dana.connect(account_type=OWN)
    dana.enter()
    other = dana.in_another_tab()
    other.connect(account_type=OWN)
    expect(other.title).to_have_text("Ready to connect Demo Mail")
    dana.allow(dana.go_on())
    dana.sees_connected()
    other.portal.get_by_text("I have finished in the other window").click()
    other.sees_connected()
    assert len(dana.connections(clean_stack)) == 1


def test_a_double_click_makes_one_usable_trip(dana, clean_stack):
    dana.connect(account_type=OWN)
    dana.enter()
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    with dana.page.context.expect_page() as opened:
        dana.portal.get_by_role("button", name="Continue to").dblclick()
    window = opened.value
    expect(window.locator("#allow")).to_be_visible()
    dana.page.wait_for_timeout(300)
    windows = [page for page in dana.page.context.pages if "/oauth/authorize" in page.url]
    assert windows == [window]
    dana.allow(window)
    dana.sees_connected()
    assert clean_stack.provider.count("token") == 1
    assert len(dana.connections(clean_stack)) == 1
