"""Acme CRM itself: whom it signs tokens for, its buttons, and its page without JavaScript."""

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from playwright.sync_api import Browser

from tests.acme import AcmeSite
from tests.browser.sdk_page import PROJECT, OpenPage, SdkPage
from tests.browser.stub_portal import StubPortal, connection

pytest_plugins = ["tests.browser.sdk_fixtures"]

MINT = "fetch('/user-token', {method: 'POST'}).then((r) => r.json()).then((r) => r.user_token)"


def claims_of(sdk: SdkPage, token: str) -> dict[str, object]:
    """Verify a token as a portal does."""
    signer = sdk.acme.signer
    key = load_pem_private_key(signer.signing_key.encode(), None).public_key()
    assert jwt.get_unverified_header(token)["kid"] == "k1"
    verified: dict[str, object] = jwt.decode(
        token,
        key,  # type: ignore[arg-type]
        algorithms=["RS256"],
        audience=f"{sdk.portal.origin}/p/{PROJECT}",
        issuer=PROJECT,
    )
    return verified


def test_each_user_gets_a_token_of_their_own(sdk: SdkPage) -> None:
    dana = claims_of(sdk, sdk.run(MINT))
    sdk.page.get_by_role("button", name="Bob Lee").click()
    sdk.page.wait_for_selector("[value=bob][aria-pressed=true]")
    bob = claims_of(sdk, sdk.run(MINT))
    sdk.page.goto(f"{sdk.acme.origin}/?user=dana")
    assert claims_of(sdk, sdk.run(MINT))["sub"] == "user-dana"
    assert (dana["sub"], dana["name"], dana["org_admin"]) == ("user-dana", "Dana Reyes", True)
    assert (bob["sub"], bob["name"], bob.get("org_admin")) == ("user-bob", "Bob Lee", None)
    assert dana["org"] == bob["org"] == "northwind"
    assert isinstance(dana["exp"], int)
    assert isinstance(dana["iat"], int)
    assert dana["exp"] - dana["iat"] == 300


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_get_no_token(sdk: SdkPage, site: str) -> None:
    address = f"http://127.0.0.1:{sdk.acme.port}/user-token"
    answer = requests.post(address, headers={"Sec-Fetch-Site": site}, timeout=5)
    assert answer.status_code == 403
    assert "." not in answer.text


def test_the_buttons_drive_the_sdk_and_the_log_says_so(
    open_page: OpenPage, portal: StubPortal
) -> None:
    portal.connections = [connection("jira")]
    sdk = open_page()
    assert sdk.page.get_by_role("button", name="Connect Jira", exact=True).count() == 0
    sdk.page.get_by_role("button", name="Disconnect Jira").click()
    sdk.page.wait_for_selector("#log >> text=onIntegrationUninstall")
    sdk.page.get_by_label("Connect with").select_option(label="Own app")
    sdk.page.get_by_role("button", name="Connect Jira", exact=True).click()
    sdk.page.wait_for_selector(".cp-portal[data-state=ready]")
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.all("account_type") == ["user-configured-oauth"]
    sdk.say("close")
    sdk.page.wait_for_selector("#log >> text=cancelled")


def test_a_strict_policy_is_enough(sdk: SdkPage) -> None:
    sdk.open()
    assert (
        "unsafe"
        not in requests.get(f"http://127.0.0.1:{sdk.acme.port}/", timeout=5).headers[
            "Content-Security-Policy"
        ]
    )
    assert sdk.console == []
    assert sdk.run("getComputedStyle(document.querySelector('.cp-frame')).borderStyle") == "none"


def test_a_portal_that_is_down_is_said(chromium: Browser, signing_key: str) -> None:
    down = "http://localhost:9"
    page = chromium.contexts[0].new_page()
    with AcmeSite(portal=down, project=PROJECT, signing_key=signing_key, kid="k") as acme:
        page.goto(acme.origin)
        page.wait_for_selector(f"text=The portal at {down} does not answer")
        page.close()


@pytest.mark.parametrize("policy", ["no-referrer", "same-origin"])
def test_the_portal_opens_without_javascript(
    chromium: Browser, portal: StubPortal, signing_key: str, policy: str
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    with AcmeSite(
        portal=portal.origin,
        project=PROJECT,
        signing_key=signing_key,
        kid="k1",
        referrer_policy=policy,
    ) as acme:
        page.goto(acme.origin)
        page.get_by_role("link", name="Open the portal as a page").click()
        page.get_by_label("Integration").select_option("gmail")
        page.get_by_role("button", name="Connect").click()
        page.wait_for_url(f"{portal.origin}/embed/{PROJECT}/open")
        (opened,) = portal.sent("POST", "/embed/")
        assert opened.headers["origin"] == acme.origin
        assert opened.headers["sec-fetch-dest"] == "document"
        fields = dict(opened.fields)
        assert fields.pop("user_token").count(".") == 2
        assert opened.all("account_type") == ["default", fields.pop("account_type")]
        assert fields == {
            "display": "page",
            "mode": "install",
            "integration": "gmail",
            "return_url": f"{acme.origin}/return",
        }
        page.goto(f"{acme.origin}/return?cp_flow=<script>x</script>")
        assert page.get_by_text("<script>x</script>").is_visible()
    context.close()
