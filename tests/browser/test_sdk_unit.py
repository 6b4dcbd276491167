"""What becomes of the SDK's calls, against a stub portal in a real Chromium."""

import pytest

from tests.browser.sdk_page import OpenPage, SdkPage
from tests.browser.stub_portal import FLOW, StubPortal, connection, flow

pytest_plugins = ["tests.browser.sdk_fixtures"]

VALID = connection()


def complete(portal: StubPortal, made: dict[str, object] | None = None) -> None:
    """Make the portal's flow complete, with this connection."""
    made = made or VALID
    portal.connections = [made]
    portal.flows[FLOW] = flow("COMPLETED", made)


def test_connect_resolves_once_the_portal_confirms_and_stays_open(
    sdk: SdkPage, portal: StubPortal
) -> None:
    sdk.open()
    complete(portal)
    sdk.say("connected", flow=FLOW, connection="whatever")
    value = sdk.settled()["value"]
    assert value["credentialId"] == VALID["id"]
    assert value["integrationType"] == "gmail"
    assert value["credential"]["accountLabel"] == "dana1@northwind.example"
    assert sdk.run("ConnectPortal.getUser().integrations.gmail.enabled") is True
    assert sdk.dialog.is_visible()
    sdk.say("close")
    sdk.until(lambda: sdk.dialog.count() == 0)


def test_a_connected_message_that_the_portal_does_not_confirm_changes_nothing(
    sdk: SdkPage, portal: StubPortal
) -> None:
    sdk.open()
    portal.flows[FLOW] = flow("WAITING", VALID)
    sdk.say("connected", flow=FLOW, connection=VALID["id"])
    sdk.until(lambda: bool(portal.sent("GET", f"/api/v1/flows/{FLOW}")))
    assert sdk.stays_pending()
    sdk.say("close")
    assert sdk.settled()["code"] == "cancelled"


def test_a_connected_message_for_an_unknown_flow_rejects_with_the_portals_code(
    sdk: SdkPage,
) -> None:
    sdk.open()
    sdk.say("connected", flow="0197b1f0-0000-7000-8000-00000000dead")
    assert sdk.stays_pending()
    sdk.say("close")
    assert sdk.settled()["code"] == "not_found"


