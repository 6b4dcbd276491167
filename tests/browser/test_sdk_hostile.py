"""The SDK among hostile windows, strict policies, dead portals and expiring tokens."""

import json
import time

import jwt
import pytest

from tests.acme.users import DANA
from tests.browser.sdk_page import PROJECT, OpenPage, SdkPage
from tests.browser.stub_portal import FLOW, StubPortal, connection, flow

pytest_plugins = ["tests.browser.sdk_fixtures"]

MESSAGE = {"v": 1, "source": "connect-portal", "type": "connected", "flow": FLOW}
CLOSE = {**MESSAGE, "type": "close"}


def confirmable(portal: StubPortal) -> None:
    """Make the portal confirm, so that only the SDK's own checks stand in the way."""
    portal.flows[FLOW] = flow("COMPLETED", connection())


def nothing_happened(sdk: SdkPage, portal: StubPortal) -> bool:
    """Tell whether the call is pending, the dialog open and the portal was not asked."""
    pending = sdk.stays_pending()
    return pending and sdk.dialog.count() == 1 and not portal.sent("GET", "/api/v1/flows/")


def test_the_portals_own_message_is_accepted(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    confirmable(portal)
    sdk.frame.evaluate("(message) => parent.postMessage(message, '*')", MESSAGE)
    assert sdk.settled()["state"] == "resolved"


def test_a_message_from_another_window_of_the_portals_origin_is_ignored(
    sdk: SdkPage, portal: StubPortal
) -> None:
    sdk.open()
    confirmable(portal)
    sdk.run(
        f"""new Promise((loaded) => {{
          const other = document.createElement("iframe");
          other.name = "other"; other.onload = loaded; other.src = "{portal.origin}/another-page";
          document.body.append(other);
        }})"""
    )
    other = sdk.page.frame(name="other")
    assert other
    for message in (MESSAGE, CLOSE):
        other.evaluate("(message) => parent.postMessage(message, '*')", message)
    assert nothing_happened(sdk, portal)


def test_a_message_from_the_page_itself_is_ignored(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    confirmable(portal)
    for message in (MESSAGE, CLOSE):
        sdk.page.evaluate("(message) => postMessage(message, '*')", message)
    assert nothing_happened(sdk, portal)


def test_a_message_from_another_origin_in_the_portals_frame_is_ignored(
    open_page: OpenPage, portal: StubPortal
) -> None:
    sdk = open_page(csp="")
    frame = sdk.open()
    confirmable(portal)
    elsewhere = portal.origin.replace("localhost", "127.0.0.1") + "/another-page"
    frame.goto(elsewhere)
    assert sdk.frame.url == elsewhere
    for message in (MESSAGE, CLOSE):
        sdk.frame.evaluate("(message) => parent.postMessage(message, '*')", message)
    assert nothing_happened(sdk, portal)


STRANGE = (
    {**MESSAGE, "v": 2},
    {**MESSAGE, "v": "1"},
    {**MESSAGE, "source": "someone"},
    {**MESSAGE, "type": "unheard-of"},
    {**MESSAGE, "flow": {"toString": "no"}},
    {**MESSAGE, "flow": None},
    None,
    "connected",
    [1],
)


def test_a_message_of_another_shape_is_ignored(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    confirmable(portal)
    for message in STRANGE:
        sdk.frame.evaluate("(message) => parent.postMessage(message, '*')", message)
        assert nothing_happened(sdk, portal), message
    assert not [line for line in sdk.console if "uncaught" in line]


def test_a_flow_id_cannot_leave_its_path(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open()
    sdk.say("connected", flow="../me/connections?x=1")
    sdk.until(lambda: bool(portal.sent("GET", "/api/v1/flows/")))
    (asked,) = portal.sent("GET", "/api/v1/flows/")
    assert asked.path == "/api/v1/flows/..%2Fme%2Fconnections%3Fx%3D1"


def test_the_frame_is_told_nothing_where_forms_may_be_sent(sdk: SdkPage) -> None:
    frame = sdk.open()
    assert sdk.stays_pending()
    assert frame.evaluate("heard") == []


def test_a_policy_that_blocks_the_portal_is_named(open_page: OpenPage, portal: StubPortal) -> None:
    directive = "frame-src"
    sdk = open_page(csp=f"{directive} 'self'")
    sdk.begin('connect("gmail")')
    outcome = sdk.settled()
    assert outcome["code"] == "blocked_by_csp"
    advice = f"Add {portal.origin} to {directive} in this page's Content-Security-Policy."
    assert outcome["message"] == advice
    assert f"Connect Portal: {advice}" in sdk.console
    sdk.page.locator(".cp-portal p").get_by_role("button", name="Close").click()
    assert sdk.dialog.count() == 0


def test_a_portal_that_shows_no_page_of_its_own_is_unreachable(
    timed: SdkPage, portal: StubPortal
) -> None:
    portal.ready = False
    with timed.page.expect_response("**/embed/**") as opened:
        timed.begin('connect("gmail")')
    opened.value.finished()
    timed.page.clock.run_for(9_000)
    assert timed.outcome["state"] == "pending"
    timed.page.clock.run_for(1_500)
    outcome = timed.settled()
    assert outcome["code"] == "portal_unreachable"
    for cause in (timed.acme.origin, "an origin of the project", "is the portal up"):
        assert cause in outcome["message"]
    assert f"Connect Portal: {outcome['message']}" in timed.console
    assert timed.dialog.is_visible()
    assert timed.run("document.activeElement.textContent") == "✕"
    portal.ready = True
    timed.open()
    assert timed.dialog.count() == 1


def test_a_portal_that_hangs_is_unreachable_after_ten_seconds(
    timed: SdkPage, portal: StubPortal
) -> None:
    portal.open_delay = 1
    timed.begin('connect("gmail")')
    timed.until(lambda: bool(portal.sent("POST", "/embed/")))
    timed.page.clock.run_for(9_000)
    assert timed.outcome["state"] == "pending"
    timed.page.clock.run_for(1_500)
    assert timed.outcome["code"] == "portal_unreachable"


def test_the_token_is_in_no_address_storage_document_or_log(
    open_page: OpenPage, portal: StubPortal
) -> None:
    portal.connections = [connection()]
    sdk = open_page()
    addresses: list[str] = []
    sdk.page.on("request", lambda request: addresses.append(request.url))
    sdk.open()
    (opened,) = portal.sent("POST", "/embed/")
    (token,) = opened.all("user_token")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == (PROJECT, f"{portal.origin}/p/{PROJECT}")
    signature = token.rsplit(".", 1)[1]
    places = {
        "addresses": addresses + [r.path for r in portal.requests],
        "referrers": [r.headers.get("referer") for r in portal.requests],
        "console": sdk.console,
        "page": sdk.run(
            """() => [document.documentElement.outerHTML, {...localStorage}, {...sessionStorage},
              document.cookie, window.name, history.state, location.href,
              performance.getEntries(), ConnectPortal, ConnectPortal.getUser()]"""
        ),
    }
    assert [name for name, found in places.items() if signature in json.dumps(found)] == []
    assert sdk.run("document.forms.length") == 1, "only Acme's own form is left"
    assert sdk.run("document.querySelectorAll('meta[name=referrer]').length") == 0


@pytest.mark.parametrize(
    "policies",
    [
        {},
        {"referrer_policy": "no-referrer"},
        {"referrer_policy": "same-origin"},
        {"referrer_policy": "unsafe-url", "coop": "same-origin"},
    ],
)
def test_the_origin_is_real_under_any_policy_of_the_host(
    open_page: OpenPage, portal: StubPortal, policies: dict[str, str]
) -> None:
    sdk = open_page(**policies)
    sdk.open()
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.headers["origin"] == sdk.acme.origin
    assert opened.headers["sec-fetch-dest"] == "iframe"
    assert opened.headers.get("referer") in (None, f"{sdk.acme.origin}/")
    assert "cookie" not in opened.headers


def test_a_referrer_policy_of_the_hosts_document_is_put_back(sdk: SdkPage) -> None:
    sdk.run(
        """document.head.append(Object.assign(document.createElement("meta"),
          {name: "referrer", content: "no-referrer"}))"""
    )
    sdk.open()
    with sdk.page.expect_request("**/later") as later:
        sdk.run("fetch('/later').then((response) => response.status)")
    assert "referer" not in later.value.all_headers()


def test_a_token_about_to_expire_is_renewed_after_the_dialog_opened(
    sdk: SdkPage, portal: StubPortal
) -> None:
    sdk.run(
        f"""() => {{
          const old = {json.dumps(_expiring(sdk))};
          let release;
          window.release = () => release(fetch("/user-token", {{method: "POST"}})
            .then((r) => r.json()).then((r) => r.user_token));
          window.asked = 0;
          return ConnectPortal.authenticate("{PROJECT}", {{
            fetchUserToken: () => asked++ ? new Promise((r) => {{ release = r; }}) : old}});
        }}"""
    )
    opened_at_once = """async () => {
      ConnectPortal.connect("gmail").catch(() => {});
      await new Promise((soon) => setTimeout(soon));
      return document.querySelector("dialog[open]")?.dataset.state;
    }"""
    assert sdk.run(opened_at_once) == "loading"
    assert portal.sent("POST", "/embed/") == []
    sdk.run("release()")
    sdk.page.wait_for_selector(".cp-portal[data-state=ready]")
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.all("user_token") != [_expiring(sdk)]


def _expiring(sdk: SdkPage) -> str:
    now = int(time.time())
    claims = {"iss": PROJECT, "sub": DANA.subject, "iat": now - 270, "exp": now + 30}
    return jwt.encode(claims, sdk.acme.signer.signing_key, algorithm="RS256")


def test_a_refused_token_is_renewed_once(sdk: SdkPage, portal: StubPortal) -> None:
    portal.refusals = 1
    sdk.begin("getIntegrationMetadata()")
    assert sdk.settled()["state"] == "resolved"
    portal.refusals = 2
    sdk.begin("getIntegrationMetadata()")
    assert sdk.settled()["code"] == "user_token_expired"


def test_a_source_without_tokens_is_an_error(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.begin(f'authenticate("{PROJECT}", {{fetchUserToken: () => Promise.reject(1)}})')
    assert sdk.settled()["code"] == "token_fetch_failed"
    sdk.begin(f'authenticate("{PROJECT}", "")')
    assert sdk.settled()["code"] == "invalid_argument"


def test_another_portal_never_gets_this_ones_token(sdk: SdkPage, portal: StubPortal) -> None:
    with StubPortal() as other:
        sdk.run(f"ConnectPortal.configure({{baseUrl: '{other.origin}/x'}})")
        assert sdk.run("ConnectPortal.getUser()") == {"authenticated": False}
        sdk.begin('connect("gmail")')
        assert sdk.settled()["code"] == "not_authenticated"
        assert other.requests == []
