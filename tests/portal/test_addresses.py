"""Addresses: of browsers behind proxies, of origins, of return URLs, of former hosts."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import RequestFactory, override_settings

from integrations.models.projects import checked_origin, checked_return_url
from portal.middleware import client_address, client_network


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.9", "1.2.3.4"),
        (1, "", "10.0.0.1"),
        (3, "6.6.6.6, 1.2.3.4", "10.0.0.1"),
    ],
)
def test_only_entries_of_trusted_proxies_count(proxies, forwarded, expected):
    request = RequestFactory().get(
        "/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded}
    )
    with override_settings(TRUSTED_PROXIES=proxies):
        assert client_address(request) == expected


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_neighbours_of_an_ipv6_network_count_as_one(address, counted):
    assert client_network(RequestFactory().get("/", REMOTE_ADDR=address)) == counted


@pytest.mark.parametrize(
    "origin",
    ["https://app.acme.example", "https://app.acme.example:8443", "http://acme.localhost:8001"],
)
def test_an_exact_origin_is_accepted(origin):
    checked_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://app.acme.example",
        "https://app.acme.example/",
        "https://App.acme.example",
        "https://*.acme.example",
        "https://user@acme.example",
        "https://acme.example; script-src 'unsafe-inline'",
        "data://http.localhost",
        "javascript://http.localhost",
        "https://",
        "null",
        "https://acme.example\n",
        "https://acme.example:99999999",
    ],
)
def test_anything_else_is_no_origin(origin):
    with pytest.raises(ValidationError):
        checked_origin(origin)


@pytest.mark.parametrize(
    "url",
    [
        "javascript://http.localhost/%0aalert(1)",
        "https://acme.example/return?next=//evil.example",
        "https://acme.example/return#x",
        "//evil.example/return",
        "https://acme.example\\@evil.example/",
        "https://acme.example/a b",
        "http://acme.example/return",
    ],
)
def test_a_return_url_that_leads_elsewhere_is_refused(url):
    with pytest.raises(ValidationError):
        checked_return_url(url)


def test_a_plain_return_url_is_accepted():
    checked_return_url("https://app.acme.example/settings/return")


@override_settings(
    CALLBACK_HOSTS=["old.acme.example"],
    ALLOWED_HOSTS=["localhost", "old.acme.example", "old.acme.example."],
)
@pytest.mark.parametrize("host", ["OLD.acme.example", "old.acme.example.", "Old.Acme.Example:443"])
def test_a_former_host_is_known_however_it_is_written(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 404