def test_closing_while_the_portal_is_asked_still_resolves(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    complete(portal)
    portal.flow_delay = 0.6
    sdk.say("connected", flow=FLOW)
    sdk.say("close")
    sdk.until(lambda: sdk.dialog.count() == 0)
    assert sdk.outcome["state"] == "pending"
    assert sdk.settled()["state"] == "resolved"


def test_closing_without_success_rejects_with_cancelled(sdk: SdkPage) -> None:
    sdk.open()
    sdk.say("close")
    assert sdk.settled()["code"] == "cancelled"


@pytest.mark.parametrize("kind", ["failed", "session_ended"])
def test_closing_after_a_failure_rejects_with_its_code(sdk: SdkPage, kind: str) -> None:
    sdk.open()
    sdk.say(kind, flow=FLOW, code="invalid_client")
    assert sdk.stays_pending()
    sdk.say("close")
    assert sdk.settled()["code"] == "invalid_client"


def test_a_retry_after_a_failure_can_still_resolve(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    sdk.say("failed", flow=FLOW, code="access_denied")
    complete(portal)
    sdk.say("connected", flow=FLOW)
    assert sdk.settled()["state"] == "resolved"


def test_escape_closes_and_focus_returns_to_the_trigger(sdk: SdkPage) -> None:
    trigger = sdk.page.get_by_role("button", name="Connect Jira")
    trigger.focus()
    sdk.page.keyboard.press("Enter")
    sdk.page.wait_for_selector(".cp-portal[data-state=ready]")
    assert sdk.run("document.activeElement.className") == "cp-frame"
    assert sdk.dialog.get_attribute("aria-label") == "Connect Jira"
    sdk.page.get_by_role("button", name="Close").focus()
    sdk.page.keyboard.press("Escape")
    sdk.until(lambda: sdk.dialog.count() == 0)
    assert sdk.run("document.activeElement.getAttribute('aria-label')") == "Connect Jira"


def test_the_close_button_closes(sdk: SdkPage) -> None:
    sdk.open()
    sdk.page.get_by_role("button", name="Close").click()
    assert sdk.settled()["code"] == "cancelled"


def test_an_aborted_signal_closes_and_rejects(sdk: SdkPage) -> None:
    sdk.run("window.stop = new AbortController()")
    sdk.open('connect("gmail", {signal: stop.signal})')
    sdk.run("stop.abort()")
    assert sdk.settled()["code"] == "aborted"
    assert sdk.dialog.count() == 0


def test_a_signal_aborted_before_does_not_open(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.begin('connect("gmail", {signal: AbortSignal.abort()})')
    assert sdk.settled()["code"] == "aborted"
    assert portal.sent("POST", "/embed/") == []


@pytest.mark.parametrize(("show", "dialogs"), [("false", 0), ("true", 1)])
def test_install_closes_the_portal_unless_asked_to_show_it(
    sdk: SdkPage, portal: StubPortal, show: str, dialogs: int
) -> None:
    sdk.open(f'installIntegration("gmail", {{showPortalAfterInstall: {show}}})')
    complete(portal)
    sdk.say("connected", flow=FLOW)
    assert sdk.settled()["state"] == "resolved"
    assert sdk.dialog.count() == dialogs


@pytest.mark.parametrize("status", ["VALID", "LIMITED"])
def test_install_refuses_what_is_installed(
    open_page: OpenPage, portal: StubPortal, status: str
) -> None:
    portal.connections = [connection(status=status)]
    sdk = open_page()
    sdk.begin('installIntegration("gmail")')
    assert sdk.settled()["code"] == "already_installed"
    sdk.open('installIntegration("gmail", {allowMultipleCredentials: true})')
    assert sdk.dialog.count() == 1


@pytest.mark.parametrize("status", ["INVALID", "PENDING"])
def test_install_accepts_what_does_not_work(
    open_page: OpenPage, portal: StubPortal, status: str
) -> None:
    portal.connections = [connection(status=status)]
    open_page().open('installIntegration("gmail")')


def test_an_integration_that_is_not_offered_rejects_with_those_that_are(sdk: SdkPage) -> None:
    sdk.begin('connect("gmial")')
    outcome = sdk.settled()
    assert outcome["code"] == "integration_not_found"
    assert "gmail, jira, slack" in outcome["message"]
    assert sdk.dialog.count() == 0


def test_a_second_portal_is_refused(sdk: SdkPage) -> None:
    sdk.open()
    sdk.begin('connect("jira")')
    assert sdk.settled()["code"] == "portal_already_open"
    assert sdk.dialog.count() == 1


def test_manage_resolves_when_closed(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open("manage()")
    assert portal.sent("POST", "/embed/")[0].all("mode") == ["manage"]
    assert sdk.dialog.get_attribute("aria-label") == "Manage connections"
    sdk.run("ConnectPortal.closePortal()")
    assert sdk.settled()["state"] == "resolved"


def test_a_disconnected_message_counts_once_the_portal_agrees(
    open_page: OpenPage, portal: StubPortal
) -> None:
    portal.connections = [VALID]
    sdk = open_page()
    sdk.run("ConnectPortal.subscribe('onIntegrationUninstall', (e) => { window.gone = e; }), 0")
    sdk.open("manage()")
    sdk.say("disconnected", connection=VALID["id"])
    sdk.page.wait_for_timeout(300)
    assert sdk.run("window.gone") is None
    portal.connections = []
    sdk.say("disconnected", connection=VALID["id"])
    sdk.until(lambda: sdk.run("window.gone?.credentialId") == VALID["id"])


def test_callbacks_fire_once_and_events_reach_subscribers(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.run(
        """() => {
          window.calls = [];
          const note = (name) => (event, user) =>
            calls.push([name, event.integrationType, user.userId]);
          for (const name of ["onPortalOpen", "onIntegrationInstall", "onPortalClose"])
            ConnectPortal.subscribe(name, note(name));
          const off = ConnectPortal.subscribe("onPortalOpen", note("removed"));
          off();
          window.options = {onSuccess: note("onSuccess"), onInstall: note("onInstall"),
            onOpen: note("onOpen"), onClose: note("onClose"), onError: note("onError")};
        }"""
    )
    sdk.open('connect("gmail", options)')
    complete(portal)
    portal.flows["second"] = flow("COMPLETED", VALID)
    sdk.say("connected", flow=FLOW)
    sdk.say("connected", flow=FLOW)
    sdk.say("connected", flow="second")
    sdk.until(lambda: len(sdk.run("calls")) == 5)
    assert len(portal.sent("GET", "/api/v1/flows/second")) == 1
    sdk.say("close")
    sdk.until(lambda: sdk.dialog.count() == 0)
    names = [name for name, integration, user in sdk.run("calls")]
    assert names == [
        "onPortalOpen",
        "onOpen",
        "onIntegrationInstall",
        "onInstall",
        "onIntegrationInstall",
        "onPortalClose",
        "onClose",
    ]
    assert {tuple(call[1:]) for call in sdk.run("calls")} == {("gmail", "user-dana")}


def test_on_error_gets_what_the_promise_rejects_with(sdk: SdkPage) -> None:
    sdk.run('ConnectPortal.connect("gmail", {onError: (e) => { window.failure = e.code; }}), 0')
    sdk.page.wait_for_selector(".cp-portal[data-state=ready]")
    sdk.run("ConnectPortal.closePortal()")
    sdk.until(lambda: sdk.run("window.failure") == "cancelled")
    assert not [line for line in sdk.console if "uncaught" in line]


def test_a_listener_that_throws_does_not_stop_the_install(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.run(
        """() => {
          addEventListener("error", (event) => { window.reported = event.error.message; });
          ConnectPortal.subscribe("onIntegrationInstall", () => { throw new Error("host"); });
        }"""
    )
    sdk.open()
    complete(portal)
    sdk.say("connected", flow=FLOW)
    assert sdk.settled()["state"] == "resolved"
    assert sdk.run("window.reported") == "host"


def test_the_portal_fits_a_container(sdk: SdkPage) -> None:
    sdk.run("document.querySelector('main').append(window.box = document.createElement('div'))")
    sdk.open('connect("gmail", {container: box})')
    assert sdk.run("box.firstElementChild.tagName") == "SECTION"
    sdk.say("resize", height=777)
    sdk.until(lambda: sdk.run("box.querySelector('iframe').style.blockSize") == "777px")
    sdk.say("close")
    sdk.until(lambda: sdk.run("box.childElementCount") == 0)


def test_logout_closes_forgets_and_ends_every_visit(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    sdk.run("ConnectPortal.logout()")
    assert sdk.settled()["code"] == "cancelled"
    assert len(portal.sent("DELETE", "/api/v1/me/sessions")) == 1
    assert sdk.run("ConnectPortal.getUser()") == {"authenticated": False}
    sdk.begin('connect("gmail")')
    assert sdk.settled()["code"] == "not_authenticated"
