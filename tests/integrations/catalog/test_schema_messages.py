"""What a file may say about messages, and that nothing it says switches a protection off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integrations.catalog.values import RESERVED_HEADERS
from tests.integrations.catalog.provider_files import SETTING, SETUP, assert_refused, loaded

REALM = {"name": "realm", "param": "realmId", "pattern": r"\A[0-9]{1,20}\Z", "required": True}
IDENTITY = {"endpoint": "https://acme.example/me", "id_paths": ["id"], "label_path": "email"}
PROBLEM = {"seen": "oops", "at": "page", "means": "It is.", "fix": "Do it."}
PKCE_AND_STATE = ("state", "code_challenge", "code_challenge_method", "code_verifier")


@pytest.mark.parametrize("name", [*PKCE_AND_STATE, "iss", "error", "redirect_uri", "scope", "a b"])
@pytest.mark.parametrize("key", ["client_id", "client_secret", "code", "response_code"])
def test_no_parameter_takes_the_name_of_another(tmp_path: Path, key: str, name: str) -> None:
    assert_refused(tmp_path, key="parameters", reason="", parameters={key: name})


@pytest.mark.parametrize("name", [*PKCE_AND_STATE, "client_secret", "code"])
def test_no_protection_is_left_out_of_a_request(tmp_path: Path, name: str) -> None:
    for key in ("authorization_without", "token_without"):
        reason = "Input should be"
        assert_refused(tmp_path, key=f"parameters.{key}.0", reason=reason, parameters={key: [name]})


def test_two_parameters_have_two_names(tmp_path: Path) -> None:
    names = {"client_id": "app", "client_secret": "app"}
    assert_refused(tmp_path, key="parameters", reason="of one name", parameters=names)


@pytest.mark.parametrize("header", [*sorted(RESERVED_HEADERS), "Host", "Proxy-Authorization"])
def test_no_header_frames_the_message_or_carries_credentials(tmp_path: Path, header: str) -> None:
    reason = "cannot be fixed here"
    headers = {header: "x"}
    assert_refused(
        tmp_path, key="token_request_headers", reason=reason, token_request_headers=headers
    )
    identity = IDENTITY | {"headers": headers}
    assert_refused(tmp_path, key="identity.headers", reason=reason, identity=identity)
    if header != "authorization":
        use = {"header": header}
        assert_refused(tmp_path, key="token_use.header", reason=reason, token_use=use)


@pytest.mark.parametrize("value", ["", "a\r\nX: y", "a\nb", " a", "a ", "\u00e4", "a" * 257])
def test_a_header_is_one_line_of_plain_text(tmp_path: Path, value: str) -> None:
    headers = {"X-Acme": value}
    reason = "cannot be fixed here"
    assert_refused(
        tmp_path, key="token_request_headers", reason=reason, token_request_headers=headers
    )


@pytest.mark.parametrize("word", ["{access_token}", "{client_secret}", "{subdomain}"])
def test_a_header_names_the_public_client_id_at_most(tmp_path: Path, word: str) -> None:
    identity = IDENTITY | {"headers": {"X-Acme": word}}
    assert_refused(tmp_path, key="identity.headers", reason="cannot be put", identity=identity)


@pytest.mark.parametrize("param", ["code", "state", "iss", "error", "redirect_uri", "client_id"])
def test_no_callback_parameter_is_one_that_the_flow_reads(tmp_path: Path, param: str) -> None:
    rule = REALM | {"param": param}
    assert_refused(tmp_path, key="callback_params.0", reason="", callback_params=[rule])


def test_a_callback_parameter_is_anchored(tmp_path: Path) -> None:
    rule = REALM | {"pattern": "[0-9]+"}
    key = "callback_params.0.pattern"
    assert_refused(tmp_path, key=key, reason=r"begin with \A", callback_params=[rule])


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization_endpoint": "https://{realm}.acme.example/x"},
        {"token_endpoint": "https://{realm}.acme.example/x"},
        {"revocation_endpoint": "https://{realm}.acme.example/x"},
        {"issuer": "https://{realm}.acme.example"},
        {"refresh": {"endpoint": "https://{realm}.acme.example/x"}},
        {"token_params": {"context": "{realm}"}},
        {
            "dialects": ["long_lived_token"],
            "long_lived": {
                "endpoint": "https://{realm}.acme.example/x",
                "grant_type": "exchange",
                "token_param": "short",
            },
        },
    ],
)
def test_a_callback_never_forms_an_address_that_gets_a_secret(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert_refused(tmp_path, key="(file)", reason="{realm}", callback_params=[REALM], **changes)


def test_a_required_callback_parameter_may_be_part_of_the_identity_address(tmp_path: Path) -> None:
    identity = IDENTITY | {"endpoint": "https://acme.example/{realm}/me"}
    assert loaded(tmp_path, callback_params=[REALM], identity=identity).identity
    optional = [REALM | {"required": False}]
    assert_refused(
        tmp_path, key="(file)", reason="{realm}", callback_params=optional, identity=identity
    )


@pytest.mark.parametrize("word", ["{client_secret}", "{access_token}", "{token}"])
def test_no_secret_is_put_into_an_address(tmp_path: Path, word: str) -> None:
    endpoint = f"https://acme.example/apps/{word}/token"
    assert_refused(tmp_path, key="(file)", reason=word, revocation_endpoint=endpoint)


def test_the_client_id_may_be_part_of_the_revocation_address(tmp_path: Path) -> None:
    endpoint = "https://acme.example/apps/{client_id}/token"
    acme = loaded(tmp_path, revocation_endpoint=endpoint)
    assert acme.host_settings() == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"dialects": ["long_lived_token"]},
        {"dialects": ["authorization_in_fragment"]},
        {"authorization_fragment": "/oauth"},
    ],
)
def test_a_dialect_and_its_key_belong_together(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert_refused(tmp_path, key="(file)", reason="belong together", **changes)


@pytest.mark.parametrize("fragment", ["oauth", "/a?b", "/a#b", "/a/../b", "/A", "/a\n", "/"])
def test_a_fragment_is_a_plain_path(tmp_path: Path, fragment: str) -> None:
    assert_refused(
        tmp_path,
        key="authorization_fragment",
        reason="pattern",
        dialects=["authorization_in_fragment"],
        authorization_fragment=fragment,
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": []}, "no required setting"),
        ({"settings": [SETTING | {"required": False}]}, "no required setting"),
    ],
)
def test_a_name_for_the_redirect_uri_is_a_required_setting(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    named = {"redirect_uri_setting": "subdomain"}
    assert_refused(tmp_path, key="(file)", reason=reason, parameters=named, **changes)


@pytest.mark.parametrize(
    "problem",
    [
        {"field": "state"},
        {"field": "settings"},
        {"field": "settings.A"},
        {"field": "settings.x.y"},
        {"at": "somewhere"},
        {"means": "Enter {subdomain}."},
        {"fix": ""},
        {"seen": ""},
        {"cause": "x"},
    ],
)
def test_a_problem_says_where_and_what_to_do(tmp_path: Path, problem: dict[str, Any]) -> None:
    key = f"errors.0.{next(iter(problem))}"
    assert_refused(tmp_path, key=key, reason="", errors=[PROBLEM | problem])


def test_a_problem_is_explained_once_and_names_a_setting_there_is(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="errors", reason="once", errors=[PROBLEM, PROBLEM])
    unknown = [PROBLEM | {"field": "settings.nothing"}]
    assert_refused(tmp_path, key="(file)", reason="settings.nothing", errors=unknown)
    known = [PROBLEM | {"field": "settings.subdomain"}]
    assert loaded(tmp_path, errors=known, settings=[SETTING]).errors[0].setting == "subdomain"


@pytest.mark.parametrize("value", ["a", "b\n", "c", "", "A"])
def test_a_choice_without_a_pattern_is_one_of_its_options(tmp_path: Path, value: str) -> None:
    choice = {
        "name": "region",
        "label": "Region",
        "kind": "choice",
        "options": {"a": "A", "b.c": "B"},
    }
    setting = loaded(tmp_path, settings=[choice]).settings[0]
    assert setting.takes(value) == (value == "a")
    assert setting.takes("b.c")
    assert not setting.takes("bxc")
    assert not setting.takes_others


def test_a_choice_with_a_pattern_takes_others(tmp_path: Path) -> None:
    choice = {"name": "region", "label": "Region", "kind": "choice", "options": {"a": "A"}}
    setting = loaded(tmp_path, settings=[choice | {"pattern": r"\A[a-z]\Z"}]).settings[0]
    assert setting.takes("z")
    assert setting.takes_others


@pytest.mark.parametrize(
    "value", ["../x", "a/../b", "a//b", "./a", "a/.", "a?b", "a#b", "a b", "%2e"]
)
def test_a_path_stays_below_its_host(tmp_path: Path, value: str) -> None:
    path = {"name": "token_path", "label": "Path", "kind": "path", "pattern": r"\A.{1,99}\Z"}
    setting = loaded(tmp_path, settings=[path]).settings[0]
    assert not setting.takes(value)
    assert setting.takes("oauth2/v1/token.json")


def test_a_scope_names_checked_settings_only(tmp_path: Path) -> None:
    scope = {"name": "https://{org}.acme.example/all", "description": "All"}
    changes: dict[str, Any] = {"scopes": [scope], "default_scopes": [scope["name"]]}
    assert_refused(tmp_path, key="(file)", reason="{org}", **changes)


def test_a_sentence_of_the_guide_has_no_word_that_stays_open(tmp_path: Path) -> None:
    setup = SETUP | {"tip": "Use {api}."}
    assert_refused(tmp_path, key="setup.tip", reason="{api}", setup=setup)


def test_a_body_is_sent_by_post_only(tmp_path: Path) -> None:
    identity = IDENTITY | {"body": "{}"}
    assert_refused(tmp_path, key="identity", reason="POST", identity=identity)
