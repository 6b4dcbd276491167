"""What an issuer says about itself, and what of it may become a provider."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings

from integrations import definitions
from integrations.catalog import custom
from integrations.definitions import Described, Entered
from integrations.errors import CatalogError, InvalidInput
from integrations.oauth import client as oauth
from integrations.oauth import discovery
from integrations.oauth.http import Transport
from tests.fakeas.server import FakeAS

ENTERED = Entered(name="Acme ID")
EXPLICIT = {
    "authorization_endpoint": "https://id.acme.example/authorize",
    "token_endpoint": "https://id.acme.example/token",
}


def issuer(provider: FakeAS) -> str:
    return f"{provider.url}/demo-mail"


def read(provider: FakeAS, **changed: Any) -> Described:
    entered = replace(ENTERED, **{"issuer": issuer(provider), **changed})
    return definitions.described(entered)


def refused(act: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """Return field and code of the refusal; its words name the field and no inner address."""
    with pytest.raises(InvalidInput) as caught:
        act(*args, **kwargs)
    error = caught.value.errors[0]
    assert error.message.endswith("."), error.message
    assert "10.0.0" not in error.message
    return error.field, error.code


def test_an_issuer_says_what_a_provider_needs(provider):
    data = read(provider).data
    built = custom.provider(data, loopback_http=True)
    assert built.issuer == issuer(provider)
    assert built.token_endpoint == f"{provider.url}/demo-mail/oauth/token"
    assert built.revocation_endpoint == f"{provider.url}/demo-mail/oauth/revoke"
    assert built.token_endpoint_auth_method == "client_secret_basic"
    assert built.code_challenge_method == "S256"
    assert built.authorization_response_iss_parameter_supported
    assert built.default_scopes == ("openid", "profile")
    assert built.identity is not None
    assert (built.identity.endpoint, built.identity.id_paths) == (
        f"{provider.url}/demo-mail/userinfo",
        ("sub",),
    )


@pytest.mark.parametrize(
    ("name", "places"),
    [
        (
            "https://a.example",
            (
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
        ),
        (
            "https://a.example/tenant/v2.0/",
            (
                "https://a.example/tenant/v2.0/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/tenant/v2.0",
            ),
        ),
    ],
)
def test_a_document_is_looked_for_at_both_of_its_places(name, places):
    assert discovery.addresses(name) == places


def test_the_second_place_is_asked_where_the_first_has_nothing(provider):
    provider.configure(profile="demo-mail", metadata_status=404, times=1)
    assert read(provider).data["issuer"] == issuer(provider)
    paths = [request.path for request in provider.requests("metadata")]
    assert paths == [
        "/demo-mail/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/demo-mail",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"{text}/",
        lambda text: text.upper(),
        lambda text: text.replace("127.0.0.1", "localhost"),
        lambda text: text.replace("http:", "https:"),
        lambda text: f"{text}?x=1",
        lambda text: f"{text}.evil.example",
        lambda text: "https://evil.example",
        lambda text: "",
        lambda text: text[:-1] + "\u217c",
    ],
)
def test_another_issuer_in_the_document_is_refused_byte_for_byte(provider, change):
    provider.configure(profile="demo-mail", metadata_set={"issuer": change(issuer(provider))})
    assert refused(read, provider) == ("issuer", "issuer_mismatch")


@pytest.mark.parametrize("value", [None, 1, True, ["https://a.example"], {"a": 1}])
def test_an_issuer_that_is_no_text_is_refused(provider, value):
    provider.configure(profile="demo-mail", metadata_set={"issuer": value})
    assert refused(read, provider) == ("issuer", "issuer_mismatch")


ADDRESSES = {
    "http://id.acme.example/x": "not_https",
    "ftp://id.acme.example/x": "not_https",
    "javascript:alert(1)": "not_https",
    "//id.acme.example/x": "not_https",
    "https://10.0.0.5/x": "bad_host",
    "https://127.0.0.1/x": "bad_host",
    "https://[::1]/x": "bad_host",
    "https://2130706433/x": "bad_host",
    "https://169.254.169.254/latest/meta-data": "bad_host",
    "https://localhost/x": "bad_host",
    "https://vault.internal/x": "bad_host",
    "http://127.0.0.2/x": "not_https",
    "https://id.acme.example:8443/x": "bad_port",
    "https://user:pass@id.acme.example/x": "user_name",
    "https://id.acme.example/x#y": "fragment",
    "https://id.acme.example/../x": "bad_path",
    "https://id.acme.example/x?client_id=evil": "reserved_parameter",
    "https://id.acme.example/x?redirect_uri=https://evil.example": "reserved_parameter",
    "https://id.ac\u043ce.example/x": "not_ascii",
    "https://id.acme.example/ x": "not_ascii",
    "https://id.acme.example/" + "a" * 600: "invalid",
}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "member",
    ["authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"],
)
def test_an_endpoint_that_may_not_be_called_is_refused_by_name(provider, member, address):
    provider.configure(profile="demo-mail", metadata_set={member: address})
    assert refused(read, provider) == (member, ADDRESSES[address])


@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_inside_is_refused_by_name(provider, monkeypatch, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    resolve = socket.getaddrinfo

    def resolved(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "id.acme.example":
            return [(family, socket.SOCK_STREAM, 6, "", (address, port))]
        return resolve(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    lie = {"userinfo_endpoint": "https://id.acme.example/userinfo"}
    provider.configure(profile="demo-mail", metadata_set=lie)
    # 127.0.0.0/8 is allowed here, as in a demo; nothing else that is private is.
    assert refused(read, provider) == ("userinfo_endpoint", "provider_address_refused")


def test_a_host_that_does_not_exist_is_refused_by_name(provider):
    lie = {"token_endpoint": "https://id.acme.example/token"}
    provider.configure(profile="demo-mail", metadata_set=lie)
    assert refused(read, provider) == ("token_endpoint", "unreachable")


@pytest.mark.parametrize("value", [1, [], {}, "", True, "x" * 513])
@pytest.mark.parametrize("member", ["authorization_endpoint", "userinfo_endpoint"])
def test_an_endpoint_that_is_no_address_is_refused_by_name(provider, member, value):
    provider.configure(profile="demo-mail", metadata_set={member: value})
    # An empty text is left out by the server, and one that may be missing is then not there.
    if value == "" and member == "userinfo_endpoint":
        assert "identity" not in read(provider).data
        return
    assert refused(read, provider) == (member, "invalid")


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint"])
def test_a_document_without_what_is_needed_is_refused_by_name(provider, member):
    provider.configure(profile="demo-mail", metadata_drop=[member])
    assert refused(read, provider) == (member, "invalid")


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("response_types_supported", ["token"], "unsupported"),
        ("grant_types_supported", ["client_credentials"], "unsupported"),
        ("response_types_supported", "code", "invalid"),
        ("scopes_supported", "openid", "invalid"),
        ("scopes_supported", ["x"] * 1001, "invalid"),
        ("scopes_supported", [["openid"]], "invalid"),
        ("code_challenge_methods_supported", {"S256": 1}, "invalid"),
        ("token_endpoint_auth_methods_supported", ["private_key_jwt", "none"], "unsupported"),
        ("token_endpoint_auth_methods_supported", [], "unsupported"),
        ("authorization_response_iss_parameter_supported", "true", "invalid"),
        ("authorization_response_iss_parameter_supported", 1, "invalid"),
    ],
)
def test_a_member_of_the_wrong_kind_is_refused_by_name(provider, member, value, code):
    provider.configure(profile="demo-mail", metadata_set={member: value})
    assert refused(read, provider) == (member, code)


BODIES = (
    "array", "deep", "duplicate_keys", "empty", "html", "malformed", "nan", "null", "string",
    "trailing_comma", "two_objects", "utf16", "latin1", "huge",
)  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_a_hostile_document_is_refused(provider, body):
    provider.configure(profile="demo-mail", metadata_body=body)
    assert refused(read, provider) == ("issuer", "provider_bad_response")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(provider, status):
    to = {"to": f"{provider.url}/canary", "status": status}
    provider.configure(profile="demo-mail", metadata_redirect=to)
    assert refused(read, provider) == ("issuer", "provider_redirect")
    assert provider.requests("other") == []


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_an_issuer_without_a_document_is_refused(provider, status):
    provider.configure(profile="demo-mail", metadata_status=status)
    assert refused(read, provider) == ("issuer", "not_found")


def test_a_slow_issuer_is_given_up(provider, monkeypatch):
    allowed = django_settings.OUTBOUND_ALLOW_CIDRS
    monkeypatch.setattr(oauth, "transport", Transport(allow=allowed, deadline=0.2))
    provider.configure(profile="demo-mail", drip={"seconds": 0.1, "endpoint": "metadata"})
    assert refused(read, provider) == ("issuer", "provider_timeout")
    assert provider.count("metadata") == 1


def test_an_issuer_that_leads_inside_is_refused(provider, monkeypatch):
    elsewhere = (ipaddress.ip_network("127.9.9.9/32"),)
    monkeypatch.setattr(oauth, "transport", Transport(allow=elsewhere))
    assert refused(read, provider) == ("issuer", "provider_address_refused")
    assert provider.count("metadata") == 0


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("http://id.acme.example", "not_https"),
        ("https://10.0.0.5", "bad_host"),
        ("https://ID.acme.example", "not_exact"),
        ("https://id.acme.example:443", "not_exact"),
        ("https://id.acme.example/?a=b", "not_exact"),
        ("https://id.acme.example/#a", "fragment"),
        ("https://a@id.acme.example", "user_name"),
        ("id.acme.example", "not_https"),
    ],
)
def test_an_issuer_is_one_plain_https_address(provider, typed, code):
    assert refused(read, provider, issuer=typed) == ("issuer", code)


def test_hosts_that_nobody_entered_are_named(provider, monkeypatch):
    monkeypatch.setattr(Transport, "look_up", lambda *args: None)
    lie = {
        "userinfo_endpoint": "https://people.acme.example/me",
        "token_endpoint": "https://people.acme.example/token",
    }
    provider.configure(profile="demo-mail", metadata_set=lie)
    assert dict(read(provider).hosts) == {
        "people.acme.example": ("token_endpoint", "userinfo_endpoint")
    }


def test_pkce_stays_on_whatever_the_document_says(provider):
    for methods in (["plain"], [], None):
        lie = {"code_challenge_methods_supported": methods}
        provider.configure(profile="demo-mail", metadata_set=lie)
        found = read(provider)
        assert "code_challenge_method" not in found.data
        assert any("PKCE" in notice for notice in found.notices)


def test_only_an_admin_with_a_reason_does_without_pkce(provider):
    data = read(provider, pkce_off_reason="It answers 500 to it.").data
    assert (data["code_challenge_method"], data["code_challenge_reason"]) == (
        "none",
        "It answers 500 to it.",
    )


def test_iss_stays_required_once_it_was(provider):
    before = read(provider).data
    lie = {"authorization_response_iss_parameter_supported": False}
    provider.configure(profile="demo-mail", metadata_set=lie)
    entered = replace(ENTERED, issuer=issuer(provider))
    after = definitions.described(entered, before=before)
    assert after.data["authorization_response_iss_parameter_supported"] is True
    assert any("iss" in notice for notice in after.notices)
    fresh = definitions.described(entered)
    assert fresh.data["authorization_response_iss_parameter_supported"] is False


@pytest.mark.parametrize(
    ("offered", "method"),
    [
        (None, "client_secret_basic"),
        (["client_secret_post"], "client_secret_post"),
        (["none", "client_secret_post", "client_secret_basic"], "client_secret_basic"),
    ],
)
def test_the_client_authenticates_as_the_document_offers(provider, offered, method):
    lie = {"token_endpoint_auth_methods_supported": offered}
    provider.configure(profile="demo-mail", metadata_set=lie)
    assert read(provider).data["token_endpoint_auth_method"] == method


def test_unusable_names_of_scopes_are_left_out_and_there_is_an_end_to_them(provider):
    names = ["openid", "two words", 'quo"te', "caf\u00e9", "openid", *(f"s{n}" for n in range(200))]
    provider.configure(profile="demo-mail", metadata_set={"scopes_supported": names})
    found = [scope["name"] for scope in read(provider).data["scopes"]]
    assert found[:2] == ["openid", "s0"]
    assert len(found) == discovery.MAX_SCOPES


def test_explicit_endpoints_make_a_provider_without_any_call(provider):
    entered = replace(ENTERED, endpoints=EXPLICIT, default_scopes="read write")
    data = definitions.described(entered).data
    assert data["default_scopes"] == ["read", "write"]
    assert "issuer" not in data
    assert provider.requests() == []


@pytest.mark.parametrize("name", EXPLICIT)
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_entered_endpoint_is_checked_like_a_read_one(name, address):
    entered = replace(ENTERED, endpoints={**EXPLICIT, name: address})
    assert refused(definitions.described, entered) == (name, ADDRESSES[address])


@pytest.mark.parametrize("text", ["{x.__class__}", "{0}", "{{", "{subdomain}", "%s"])
def test_a_template_is_no_address(text):
    entered = replace(
        ENTERED, endpoints={**EXPLICIT, "token_endpoint": f"https://a.example/{text}"}
    )
    assert refused(definitions.described, entered)[1] == "invalid"


def test_endpoints_and_an_issuer_are_not_mixed(provider):
    endpoints = {"revocation_endpoint": "https://evil.example/revoke"}
    assert refused(read, provider, endpoints=endpoints) == ("issuer", "ambiguous")


@pytest.mark.parametrize("missing", EXPLICIT)
def test_a_provider_needs_both_endpoints(missing):
    entered = replace(ENTERED, endpoints={**EXPLICIT, missing: ""})
    assert refused(definitions.described, entered) == (missing, "required")


def test_differences_are_named_with_both_values(provider):
    before = read(provider).data
    lie = {"revocation_endpoint": f"{provider.url}/elsewhere", "scopes_supported": ["openid"]}
    provider.configure(profile="demo-mail", metadata_set=lie)
    changed = {each.name: each for each in definitions.differences(before, read(provider).data)}
    assert set(changed) == {"revocation_endpoint", "scopes", "default_scopes"}
    assert changed["revocation_endpoint"].after == f"{provider.url}/elsewhere"
    assert definitions.differences(before, before) == ()


@pytest.mark.parametrize(
    "broken", [{}, {"name": "x"}, {"slug": "gmail"}, {"no_such_key": 1}, {"token_endpoint": 1}]
)
def test_data_that_breaks_a_rule_of_the_catalog_is_no_provider(broken):
    with pytest.raises(CatalogError):
        custom.provider(broken)
