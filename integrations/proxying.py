"""Pass a call of the vendor's backend on to the provider's API, with the connection's token.

The caller chooses the path below the API's address and never the host. A call is sent again only
where that cannot do a thing twice, and at most once after the token was refreshed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlsplit
from uuid import UUID

from integrations import headers, proxyrules, tokens
from integrations.catalog.api import ApiValue
from integrations.catalog.schema import PLACEHOLDER, Provider
from integrations.errors import ConnectError, NotAllowed, ProviderUnavailable
from integrations.models import Connection, Credential
from integrations.oauth.streaming import Stream, StreamingTransport
from integrations.tokens import AccessToken

BUFFERED = 65_536
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})

RENEWED_FOR, RENEWED_MAX = 60.0, 10_000

transport = StreamingTransport()
# Which token of a connection came of a refusal, and until when another one renews nothing: paths
# that always answer 401 must not spend a refresh token each time. Of this process only: another
# one renews once more at most.
_renewed: dict[UUID, tuple[int, float]] = {}


class Source(Protocol):
    """The body as it arrives. It ends with an empty chunk and raises InvalidInput if cut short."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Call:
    """A call to pass on. Path and query are as they came, percent-encoding and all.

    `length` is that of the body in bytes, or None if it comes in chunks.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: Source = field(repr=False)
    length: int | None


@dataclass(frozen=True)
class Reply:
    """The provider's answer. Whoever gets it closes its body."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: Stream


def use(new: StreamingTransport) -> None:
    """Make `new` the transport of this process's proxied calls."""
    global transport
    transport = new


def passed_on(*, connection: Connection, call: Call) -> Reply:
    """Make the call and return the provider's answer, whatever its status.

    Raises NotAllowed or InvalidInput before anything is sent, what `tokens.access_token_for`
    raises, and ProviderFailure if there is no answer.
    """
    proxyrules.check_path(call.path)
    proxyrules.check_query(call.query)
    rules = connection.integration.proxy_rules
    proxyrules.require_allowed(rules=rules, method=call.method, path=call.path)
    url = f"{base_url(connection)}/{call.path}" + (f"?{call.query}" if call.query else "")
    return _Attempt(connection, call, url).made()


def base_url(connection: Connection) -> str:
    """Return the address of the API for this connection. Raises NotAllowed.

    Each part of it is checked again here: no answer of a provider can name another host.
    """
    provider = _provider(connection)
    if provider.api is None:
        raise NotAllowed("proxy_unsupported")
    parts = {name: _setting(provider, connection, name) for name in provider.api.placeholders()}
    parts |= {value.name: _value(connection, value) for value in provider.api.values}
    if not all(parts.values()):
        raise NotAllowed("proxy_address_unknown")
    url = PLACEHOLDER.sub(lambda found: quote(parts[found[1]], safe=""), provider.api.base_url)
    if not urlsplit(url).hostname:
        raise NotAllowed("proxy_address_unknown")
    return url


def _provider(connection: Connection) -> Provider:
    """Return the provider as it was when the grant was made, to which its tokens go.

    One that is gone has no tokens either: whoever asks for them is told so.
    """
    credential = Credential.objects.filter(pk=connection.pk).first()
    if credential is None:
        return connection.integration.provider
    return credential.client_version.provider


class _Attempt:
    """One call, its body read so far, and what may still be sent."""

    def __init__(self, connection: Connection, call: Call, url: str) -> None:
        self._connection, self._call, self._url = connection, call, url
        self._first = _beginning(call)
        self._whole = len(self._first) <= BUFFERED

    def made(self) -> Reply:
        token = tokens.access_token_for(self._connection)
        stream = self._sent(token)
        if stream.status != 401:
            return self._reply(stream, token)
        return self._after_refresh(stream, token)

    def _after_refresh(self, refused: Stream, old: AccessToken) -> Reply:
        """Refresh once, and make the call again if its body is still there.

        If there is no newer token, the provider's own refusal is what the caller needs to see; so
        it is where that did not help a moment ago.
        """
        if _is_just_renewed(self._connection, old):
            return self._reply(refused, old)
        try:
            new = tokens.access_token_for(self._connection, seen_generation=old.generation)
        except ConnectError:
            return self._reply(refused, old)
        except BaseException:
            refused.close()
            raise
        _note_renewed(self._connection, new)
        if not self._whole or new.generation == old.generation:
            return self._reply(refused, old)
        refused.close()
        return self._reply(self._sent(new), new)

    def _sent(self, token: AccessToken) -> Stream:
        try:
            return self._once(token)
        except ProviderUnavailable as error:
            repeatable = error.sent is False or self._call.method in REPEATABLE
            slow = error.code in {"provider_timeout", "provider_busy"}
            if slow or not repeatable or not self._whole:
                raise
        return self._once(token)

    def _once(self, token: AccessToken) -> Stream:
        try:
            use = _provider(self._connection).token_use
            going = headers.outgoing(self._call.headers, token=token.token, use=use)
        except ValueError:
            raise proxyrules.unusable("headers", "proxy_request_invalid") from None
        return transport.open(self._call.method, self._url, headers=going, body=self._body())

    def _body(self) -> bytes | _Rest:
        if self._whole:
            return self._first
        first, length = self._first, self._call.length
        return _Rest(first, self._call.body) if length is None else _Sized(first, self._call)

    def _reply(self, stream: Stream, token: AccessToken) -> Reply:
        back = headers.returned(stream.headers, url=self._url, token=token.token)
        return Reply(stream.status, back, stream)


def _is_just_renewed(connection: Connection, token: AccessToken) -> bool:
    generation, until = _renewed.get(connection.pk, (0, 0.0))
    return token.generation == generation and time.monotonic() < until


def _note_renewed(connection: Connection, token: AccessToken) -> None:
    if len(_renewed) >= RENEWED_MAX:
        _renewed.clear()
    _renewed[connection.pk] = (token.generation, time.monotonic() + RENEWED_FOR)


class _Rest:
    """What was read of a body, and then the rest as it arrives."""

    def __init__(self, first: bytes, source: Source) -> None:
        self._first, self._source = first, source

    def read(self, size: int = -1, /) -> bytes:
        if self._first:
            chunk, self._first = self._first, b""
            return chunk
        return self._source.read(size if size > 0 else BUFFERED)

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(BUFFERED):
            yield chunk


class _Sized(_Rest):
    """A body whose length is known beforehand."""

    def __init__(self, first: bytes, call: Call) -> None:
        super().__init__(first, call.body)
        self._length = call.length or 0

    def __len__(self) -> int:
        return self._length


def _beginning(call: Call) -> bytes:
    """Read until the body is over or is too long to be kept."""
    read = bytearray()
    while len(read) <= BUFFERED and (chunk := call.body.read(BUFFERED + 1 - len(read))):
        read += chunk
    return bytes(read)


def _setting(provider: Provider, connection: Connection, name: str) -> str:
    """Return a setting of the client that made the grant, if it is what the provider allows."""
    setting = next((item for item in provider.settings if item.name == name), None)
    value = connection.credential.client_version.settings.get(name, "")
    return str(value) if setting and setting.takes(value) else ""


def _value(connection: Connection, value: ApiValue) -> str:
    data = {**connection.provider_data, "account_id": connection.account_id}
    return value.part(data)
