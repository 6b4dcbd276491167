"""The one door to the outside: where it may lead."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest

from integrations.errors import ProviderFailure
from integrations.oauth.http import Transport

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NAME = "api.provider.example"
resolve = socket.getaddrinfo


class Names:
    """A resolver that answers for one name, and notes which addresses were connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[list[str]] = []
        self.asked = 0
        self.connected: list[tuple[str, int]] = []
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)
        monkeypatch.setattr(socket.socket, "connect", self.connect())

    def look_up(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != NAME:
            # An address answers for itself; other names do not exist.
            if not set(name) <= set("0123456789abcdefABCDEF.:"):
                raise socket.gaierror(socket.EAI_NONAME, "no such name")
            return resolve(host, port, *args, **kwargs)
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, kind, 6, "", where)
            for each in answer
            for kind, where in [(socket.SOCK_STREAM, (each, port))]
        ]

    def connect(self) -> Callable[..., None]:
        connected = self.connected

        def noted(sock: socket.socket, address: Any) -> None:
            connected.append(address[:2])
            raise ConnectionRefusedError

        return noted


@pytest.fixture
def names(monkeypatch):
    """A resolver under the test's control; nothing is really connected to."""
    return Names(monkeypatch)


def call(url: str, *, allow: tuple = (), **kwargs: Any) -> str:
    """Make a call and return the code of its failure."""
    with pytest.raises(ProviderFailure) as failure:
        Transport(allow=allow).request("GET", url, headers={}, **kwargs)
    for address in ("10.0.0", "169.254", "127.0"):
        assert address not in str(failure.value)
    return failure.value.code


REFUSED = {
    "loopback": "127.0.0.1",
    "another loopback": "127.255.255.254",
    "IPv6 loopback": "::1",
    "this host": "0.0.0.0",
    "no address": "::",
    "private 10": "10.0.0.5",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "link-local and metadata": "169.254.169.254",
    "metadata of another cloud": "100.100.100.200",
    "carrier-grade NAT": "100.64.0.1",
    "benchmarks": "198.18.0.1",
    "documentation": "192.0.2.1",
    "IETF": "192.0.0.1",
    "6to4 relay": "192.88.99.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "multicast": "224.0.0.1",
    "IPv6 multicast": "ff02::1",
    "IPv6 link-local": "fe80::1",
    "IPv6 unique local": "fd00::1",
    "IPv6 metadata": "fd00:ec2::254",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 site-local": "fec0::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.5",
    "mapped metadata": "::ffff:169.254.169.254",
    "compatible loopback": "::127.0.0.1",
    "NAT64 of a private one": "64:ff9b::a00:5",
    "local NAT64": "64:ff9b:1::a00:5",
    "6to4 of a private one": "2002:a00:5::1",
    "Teredo": "2001:0:a00:5::1",
    "segment routing": "5f00::1",
}


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_a_name_of_an_inner_address_is_refused(names, address):
    names.answers = [[address]]
    assert call(f"https://{NAME}/token") == "provider_address_refused"
    assert names.connected == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "[::1]"])
def test_an_inner_address_itself_is_refused(names, address):
    assert call(f"https://{address}/token") == "provider_address_refused"
    assert names.connected == []


@pytest.mark.parametrize(
    "answer", [["1.1.1.1", "10.0.0.5"], ["10.0.0.5", "1.1.1.1"], ["2606:4700::1", "::1"]]
)
def test_one_inner_address_spoils_all_of_an_answer(names, answer):
    names.answers = [answer]
    assert call(f"https://{NAME}/token") == "provider_address_refused"
    assert names.connected == []


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_connected_to(names, address):
    names.answers = [[address]]
    assert call(f"https://{NAME}/token") == "provider_unreachable"
    assert names.connected == [(address.removeprefix("::ffff:"), 443)]


def test_a_name_that_changes_its_address_gets_the_one_that_was_checked(names):
    names.answers = [["1.1.1.1"], ["127.0.0.1"]]
    assert call(f"https://{NAME}/token") == "provider_unreachable"
    assert (names.asked, names.connected) == (1, [("1.1.1.1", 443)])
    assert call(f"https://{NAME}/token") == "provider_address_refused"


def test_a_name_is_looked_up_again_for_each_call(names):
    names.answers = [["1.1.1.1"], ["127.0.0.1"]]
    transport, codes = Transport(), []
    for _ in range(2):
        with pytest.raises(ProviderFailure) as failure:
            transport.request("GET", f"https://{NAME}/", headers={})
        codes.append(failure.value.code)
    assert codes == ["provider_unreachable", "provider_address_refused"]
    assert names.connected == [("1.1.1.1", 443)]


@pytest.mark.parametrize(
    "url",
    [
        f"http://{NAME}/",
        f"http://{NAME}:443/",
        f"https://{NAME}:80/",
        f"https://{NAME}:8443/",
        f"https://{NAME}:22/",
    ],
)
def test_only_https_on_its_own_port_leads_outside(names, url):
    names.answers = [["1.1.1.1"]]
    assert call(url) == "provider_address_refused"
    assert names.connected == []


def test_a_name_that_does_not_exist_is_unreachable(names):
    assert call("https://nothing.example/") == "provider_unreachable"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8/", "https://127.0.0.1:8/"])
def test_an_address_the_operator_allowed_is_connected_to(names, url):
    assert call(url, allow=LOOPBACK) == "provider_unreachable"
    assert names.connected == [("127.0.0.1", 8)]


@pytest.mark.parametrize("address", ["10.0.0.5", "::1", "128.0.0.1"])
def test_allowing_one_network_allows_no_other(names, address):
    names.answers = [[address]]
    assert call(f"http://{NAME}/", allow=LOOPBACK) == "provider_address_refused"
