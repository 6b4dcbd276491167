"""The element <connect-portal>: what it opens, what it tells, and what it shows to whom."""

from __future__ import annotations

import base64
import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.sdk_page import PROJECT, OpenPage, SdkPage
from tests.browser.stub_portal import FLOW, StubPortal, connection, flow

pytest_plugins = ["tests.browser.sdk_fixtures"]

ELEMENT = Path(__file__).parents[2] / "static" / "connect-element.js"
GZIP_LIMIT = 2048
EVENTS = ("connected", "disconnected", "opened", "closed", "failed")
HEAR = """(names) => { window.heard = [];
  for (const name of names) document.addEventListener(name, ({detail, target}) =>
    heard.push([name, target.localName, detail.code ?? detail.integrationType])); }"""
DRAW = """([attributes, text, load]) => {
  const element = document.createElement("connect-portal");
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.append(text);
  document.querySelector("main").append(element);
  return load && import(load);
}"""


def draw(sdk: SdkPage, text: str = "", **attributes: str) -> Locator:
    """Put an element into the host page, hear its events, and load the module."""
    sdk.page.evaluate(HEAR, list(EVENTS))
    named = {"integration": "gmail", **{k.replace("_", "-"): v for k, v in attributes.items()}}
    module = f"{sdk.portal.origin}/static/connect-element.js"
    sdk.page.evaluate(DRAW, [named, text, module])
    return sdk.page.locator("connect-portal").last


def heard(sdk: SdkPage) -> list[list[str]]:
    """Every event so far: its name, where it came from, what it is about."""
    found: list[list[str]] = sdk.run("heard")
    return found


def wait_for(sdk: SdkPage, *event: str) -> None:
    """Wait until the page heard this event."""
    sdk.until(lambda: [event[0], "connect-portal", event[1]] in heard(sdk))


def open_by_click(sdk: SdkPage, element: Locator) -> None:
    """Press the element's button and wait for the portal's page."""
    element.locator("button").click()
    sdk.page.wait_for_selector(".cp-portal[data-state=ready]")


def test_it_stays_under_its_size() -> None:
    assert len(gzip.compress(ELEMENT.read_bytes(), compresslevel=9)) <= GZIP_LIMIT


def test_a_click_opens_what_the_attributes_say(sdk: SdkPage, portal: StubPortal) -> None:
    element = draw(sdk, "Connect mail", account_type="user-configured-oauth default",
                   external_id="sales", theme="dark", locale="de")  # fmt: skip
    button = sdk.page.get_by_role("button", name="Connect mail")
    expect(button).to_be_visible()
    open_by_click(sdk, element)
    (opened,) = portal.sent("POST", "/embed/")
    fields = dict(opened.fields)
    assert opened.all("account_type") == ["user-configured-oauth", "default"]
    assert (fields["external_id"], fields["theme"], fields["locale"]) == ("sales", "dark", "de")
    assert heard(sdk) == [["opened", "connect-portal", "gmail"]]
    assert sdk.console == []


def test_a_result_is_an_event_and_a_status(sdk: SdkPage, portal: StubPortal) -> None:
    element = draw(sdk)
    expect(sdk.page.get_by_role("button", name="Connect gmail", exact=True)).to_have_count(1)
    open_by_click(sdk, element)
    portal.connections = [connection("gmail")]
    portal.flows[FLOW] = flow("COMPLETED", connection("gmail"))
    sdk.say("connected", flow=FLOW)
    wait_for(sdk, "connected", "gmail")
    expect(element).to_have_attribute("status", "VALID")
    sdk.say("close")
    wait_for(sdk, "closed", "gmail")
    assert [name for name, *_ in heard(sdk)] == ["opened", "connected", "closed"]
    expect(element.get_by_role("status")).to_be_empty()


def test_closing_it_is_told_to_the_page_and_not_held_against_the_person(sdk: SdkPage) -> None:
    element = draw(sdk)
    open_by_click(sdk, element)
    expect(element.locator("button")).to_have_attribute("aria-busy", "true")
    sdk.say("close")
    wait_for(sdk, "failed", "cancelled")
    expect(element.get_by_role("status")).to_be_empty()
    expect(element.locator("button")).not_to_have_attribute("aria-busy", "true")
    assert sdk.run("document.activeElement.localName") == "connect-portal"


def test_what_fails_is_said_beside_the_button_unless_the_page_says_it(sdk: SdkPage) -> None:
    element = draw(sdk, integration="gmial")
    element.locator("button").click()
    wait_for(sdk, "failed", "integration_not_found")
    expect(element.get_by_role("status")).to_contain_text("Try again later.")
    sdk.run("document.addEventListener('failed', (event) => event.preventDefault())")
    element.locator("button").click()
    sdk.until(lambda: len(heard(sdk)) == 2)
    expect(element.get_by_role("status")).to_be_empty()


