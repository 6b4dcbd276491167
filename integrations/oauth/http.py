"""The one door to the outside. Every call to a provider goes through `Transport.request`.

No redirects (a 307 would send the client secret on), one resolved and checked address per call,
https on port 443 unless the operator allowed the address, a wall-clock deadline that also cuts a
dripping answer, a cap on the body, a cap on concurrent calls per host, no cookies, no environment.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import requests
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress, filter_host
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from integrations.errors import ProviderFailure, ProviderUnavailable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DEADLINE, CONNECT_TIMEOUT, HOST_WAIT = 15.0, 5.0, 5.0
MAX_BODY, MAX_PER_HOST, CHUNK = 65_536, 10, 8_192
# Teredo and the deprecated IPv4-compatible block lead to IPv4 addresses the filter cannot see;
# fec0::/10 was once the private range of IPv6 (RFC 3879).
EXTRA_BLOCKED = tuple(ipaddress.ip_network(net) for net in ("2001::/32", "::/96", "fec0::/10"))

_call = threading.local()


@dataclass(frozen=True)
class Answer:
    """What the provider sent: `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class _Watched:
    """Lets the call in progress cut this connection's socket when its deadline passes."""

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        _call.watch.follow(sock)
        return sock

    def send(self, *args: Any, **kwargs: Any) -> None:
        if getattr(self, "sock", None) is None:
            self.connect()  # type: ignore[attr-defined]
        _call.sent = True
        super().send(*args, **kwargs)  # type: ignore[misc]

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if (sock := getattr(self, "sock", None)) is not None:
            _call.watch.follow(sock)
        super().request(method, _call.target or url, *args, **kwargs)  # type: ignore[misc]


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _Watch:
    """Shuts the socket down at the deadline. A duplicate survives the switch to TLS."""

    def __init__(self, seconds: float, idle: float | None = None) -> None:
        self.expired = False
        self._idle = idle
        self._duplicate: int | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def follow(self, sock: socket.socket) -> None:
        if self._idle is not None:
            sock.settimeout(self._idle)
        with self._lock:
            self._drop()
            self._duplicate = os.dup(sock.fileno())
        if self.expired:
            self._expire()

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._drop()

    def _expire(self) -> None:
        self.expired = True
        with self._lock:
            if self._duplicate is None:
                return
            # Closing the duplicate is not enough: only a shutdown wakes a blocked read.
            with suppress(OSError), socket.socket(fileno=os.dup(self._duplicate)) as twin:
                twin.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._duplicate is not None:
            os.close(self._duplicate)
            self._duplicate = None


class _Session(requests.Session):
    """A session for which no answer is a redirect.

    Even where redirects are not followed, the library would read the whole body of one.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class _PinnedAdapter(IPFilterAdapter):  # type: ignore[misc]
    """Resolve once, check every address, connect to the checked one under the host's own name."""

    def __init__(self, *, https: bool, allow: tuple[Network, ...]) -> None:
        super().__init__(is_https_proto=https)
        self._allow = allow
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        """Pin the pool to a checked address. Raises InvalidIPAddress."""
        host_params: Any
        pool_kwargs: Any
        host_params, pool_kwargs = HTTPAdapter.build_connection_pool_key_attributes(
            self, request, verify, cert
        )
        host, port = str(host_params["host"]), host_params["port"]
        address = self._checked_address(host, port or (443 if self._is_https_proto else 80))
        request.headers["Host"] = f"{host}:{port}" if port else host
        if self._is_https_proto:
            pool_kwargs |= {"assert_hostname": host, "server_hostname": host}
        host_params["host"] = f"[{address}]" if address.version == 6 else str(address)
        return host_params, pool_kwargs

    def _checked_address(self, host: str, port: int) -> Address:
        answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = [_unmapped(ipaddress.ip_address(answer[4][0])) for answer in answers]
        for address in addresses:
            self._check(address, port)
        return addresses[0]

    def _check(self, address: Address, port: int) -> None:
        if any(address.version == net.version and address in net for net in self._allow):
            return
        blocked = any(address.version == net.version and address in net for net in EXTRA_BLOCKED)
        if not self._is_https_proto or port != 443 or not address.is_global or blocked:
            raise InvalidIPAddress("address or port is not allowed")
        filter_host(str(address), port, allow_loopback=False)


class Transport:
    """A keep-alive session to providers, safe to share between threads."""

    def __init__(self, *, allow: tuple[Network, ...] = (), deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        # Weak: a host is forgotten with its last call, and nobody can make this grow.
        self._hosts: WeakValueDictionary[str, threading.BoundedSemaphore] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for https in (True, False):
            prefix = "https://" if https else "http://"
            self._session.mount(prefix, _PinnedAdapter(https=https, allow=allow))

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Make one call and return its whole answer. `deadline` are seconds, ours if None.

        Raises ProviderUnavailable if the provider could not be reached in time, ProviderFailure
        for a redirect, a compressed or an oversized answer, or an address that is not allowed.
        """
        prepared = self._session.prepare_request(
            requests.Request(method, url, headers=dict(headers), data=body)
        )
        prepared.headers["Accept-Encoding"] = "identity"
        seconds = self._deadline if deadline is None else min(deadline, self._deadline)
        place = self._place_for(urlsplit(url).netloc, wait=min(seconds, HOST_WAIT))
        with place, self._deadline_of_call(seconds):
            return self._sent(prepared)

    def look_up(self, url: str) -> None:
        """Resolve the host of a URL and check its addresses, without a call.

        What it leads to later is checked again at each call. Raises ProviderFailure for an address
        that is not allowed, ProviderUnavailable if there is none.
        """
        adapter: Any = self._session.get_adapter(url)
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            adapter._checked_address(parts.hostname or "", port)
        except InvalidIPAddress:
            raise ProviderFailure("provider_address_refused", sent=False) from None
        except OSError:
            raise ProviderUnavailable(sent=False) from None

    def _sent(self, prepared: requests.PreparedRequest) -> Answer:
        try:
            with self._session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, self._deadline),
            ) as response:
                return _read(response)
        except InvalidIPAddress:
            raise ProviderFailure("provider_address_refused", sent=False) from None
        except (requests.RequestException, HTTPError, OSError):
            raise ProviderUnavailable(sent=_call.sent) from None

    @contextmanager
    def _deadline_of_call(self, seconds: float) -> Iterator[None]:
        watch = _begin_call(seconds)
        try:
            yield
        finally:
            watch.stop()
            if watch.expired:
                # A socket shut down mid-body can look like a complete answer.
                raise ProviderUnavailable("provider_timeout", sent=_call.sent) from None

    @contextmanager
    def _place_for(self, host: str, *, wait: float = HOST_WAIT) -> Iterator[None]:
        with self._lock:
            places = self._hosts.setdefault(host, threading.BoundedSemaphore(MAX_PER_HOST))
        if not places.acquire(timeout=wait):
            raise ProviderUnavailable("provider_busy", sent=False)
        try:
            yield
        finally:
            places.release()


def _begin_call(seconds: float, *, idle: float | None = None, target: str = "") -> _Watch:
    """Watch what this thread sends from now on. A `target` goes out byte for byte as it is."""
    _call.sent, _call.target = False, target
    _call.watch = watch = _Watch(seconds, idle)
    return watch


def _read(response: requests.Response) -> Answer:
    if response.is_redirect or 300 <= response.status_code < 400:
        raise ProviderFailure("provider_redirect")
    headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.get("content-encoding", "identity") != "identity":
        raise ProviderFailure("provider_bad_response")
    body = bytearray()
    for chunk in response.raw.stream(CHUNK, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY:
            raise ProviderFailure("provider_bad_response")
    return Answer(status=response.status_code, headers=headers, body=bytes(body))


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
