"""An install that the host page draws itself: up to the connection, and to every other end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acme.site import AcmeSite
from tests.acme.users import AcmeUser
from tests.browser.portal import SOON, Person
from tests.browser.stack import Stack

OWN = "user-configured-oauth"
ENTERED = {"client_id": "fake_ok", "client_secret": "fake-secret"}
# A host page in a few lines: notes what it is told, and keeps the newest stage.
HOST = """async () => {
  window.heard = [];
  window.outcome = "pending";
  await ConnectPortal.setHeadless(true);
  window.begin = (type, options) => {
    ConnectPortal.installFlow.start(type, {
      ...options,
      onNext: (stage) => heard.push(["next", (window.stage = stage).stage]),
      onComplete: (event) => heard.push(["complete", event.integrationType]),
      onError: (error, at) => {
        window.failure = {...error, message: error.message};
        heard.push(["error", error.code, at?.stage ?? null]);
      },
    }).then(() => { outcome = "resolved"; }, ({ code }) => { outcome = code; });
  };
}"""


@dataclass
class Host:
    """Acme CRM with forms of its own, and the person in front of it."""

    person: Person
    stack: Stack

    @property
    def page(self) -> Page:
        """The host page."""
        return self.person.page

    def begin(self, integration: str = "demo-mail", **options: Any) -> None:
        """Begin an install."""
        self.page.evaluate("([type, options]) => begin(type, options)", [integration, options])

    def step(self, name: str, *arguments: Any) -> Any:
        """Take a step; returns the code of a refusal."""
        script = """([name, more]) =>
          ConnectPortal.installFlow[name](...more).then(() => null, (error) => error.code)"""
        return self.page.evaluate(script, [name, list(arguments)])

    def window_of(self, name: str, *arguments: Any) -> Page:
        """Take a step that opens the provider's window, and return it."""
        with self.page.context.expect_page() as opened:
            assert self.step(name, *arguments) is None
        window: Page = opened.value
        expect(window.locator(".brand")).to_be_visible()
        return window

    def beginning_at_provider(self, **options: Any) -> Page:
        """Begin an install that leads straight to the provider, and return its window."""
        with self.page.context.expect_page() as opened:
            self.begin(accountType="default", **options)
        window: Page = opened.value
        expect(window.locator(".brand")).to_be_visible()
        return window

    def hears(self, *expected: str | None) -> None:
        """Wait until the page was told this."""
        script = "(wanted) => heard.some((each) => JSON.stringify(each) === wanted)"
        wanted = "[" + ",".join("null" if e is None else f'"{e}"' for e in expected) + "]"
        self.page.wait_for_function(script, arg=wanted, timeout=SOON)

    def ends(self, outcome: str) -> None:
        """Wait until the promise of `start` has this outcome."""
        self.page.wait_for_function("(wanted) => outcome === wanted", arg=outcome, timeout=SOON)

    @property
    def heard(self) -> list[list[str | None]]:
        """Everything the page was told, in order."""
        found: list[list[str | None]] = self.page.evaluate("heard")
        return found

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        """The inputs of the stage, by name."""
        return {each["name"]: each for each in self.page.evaluate("stage.options")}


@pytest.fixture
def host(page: Page, acme: AcmeSite, user: AcmeUser, clean_stack: Stack) -> Host:
    """A host page that Dana opened."""
    person = Person(page, acme, user)
    person.arrive()
    page.evaluate(HOST)
    return Host(person, clean_stack)


def test_a_wrong_secret_is_corrected_and_the_account_connected(host):
    host.begin(accountType=OWN)
    host.hears("next", "preOptions")
    assert {name: each["type"] for name, each in host.options.items()} == {
        "redirect_url": "copyable",
        "client_id": "text",
        "client_secret": "password",
        "scopes": "permission",
    }
    assert host.options["redirect_url"]["readOnly"] is True
    assert host.options["redirect_url"]["value"] == host.page.evaluate("stage.redirectUrl")
    host.window_of("setPreOptions", {**ENTERED, "client_secret": "wrong"}).locator("#allow").click()
    host.hears("error", "invalid_client", "preOptions")
    assert host.options["client_id"]["value"] == "fake_ok"
    assert host.options["client_secret"]["saved"] is False
    host.window_of("setPostOptions", ENTERED).locator("#allow").click()
    host.ends("resolved")
    assert host.heard == [
        ["next", "preOptions"],
        ["next", "oauth"],
        ["error", "invalid_client", "preOptions"],
        ["next", "preOptions"],
        ["next", "oauth"],
        ["next", "done"],
        ["complete", "demo-mail"],
    ]
    host.person.hears("onIntegrationInstall")
    (connection,) = host.person.connections(host.stack)
    assert (connection["status"], connection["account_type"]) == ("VALID", OWN)