@pytest.mark.parametrize(
    ("attributes", "script"),
    [
        ({"user_token": "token-of-the-page"}, "0"),
        ({"fetch_user_token": "mint"}, "window.mint = async () => 'token-of-the-page'"),
        ({"token_url": "/token"}, "window.fetch = ((usual) => (url, ...more) => url === '/token'"
         " ? Promise.resolve(Response.json({user_token: 'token-of-the-page'}))"
         " : usual(url, ...more))(window.fetch)"),
    ],
)  # fmt: skip
def test_it_authenticates_itself_once_for_all(
    sdk: SdkPage, portal: StubPortal, attributes: dict[str, str], script: str
) -> None:
    sdk.run("ConnectPortal.logout()")
    portal.requests.clear()
    sdk.run(script)
    draw(sdk, project=PROJECT, **attributes)
    element = draw(sdk, project=PROJECT, integration="jira", **attributes)
    open_by_click(sdk, element)
    assert len(portal.sent("GET", "/api/v1/me")) == 2
    (opened,) = portal.sent("POST", "/embed/")
    assert dict(opened.fields)["user_token"] == "token-of-the-page"
    assert dict(opened.fields)["integration"] == "jira"


def test_properties_set_before_the_module_is_loaded_count(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.run("ConnectPortal.logout()")
    portal.requests.clear()
    early: dict[str, Any] = {"integration": "gmail", "project": PROJECT, "mode": "install"}
    sdk.page.evaluate(DRAW, [early, "Connect", None])
    sdk.run("""Object.assign(document.querySelector("connect-portal"), {
        fetchUserToken: () => "token-of-the-page", options: {locale: "fr"}}).localName""")
    sdk.run(f"import('{portal.origin}/static/connect-element.js').then(() => 0)")
    sdk.until(lambda: len(portal.sent("GET", "/api/v1/me")) == 2)
    open_by_click(sdk, sdk.page.locator("connect-portal"))
    (opened,) = portal.sent("POST", "/embed/")
    fields = dict(opened.fields)
    assert (fields["locale"], fields["user_token"]) == ("fr", "token-of-the-page")


def test_a_set_up_that_fails_is_told_at_once_and_tried_again_by_a_click(
    sdk: SdkPage, portal: StubPortal
) -> None:
    sdk.run("ConnectPortal.logout()")
    sdk.run(f"import('{portal.origin}/static/connect-element.js').then(() => 0)")
    portal.readable = False
    element = draw(sdk, project=PROJECT, user_token="token")
    wait_for(sdk, "failed", "origin_not_allowed")
    advice = f"{sdk.acme.origin} is not an origin of the project. Add it there."
    assert f"Connect Portal: {advice}" in sdk.console
    expect(element.get_by_role("status")).to_be_empty()
    portal.readable = True
    open_by_click(sdk, element)


def test_inline_it_opens_inside_the_element(sdk: SdkPage) -> None:
    element = draw(sdk, display="inline")
    open_by_click(sdk, element)
    expect(element.locator("section.cp-portal")).to_be_visible()
    assert sdk.run("getComputedStyle(document.querySelector('.cp-frame')).borderStyle") == "none"


def test_managing_opens_the_list_and_removing_is_told(sdk: SdkPage, portal: StubPortal) -> None:
    element = draw(sdk, mode="manage")
    open_by_click(sdk, element)
    assert dict(portal.sent("POST", "/embed/")[0].fields)["mode"] == "manage"
    sdk.say("close")
    wait_for(sdk, "closed", "")
    assert [name for name, *_ in heard(sdk)] == ["opened", "closed"]


PIN = """([href, digest]) => {
  const map = Object.assign(document.createElement("script"), {type: "importmap"});
  map.textContent = JSON.stringify({integrity: {[href]: digest}});
  document.head.append(map);
  return import(href).then(() => "loaded", () => "refused");
}"""


@pytest.mark.parametrize(("added", "outcome"), [(b"", "loaded"), (b"//", "refused")])
def test_an_import_map_with_a_digest_pins_the_module_that_another_imports(
    open_page: OpenPage, added: bytes, outcome: str
) -> None:
    sdk = open_page(csp="")
    source = (ELEMENT.parent / "connect.js").read_bytes() + added
    digest = base64.b64encode(hashlib.sha384(source).digest()).decode()
    address = f"{sdk.portal.origin}/static/connect.js?pinned"
    assert sdk.page.evaluate(PIN, [address, f"sha384-{digest}"]) == outcome


def test_it_needs_no_more_of_a_policy_than_the_sdk(open_page: OpenPage) -> None:
    sdk = open_page()
    element = draw(sdk)
    assert element.locator("button").evaluate("(e) => e.getBoundingClientRect().height") >= 44
    assert sdk.console == []
