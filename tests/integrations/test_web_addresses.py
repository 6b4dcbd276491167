"""Whole web addresses that an admin enters: only a public https one gets through."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.addresses import MAX_URL, clean_url
from integrations.errors import InvalidInput

GOOD = {
    "plain": ("https://keys.acme.example/jwks.json", "https://keys.acme.example/jwks.json"),
    "no path": ("https://keys.acme.example", "https://keys.acme.example"),
    "spaces around": ("  https://keys.acme.example/a\n", "https://keys.acme.example/a"),
    "the usual port": ("https://keys.acme.example:443/a", "https://keys.acme.example/a"),
    "capitals in the host": ("https://Keys.Acme.example/A", "https://keys.acme.example/A"),
    "a query": ("https://keys.acme.example/a?v=2&x=", "https://keys.acme.example/a?v=2&x="),
    "punycode": ("https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example/a"),
    "digits and hyphens": ("https://4-a.b2.example/%7Ea", "https://4-a.b2.example/%7Ea"),
}
BAD = {
    "empty": ("", "required"),
    "only spaces": (" \u00a0", "required"),
    "http": ("http://acme.example/", "not_https"),
    "ftp": ("ftp://acme.example/", "not_https"),
    "no scheme": ("//acme.example/", "not_https"),
    "one slash": ("https:/acme.example/", "not_https"),
    "backslashes": ("https:\\\\acme.example/", "not_ascii"),
    "javascript": ("javascript:alert(1)", "not_https"),
    "data": ("data:text/html,x", "not_https"),
    "capital scheme": ("HTTPS://acme.example/", "not_https"),
    "user name": ("https://a@acme.example/", "user_name"),
    "user and password": ("https://a:b@acme.example/", "user_name"),
    "empty user name": ("https://@acme.example/", "user_name"),
    "port 8443": ("https://acme.example:8443/", "bad_port"),
    "port 0": ("https://acme.example:0/", "bad_port"),
    "port 22": ("https://acme.example:22/", "bad_port"),
    "port 99999": ("https://acme.example:99999/", "invalid"),
    "port 0443": ("https://acme.example:0443/", "bad_port"),
    "empty port": ("https://acme.example:/", "bad_port"),
    "dotted address": ("https://127.0.0.1/", "bad_host"),
    "hexadecimal address": ("https://0x7f000001/", "bad_host"),
    "decimal address": ("https://2130706433/", "bad_host"),
    "short address": ("https://127.1/", "bad_host"),
    "octal address": ("https://0177.0.0.1/", "bad_host"),
    "hexadecimal parts": ("https://0x7f.0.0.0x1/", "bad_host"),
    "IPv6": ("https://[::1]/", "bad_host"),
    "mapped IPv6": ("https://[::ffff:127.0.0.1]/", "bad_host"),
    "scoped IPv6": ("https://[fe80::1%25eth0]/", "bad_host"),
    "localhost": ("https://localhost/", "bad_host"),
    "below localhost": ("https://a.localhost/", "bad_host"),
    "one label": ("https://metadata/", "bad_host"),
    "inside a network": ("https://metadata.google.internal/", "bad_host"),
    "trailing dot": ("https://acme.example./", "bad_host"),
    "empty label": ("https://acme..example/", "bad_host"),
    "underscore": ("https://a_b.example/", "bad_host"),
    "no host": ("https:///path", "bad_host"),
    "full-width": ("https://\uff41cme.example/", "not_ascii"),
    "ideographic dot": ("https://acme\u3002example/", "not_ascii"),
    "line break inside": ("https://acme.example/a\nb", "not_ascii"),
    "tab in the host": ("https://ac\tme.example/", "not_ascii"),
    "NUL": ("https://acme.example/\x00", "not_ascii"),
    "half a pair": ("https://acme.example/\ud800", "not_ascii"),
    "fragment": ("https://acme.example/#a", "fragment"),
    "dots": ("https://acme.example/a/../b", "bad_path"),
    "encoded dots": ("https://acme.example/a/%2e%2E/b", "bad_path"),
    "one dot": ("https://acme.example/./b", "bad_path"),
    "encoded slash": ("https://acme.example/a%2Fb", "bad_path"),
    "empty part": ("https://acme.example//b", "bad_path"),
    "semicolon": ("https://acme.example/a;jsessionid=1", "bad_path"),
    "reserved": ("https://acme.example/a?client_id=x", "reserved_parameter"),
    "reserved in capitals": ("https://acme.example/a?Redirect_URI=x", "reserved_parameter"),
    "too long": ("https://acme.example/" + "a" * MAX_URL, "too_long"),
}


@pytest.mark.parametrize(("typed", "kept"), GOOD.values(), ids=GOOD)
def test_it_keeps_a_public_https_address(typed, kept):
    assert clean_url(typed, field="url", label="key set URL") == kept


@pytest.mark.parametrize(("typed", "code"), BAD.values(), ids=BAD)
def test_it_refuses_and_names_the_field(typed, code):
    with pytest.raises(InvalidInput) as caught:
        clean_url(typed, field="url", label="key set URL")
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("url", code)
    assert "key set URL" in error.message


def test_an_address_of_the_greatest_length_is_kept():
    longest = "https://acme.example/" + "a" * (MAX_URL - len("https://acme.example/"))
    assert clean_url(longest, field="url", label="URL") == longest


@pytest.mark.parametrize("loopback", ["http://127.0.0.1:8002/keys", "http://localhost:1/keys"])
def test_plain_http_to_this_machine_is_for_demo_and_tests(loopback):
    assert clean_url(loopback, field="url", label="URL", loopback=True) == loopback
    with pytest.raises(InvalidInput):
        clean_url(loopback, field="url", label="URL")


@pytest.mark.parametrize("inside", ["http://10.0.0.5/keys", "http://127.0.0.1.evil.example/k"])
def test_demo_and_tests_reach_no_other_machine(inside):
    with pytest.raises(InvalidInput):
        clean_url(inside, field="url", label="URL", loopback=True)


PIECES = st.sampled_from(
    ["https://", "http://", "//", "@", ":", "443", "8080", "127.0.0.1", "[::1]", "acme.example",
     "localhost", "#", "?", "/", "..", "%2e", "\\", "a", "xn--", ".", "\u3002", "0x7f", "\t", ";"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=60))
def test_whatever_is_accepted_is_https_to_a_name_without_user_or_port(typed):
    try:
        kept = clean_url(typed, field="url", label="URL")
    except InvalidInput:
        return
    parts = urlsplit(kept)
    assert (parts.scheme, parts.username, parts.password, parts.port) == ("https", None, None, None)
    assert parts.netloc == parts.hostname
    assert "." in parts.netloc
    assert not parts.fragment
    with pytest.raises(ValueError, match="does not appear"):
        ipaddress.ip_address(parts.netloc)
