"""What the SDK sends, what it returns, and that its reference is complete."""

import gzip
import re
import tomllib
from pathlib import Path

import pytest

from tests.browser.sdk_page import PROJECT, OpenPage, SdkPage
from tests.browser.stub_portal import SDK, StubPortal, connection

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
    "subscribe",
    "unsubscribe",
    "uninstallIntegration",
]


@pytest.mark.parametrize(
    ("account_type", "fields"),
    [
        ('"user-configured-oauth"', ["user-configured-oauth"]),
        ('["user-configured-oauth", "default"]', ["user-configured-oauth", "default"]),
        ('""', []),
        ("[]", []),
        ("undefined", []),
    ],
)
def test_account_types_are_posted_in_the_callers_order(
    sdk: SdkPage, portal: StubPortal, account_type: str, fields: list[str]
) -> None:
    sdk.open(f'connect("gmail", {{accountType: {account_type}}})')
    assert portal.sent("POST", "/embed/")[0].all("account_type") == fields


def test_one_form_post_carries_every_field(sdk: SdkPage, portal: StubPortal) -> None:
    sdk.open('connect("gmail", {externalId: " ext:sales ", locale: "de", theme: "dark"})')
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.path == f"/embed/{PROJECT}/open"
    assert [field for field in opened.fields if field[0] != "user_token"] == [
        ("integration", "gmail"),
        ("external_id", "sales"),
        ("display", "embed"),
        ("locale", "de"),
        ("theme", "dark"),
        ("mode", "install"),
        ("show_after", "1"),
    ]


def test_a_selected_credential_is_reconnected(open_page: OpenPage, portal: StubPortal) -> None:
    second = connection(number=2, status="INVALID", external_id="sales")
    portal.connections = [VALID, second]
    sdk = open_page()
    sdk.open('connect("gmail", {selectedCredentialId: "ext:sales"})')
    (opened,) = portal.sent("POST", "/embed/")
    assert opened.all("mode") == ["reconnect"]
    assert opened.all("connection_id") == [second["id"]]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ('{externalId: "  "}', "invalid_argument"),
        ('{externalId: "a", selectedCredentialId: "b"}', "invalid_argument"),
        ('{externalId: "sales"}', "external_id_taken"),
    ],
)
def test_bad_external_ids_are_refused(
    open_page: OpenPage, portal: StubPortal, options: str, code: str
) -> None:
    portal.connections = [connection(external_id="sales")]
    sdk = open_page()
    sdk.begin(f'connect("gmail", {options})')
    assert sdk.settled()["code"] == code


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
    assert sorted(sdk.run("Object.keys(ConnectPortal)")) == sorted(METHODS)
    types = (ROOT / "static" / "connect.d.ts").read_text()
    reference = (ROOT / "docs" / "sdk.md").read_text()
    for method in METHODS:
        assert re.search(rf"^  {method}\(", types, re.MULTILINE), method
        assert f"`{method}(" in reference, method


def test_the_reference_names_every_error_code() -> None:
    codes = set(re.findall(r'problem\(\s*"(\w+)"', SDK.read_text()))
    reference = (ROOT / "docs" / "sdk.md").read_text()
    assert codes
    assert [code for code in sorted(codes) if f"`{code}`" not in reference] == []


def test_the_sdk_is_small() -> None:
    assert len(gzip.compress(SDK.read_bytes(), compresslevel=9)) <= GZIP_LIMIT
