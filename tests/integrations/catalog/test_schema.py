"""Every rule of the schema, each broken once: the refusal names file, key and reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integrations.catalog.schema import RESERVED_PARAMS
from tests.integrations.catalog.provider_files import (
    SETTING,
    SETUP,
    assert_refused,
    loaded,
)

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
IDENTITY = {"id_paths": ["id"], "label_path": "email"}
SCOPE = {"name": "read", "description": "Read everything"}


def test_it_loads_the_smallest_complete_file(tmp_path: Path) -> None:
    acme = loaded(tmp_path)
    assert (acme.slug, acme.code_challenge_method, acme.scope_separator) == (
        "acme",
        "S256",
        " ",
    )
    assert acme.token_endpoint_auth_method == "client_secret_post"


def test_it_refuses_an_unknown_key(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="state_check", reason="not permitted", state_check=False)


def test_it_refuses_an_unknown_key_inside_a_table(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="setup.step", reason="not permitted", setup=SETUP | {"step": "x"})


@pytest.mark.parametrize("key", ["name", "token_endpoint", "authorization_endpoint", "setup"])
def test_it_refuses_a_missing_key(tmp_path: Path, key: str) -> None:
    without: dict[str, Any] = {key: None}
    assert_refused(tmp_path, key=key, reason="required", **without)


def test_it_refuses_a_value_of_the_wrong_type(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="setup.minutes", reason="integer", setup=SETUP | {"minutes": "5"})


@pytest.mark.parametrize("key", ENDPOINTS)
@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://acme.example/token", "https"),
        ("javascript:alert(1)", "https"),
        ("data:text/html,x", "https"),
        ("ftp://acme.example/token", "https"),
        ("//acme.example/token", "https"),
        ("/token", "https"),
        ("http://127.0.0.1/token", "https"),
        ("https:///token", "host"),
        ("https://user@acme.example/token", "user name"),
        ("https://user:password@acme.example/token", "user name"),
        ("https://acme.example\\@evil.example/token", "user name"),
        ("https://acme.example/token#part", "fragment"),
        ("https://acme.example/token#", "fragment"),
        ("https://%s.acme.example/token", "plain URL characters"),
        ("https://acme.example/%(x)s", "plain URL characters"),
        ("https://acme.example/token?%73tate=x", "plain URL characters"),
        ("https://acme .example/token", "plain URL characters"),
        ("https://acme.example/to\nken", "plain URL characters"),
        ("https://\u0430cme.example/token", "plain URL characters"),
        ("https://acme.example:8443/token", "without a port"),
        ("https://acme.example:{x}/token", "ort"),
    ],
)
def test_it_refuses_an_endpoint_that_is_not_a_plain_https_url(
    tmp_path: Path, key: str, endpoint: str, reason: str
) -> None:
    assert_refused(tmp_path, key=key, reason=reason, **{key: endpoint})


def test_it_refuses_an_http_identity_endpoint(tmp_path: Path) -> None:
    identity = IDENTITY | {"endpoint": "http://acme.example/me"}
    assert_refused(tmp_path, key="identity.endpoint", reason="https", identity=identity)


def test_it_refuses_an_http_console(tmp_path: Path) -> None:
    setup = SETUP | {"console": "http://acme.example/apps"}
    assert_refused(tmp_path, key="setup.console", reason="https", setup=setup)


@pytest.mark.parametrize("key", ["website", "documentation"])
@pytest.mark.parametrize("link", ["http://acme.example", "javascript:alert(1)", 'https://a"b.c'])
def test_it_refuses_a_link_a_page_must_not_show(tmp_path: Path, key: str, link: str) -> None:
    assert_refused(tmp_path, key=key, reason="pattern", **{key: link})


@pytest.mark.parametrize("parameter", sorted(RESERVED_PARAMS))
def test_it_refuses_a_reserved_parameter_wherever_it_is_fixed(
    tmp_path: Path, parameter: str
) -> None:
    reason = f"{parameter} is set by the flow"
    for key in ("authorization_params", "token_params"):
        changes: dict[str, Any] = {key: {parameter: "x"}}
        assert_refused(tmp_path, key=key, reason=reason, **changes)
    setting = {"name": "more", "label": "More", "kind": "scopes", "param": parameter}
    assert_refused(tmp_path, key="settings.0", reason=reason, settings=[setting])


@pytest.mark.parametrize(
    "query",
    ["?state=x", "?a=b&client_id=x", "?redirect_uri", "?a&scope=x", "?a;code=x", "?State=x"],
)
@pytest.mark.parametrize("key", ENDPOINTS)
def test_it_refuses_a_reserved_parameter_in_the_query_of_an_endpoint(
    tmp_path: Path, key: str, query: str
) -> None:
    endpoint = f"https://acme.example/x{query}"
    assert_refused(tmp_path, key=key, reason="parameter that the flow sets", **{key: endpoint})


@pytest.mark.parametrize(
    "trick",
    [
        "{x.__class__}",
        "{0}",
        "{}",
        "{{",
        "}}",
        "{x!r}",
        "{x:>9}",
        "{x[0]}",
        "{Sub}",
        "{a-b}",
    ],
)
@pytest.mark.parametrize("key", ENDPOINTS)
def test_it_refuses_format_string_tricks(tmp_path: Path, key: str, trick: str) -> None:
    endpoint = f"https://{trick}.acme.example/token"
    assert_refused(tmp_path, key=key, reason="placeholders", **{key: endpoint})


@pytest.mark.parametrize("key", ENDPOINTS)
def test_it_refuses_a_placeholder_without_a_setting(tmp_path: Path, key: str) -> None:
    endpoint = "https://{subdomain}.acme.example/token"
    assert_refused(tmp_path, key="(file)", reason="{subdomain}", **{key: endpoint})


def test_it_refuses_a_placeholder_without_a_setting_in_the_identity(
    tmp_path: Path,
) -> None:
    identity = IDENTITY | {"endpoint": "https://{subdomain}.acme.example/me"}
    assert_refused(tmp_path, key="(file)", reason="{subdomain}", identity=identity)


def test_it_refuses_an_optional_setting_in_an_endpoint(tmp_path: Path) -> None:
    assert_refused(
        tmp_path,
        key="(file)",
        reason="{subdomain}",
        token_endpoint="https://{subdomain}.acme.example/token",
        settings=[SETTING | {"required": False}],
    )


@pytest.mark.parametrize(
    "changes", [{"required": False, "default": "acme"}, {"kind": "scopes", "param": "more"}]
)
def test_it_refuses_a_setting_in_an_endpoint_that_can_be_empty_or_unchecked(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert_refused(
        tmp_path,
        key="(file)",
        reason="{subdomain}",
        token_endpoint="https://{subdomain}.acme.example/token",
        settings=[SETTING | changes],
    )


def test_it_refuses_an_issuer_that_is_no_https_url(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="issuer", reason="https", issuer="javascript:alert(1)")


def test_it_accepts_a_required_setting_in_an_endpoint(tmp_path: Path) -> None:
    endpoint = "https://{subdomain}.acme.example/token"
    acme = loaded(tmp_path, token_endpoint=endpoint, settings=[SETTING])
    assert acme.host_settings() == {"subdomain"}


@pytest.mark.parametrize(
    "pattern",
    ["[a-z]+", r"\A[a-z]+", r"[a-z]+\Z", "^[a-z]+$", r"\A[a-z]+$", r"\A[a-z]+\Z ", ""],
)
def test_it_refuses_an_unanchored_pattern(tmp_path: Path, pattern: str) -> None:
    settings = [SETTING | {"pattern": pattern}]
    assert_refused(tmp_path, key="settings.0.pattern", reason=r"begin with \A", settings=settings)


@pytest.mark.parametrize("pattern", [r"\A(\Z", r"\A[a-\Z", r"\A*\Z", r"\A(?P<n>a)(?P<n>b)\Z"])
def test_it_refuses_an_invalid_regular_expression(tmp_path: Path, pattern: str) -> None:
    settings = [SETTING | {"pattern": pattern}]
    assert_refused(tmp_path, key="settings.0.pattern", reason="regular", settings=settings)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pattern": None}, "needs a pattern"),
        ({"kind": "choice", "pattern": None}, "needs a pattern"),
        ({"kind": "scopes"}, "needs the param"),
        ({"default": "NOT THIS"}, "does not match the pattern"),
        ({"pattern": r"\Aacme|beta\Z", "default": "acme.evil"}, "does not match the pattern"),
    ],
)
def test_it_refuses_a_setting_that_contradicts_itself(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    setting = {key: value for key, value in (SETTING | changes).items() if value is not None}
    assert_refused(tmp_path, key="settings.0", reason=reason, settings=[setting])


@pytest.mark.parametrize("name", ["", "Sub", "sub-domain", "sub.domain", "sub1", "a" * 33, "s\n"])
def test_it_refuses_a_setting_name_that_cannot_be_a_placeholder(tmp_path: Path, name: str) -> None:
    settings = [SETTING | {"name": name}]
    assert_refused(tmp_path, key="settings.0.name", reason="pattern", settings=settings)


def test_it_refuses_two_settings_of_one_name(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="settings", reason="unique", settings=[SETTING, SETTING])


def test_it_refuses_two_scopes_of_one_name(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="scopes", reason="unique", scopes=[SCOPE, SCOPE])


def test_it_refuses_a_default_scope_without_description(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"scopes": [SCOPE], "default_scopes": ["read", "write"]}
    assert_refused(tmp_path, key="(file)", reason="default scope write", **changes)


BAD_SCOPES = ["", "a b", 'a"b', "a\\b", "a\nb", "a\x7fb", "é", "a\u200bb", "a" * 513]


@pytest.mark.parametrize("scope", BAD_SCOPES)
def test_it_refuses_characters_a_scope_cannot_have(tmp_path: Path, scope: str) -> None:
    bad = [SCOPE | {"name": scope}]
    assert_refused(tmp_path, key="scopes.0.name", reason="scope token", scopes=bad)
    assert_refused(tmp_path, key="default_scopes.0", reason="scope token", default_scopes=[scope])
    refresh = {"offline_scope": scope}
    assert_refused(tmp_path, key="refresh.offline_scope", reason="scope token", refresh=refresh)


def test_it_refuses_pkce_off_without_a_reason(tmp_path: Path) -> None:
    reason = "needs a code_challenge_reason"
    assert_refused(tmp_path, key="(file)", reason=reason, code_challenge_method="none")


def test_it_refuses_plain_pkce(tmp_path: Path) -> None:
    assert_refused(
        tmp_path,
        key="code_challenge_method",
        reason="S256",
        code_challenge_method="plain",
    )


def test_it_refuses_an_unknown_dialect(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="dialects.0", reason="slack", dialects=["no_state_check"])


def test_it_refuses_an_unknown_authentication_method(tmp_path: Path) -> None:
    key = "token_endpoint_auth_method"
    assert_refused(tmp_path, key=key, reason="client_secret_post", **{key: "none"})


def test_it_refuses_an_identity_request_without_an_endpoint(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="identity", reason="needs an endpoint", identity=IDENTITY)


def test_it_refuses_an_identity_without_an_id(tmp_path: Path) -> None:
    identity = {"source": "token", "id_paths": [], "label_path": "email"}
    assert_refused(tmp_path, key="identity.id_paths", reason="at least 1", identity=identity)


@pytest.mark.parametrize("count", [3, 9])
def test_it_refuses_a_guide_with_too_few_or_too_many_steps(tmp_path: Path, count: int) -> None:
    setup = SETUP | {"steps": ["Do it"] * count}
    assert_refused(tmp_path, key="setup.steps", reason="items", setup=setup)