def test_what_cannot_be_used_is_told_by_field_and_opens_no_window(host):
    host.begin(accountType=OWN)
    host.hears("next", "preOptions")
    assert host.step("setPreOptions", {"client_id": "", "unheard_of": "x"}) is not None
    assert host.step("setPreOptions", {"client_id": "", "client_secret": ""}) == "validation_failed"
    host.hears("error", "validation_failed", "preOptions")
    assert {each["field"] for each in host.page.evaluate("failure.errors")} >= {"client_id"}
    assert host.page.evaluate("outcome") == "pending"
    assert host.stack.provider.count("authorization") == 0


def test_several_types_are_chosen_from_and_an_unknown_one_is_an_error(host):
    host.begin(accountType=[OWN, "default"], instructions=True)
    host.hears("next", "accountType")
    choices = host.page.evaluate("stage.options")
    assert [each["id"] for each in choices] == [OWN, "default"]
    assert host.step("setAccountType", "nonsense") == "account_type_not_allowed"
    host.hears("error", "account_type_not_allowed", "accountType")
    assert host.step("setAccountType", OWN) is None
    host.hears("next", "instruction")
    stage = host.page.evaluate("({...stage, finish: stage.finish.label})")
    copied = [cta["copyText"] for cta in stage["ctas"] if cta["type"] == "copyButton"]
    assert copied[0] in stage["content"]
    assert stage["content"].startswith("1. ")
    host.page.evaluate("stage.finish.onClick()")
    host.hears("next", "preOptions")


def test_a_denial_leaves_a_way_on_in_a_new_window(host):
    window = host.beginning_at_provider()
    window.locator("#deny").click()
    host.hears("error", "access_denied", "oauth")
    with host.page.context.expect_page() as opened:
        host.page.evaluate("stage.open()")
    opened.value.locator("#allow").click()
    host.ends("resolved")
    host.hears("complete", "demo-mail")


def test_a_closed_window_is_told_and_cancelling_ends_the_flow(host):
    window = host.beginning_at_provider()
    # The first look finds it open: one that is gone by then was cut off by a policy.
    host.page.wait_for_timeout(1_300)
    window.close()
    host.hears("error", "popup_closed", "oauth")
    assert "Open it again" in host.page.evaluate("failure.displayMessage")
    assert host.page.evaluate("outcome") == "pending"
    assert host.step("cancel") is None
    host.ends("cancelled")
    assert host.heard[-2:] == [["next", "done"], ["error", "cancelled", None]]
    assert host.person.connections(host.stack) == []


def test_a_blocked_window_is_told_and_opened_by_another_click(host):
    host.page.evaluate("window.usual = window.open; window.open = () => null")
    host.begin(accountType="default")
    host.hears("error", "popup_blocked", "oauth")
    assert "Allow it and press the button" in host.page.evaluate("failure.displayMessage")
    with host.page.context.expect_page() as opened:
        host.page.evaluate("window.open = usual; stage.open()")
    opened.value.locator("#allow").click()
    host.ends("resolved")


def test_a_window_left_open_ends_in_time(host):
    window = host.beginning_at_provider(oauthTimeout=1_500)
    host.ends("consent_timeout")
    assert host.heard[-2:] == [["next", "done"], ["error", "consent_timeout", None]]
    host.page.wait_for_timeout(100)
    assert window.is_closed()
    assert host.step("cancel") == "no_active_flow"


def test_what_is_left_to_choose_is_chosen_after_the_approval(host):
    host.begin("jira", accountType=OWN)
    host.hears("next", "preOptions")
    address = host.page.evaluate("stage.redirectUrl")
    app = host.stack.provider.register_client("jira", redirect_uris=[address])
    entered = {"client_id": app.client_id, "client_secret": app.client_secret}
    host.window_of("setPreOptions", entered).locator("#allow").click()
    host.hears("next", "postOptions")
    (choice,) = host.page.evaluate("stage.options")
    assert (choice["type"], len(choice["options"])) == ("select", 2)
    assert host.step("setPostOptions", {"post_option": "nowhere"}) == "validation_failed"
    host.hears("error", "validation_failed", "postOptions")
    assert host.step("setPostOptions", {choice["name"]: choice["options"][1]["value"]}) is None
    host.ends("resolved")
    (connection,) = host.person.connections(host.stack)
    assert connection["status"] == "VALID"


def test_cancelling_a_reconnection_keeps_what_works(host):
    host.beginning_at_provider().locator("#allow").click()
    host.ends("resolved")
    (before,) = host.person.connections(host.stack)
    host.page.evaluate(HOST)
    host.beginning_at_provider(selectedCredentialId=before["id"], allowMultipleCredentials=True)
    assert host.step("cancel") is None
    host.ends("cancelled")
    (after,) = host.person.connections(host.stack)
    assert (after["id"], after["status"]) == (before["id"], "VALID")


def test_no_secret_ticket_or_token_is_in_an_address_or_storage(host):
    asked: list[str] = []
    host.page.context.on("request", lambda request: asked.append(request.url))
    host.begin(accountType=OWN)
    host.hears("next", "preOptions")
    window = host.window_of("setPreOptions", ENTERED)
    kept = host.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, stage])")
    assert not [url for url in [*asked, kept] if "fake-secret" in url or "start_ticket" in url]
    assert not [url for url in [*asked, kept] if "eyJ" in url]
    window.close()
