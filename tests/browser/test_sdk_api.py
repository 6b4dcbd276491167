"""What the SDK sends, what it returns, and that its reference is complete."""

import gzip
import re
import tomllib
from pathlib import Path

from tests.browser.sdk_page import PROJECT, OpenPage, SdkPage
from tests.browser.stub_portal import SDK, StubPortal, connection
from tests.sdk_codes import UNION, raised, union

pytest_plugins = ["tests.browser.sdk_fixtures"]

ROOT = Path(__file__).parents[2]
GZIP_LIMIT = 8192
VALID = connection()
METHODS = [
    "authenticate",
    "closePortal",
    "configure",
    "connect",
    "getIntegrationMetadata",
    "getUser",
    "getVersion",
    "installIntegration",
    "logout",
    "manage",
    "resume",
    "setHeadless",
    "subscribe",
    "unsubscribe",
    "uninstallIntegration",
]
STEPS = ["cancel", "setAccountType", "setPostOptions", "setPreOptions", "start"]


ASKED = {
    '"user-configured-oauth"': ["user-configured-oauth"],
    '["default"]': ["default"],
    '["user-configured-oauth", "default"]': ["user-configured-oauth", "default"],
    '""': [],
    "[]": [],
    "undefined": [],
}


def test_account_types_are_posted_in_the_callers_order(sdk: SdkPage, portal: StubPortal) -> None:
    for asked, fields in ASKED.items():
        sdk.open(f'connect("gmail", {{accountType: {asked}}})')
        assert portal.sent("POST", "/embed/")[-1].all("account_type") == fields, asked
        sdk.run("ConnectPortal.closePortal()")
        assert sdk.settled()["code"] == "cancelled"


def test_one_form_post_carries_every_field(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open('connect("gmail", {externalId: " ext:sales ", locale: "de", theme: "dark"})')
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.path == f"/embed/{PROJECT}/open"
    assert [field for field in opened.fields if field[0] != "user_token"] == [
        ("display", "embed"),
        ("integration", "gmail"),
        ("external_id", "sales"),
        ("locale", "de"),
        ("theme", "dark"),
        ("mode", "install"),
    ]


def test_a_selected_credential_is_reconnected(open_page: OpenPage, portal: StubPortal) -> None:
    second = connection(number=2, status="INVALID", external_id="sales")
    portal.connections = [VALID, second]
    sdk = open_page()
    sdk.open('connect("gmail", {selectedCredentialId: "ext:sales"})')
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.all("mode") == ["reconnect"]
    assert opened.all("connection_id") == [second["id"]]


REFUSED = {
    '{externalId: "  "}': "invalid_argument",
    '{externalId: "a", selectedCredentialId: "b"}': "invalid_argument",
    '{externalId: "sales"}': "external_id_taken",
    '{accountType: "nonsense"}': "account_type_unknown",
    '{accountType: ["default", "Default"]}': "account_type_unknown",
    "{bypassPostOAuthPrompt: true, showPortalAfterInstall: true}": "invalid_argument",
    '{overrideRedirectUrl: "https://evil.example/oauth/callback/a"}': "redirect_url_not_allowed",
    '{overrideRedirectUrl: "not an address"}': "redirect_url_not_allowed",
}


def test_bad_options_are_refused_without_opening(open_page: OpenPage, portal: StubPortal) -> None:
    portal.connections = [connection(external_id="sales")]
    sdk = open_page()
    for options, code in REFUSED.items():
        sdk.begin(f'connect("gmail", {options})')
        assert sdk.settled()["code"] == code, options
    assert portal.sent("POST", "/embed/") == []


def test_an_account_type_that_this_integration_lacks_is_an_error(sdk: SdkPage) -> None:
    sdk.begin('connect("slack", {accountType: "user-configured-oauth"})')
    outcome = sdk.settled()
    assert outcome["code"] == "account_type_not_allowed"
    assert outcome["message"].endswith("is not offered. Offered: default.")


def test_uninstall_deletes_the_selected_connection(open_page: OpenPage, portal: StubPortal) -> None:
    portal.connections = [VALID, connection(number=2)]
    sdk = open_page()
    sdk.begin(f'uninstallIntegration("gmail", {{selectedCredentialId: "{VALID["id"]}"}})')
    assert sdk.settled()["state"] == "resolved"
    assert [r.path for r in portal.sent("DELETE", "/")] == [f"/api/v1/me/connections/{VALID['id']}"]
    left = sdk.run("ConnectPortal.getUser().integrations.gmail")
    assert [each["id"] for each in left["allCredentials"]] == [connection(number=2)["id"]]


def test_uninstall_of_nothing_is_refused(sdk: SdkPage) -> None:
    sdk.begin('uninstallIntegration("gmail")')
    assert sdk.settled()["code"] == "not_installed"


def test_the_user_is_a_copy_with_statuses_of_the_public_wire(
    open_page: OpenPage, portal: StubPortal
) -> None:
    portal.connections = [connection(status="DISCONNECTED"), connection(number=2, status="LIMITED")]
    sdk = open_page()
    sdk.run("ConnectPortal.getUser().integrations.gmail.allCredentials.length = 0")
    user = sdk.run("ConnectPortal.getUser()")
    assert (user["userId"], user["name"]) == ("user-dana", "Dana Reyes")
    gmail = user["integrations"]["gmail"]
    assert gmail["credentialStatus"] == "VALID"
    assert [each["missingScopes"] for each in gmail["allCredentials"]] == [["mail.send"]]
    assert user["integrations"]["jira"] == {"enabled": False, "allCredentials": []} | {
        "credentialId": None,
        "credentialStatus": None,
    }


def test_metadata_of_one_and_of_all(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.begin('getIntegrationMetadata("jira")')
    assert sdk.settled()["value"] == {
        "type": "jira",
        "name": "Jira",
        "icon": f"{portal.origin}/static/logos/jira.svg",
        "description": "Work with Jira from inside your records.",
        "accountTypes": ["default", "user-configured-oauth"],
    }
    sdk.begin("getIntegrationMetadata()")
    assert [each["type"] for each in sdk.settled()["value"]] == ["gmail", "jira", "slack"]


def test_the_version_is_the_projects(sdk: SdkPage) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sdk.run("ConnectPortal.getVersion()") == project["version"]


def test_types_and_reference_name_every_method(sdk: SdkPage) -> None:
    assert sorted(sdk.run("Object.keys(ConnectPortal)")) == sorted([*METHODS, "installFlow"])
    assert sorted(sdk.run("Object.keys(ConnectPortal.installFlow)")) == sorted(STEPS)
    types = (ROOT / "static" / "connect.d.ts").read_text()
    reference = (ROOT / "docs" / "sdk.md").read_text()
    for step in STEPS:
        assert f"`installFlow.{step}(" in reference, step
    for method in METHODS:
        assert re.search(rf"^  {method}\(", types, re.MULTILINE), method
        assert f"`{method}(" in reference, method


def test_the_reference_names_every_error_code() -> None:
    reference = (ROOT / "docs" / "sdk.md").read_text()
    assert len(raised()) > 20
    assert [code for code in sorted(raised()) if f"`{code}`" not in reference] == []


def test_the_types_name_every_error_code_and_no_other() -> None:
    found = UNION.search((ROOT / "static" / "connect.d.ts").read_text())
    assert found, "run python -m tests.sdk_codes"
    assert found[0] == union(), "run python -m tests.sdk_codes"


def test_the_sdk_is_small() -> None:
    assert len(gzip.compress(SDK.read_bytes(), compresslevel=9)) <= GZIP_LIMIT
