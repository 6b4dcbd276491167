"""Calls whose bodies are passed on as they come, through the same door as all others.

The deadline fits streams: a cap on the silence between two chunks and one on the whole call.
Nothing is decompressed, and no more than a chunk is held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.exceptions import HTTPError

from integrations.errors import ProviderFailure, ProviderUnavailable
from integrations.oauth import http
from integrations.oauth.http import CONNECT_TIMEOUT, Network, Transport

IDLE, WHOLE, CHUNK = 30.0, 600.0, 65_536


class Upload(Protocol):
    """A request body that is read once. It has a `__len__` if its length is known."""

    def read(self, size: int = -1, /) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...


class Stream:
    """An answer whose body is still to come. Whoever opens it closes it."""

    def __init__(self, response: requests.Response, watch: http._Watch, held: ExitStack) -> None:
        self.status = response.status_code
        self.headers = tuple((str(k), str(v)) for k, v in response.headers.items())
        self._response, self._watch, self._held = response, watch, held
        self._chunks = self._read()

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> bytes:
        """Return the next chunk as soon as there is one.

        Raises ProviderUnavailable if the answer breaks off or takes too long.
        """
        try:
            return next(self._chunks)
        except StopIteration:
            self.close()
            if self._watch.expired:
                # A socket shut down mid-body can look like a complete answer.
                raise ProviderUnavailable("provider_timeout") from None
            raise
        except (HTTPError, requests.RequestException, OSError, ValueError):
            self.close()
            raise ProviderUnavailable from None

    def close(self) -> None:
        """Give the connection and the host's place back. Safe to call twice."""
        self._response.close()
        self._held.close()

    def _read(self) -> Iterator[bytes]:
        raw = self._response.raw
        if raw.chunked and raw.supports_chunked_reads():
            yield from raw.stream(CHUNK, decode_content=False)
            return
        # Not read(): that would wait until a whole chunk is there.
        while chunk := raw.read1(CHUNK, decode_content=False):
            yield chunk


class StreamingTransport(Transport):
    """A keep-alive session of its own, so that long transfers never hold up a token request."""

    def __init__(
        self, *, allow: tuple[Network, ...] = (), idle: float = IDLE, deadline: float = WHOLE
    ) -> None:
        super().__init__(allow=allow, deadline=deadline)
        self._idle = idle

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | Upload | None
    ) -> Stream:
        """Send a request and return its answer as soon as its headers are there.

        The path and the query of `url` go out byte for byte. Raises ProviderUnavailable, whose
        `sent` tells whether the provider may have got anything of it, and ProviderFailure for an
        address that is not allowed or an answer that cannot be passed on.
        """
        prepared = self._session.prepare_request(
            requests.Request(method, url, headers=dict(headers), data=body)
        )
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with ExitStack() as held:
            held.enter_context(self._place_for(parts.netloc))
            watch = http._begin_call(self._deadline, idle=self._idle, target=target)
            held.callback(watch.stop)
            response = self._started(prepared, watch)
            held.callback(response.close)
            if watch.expired:
                # A socket shut down among the headers can look like the end of them.
                raise ProviderUnavailable("provider_timeout", sent=True)
            if not 200 <= response.status_code <= 599:
                raise ProviderFailure("provider_bad_response")
            return Stream(response, watch, held.pop_all())

    def _started(self, prepared: requests.PreparedRequest, watch: http._Watch) -> requests.Response:
        try:
            return self._session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, self._idle),
            )
        except InvalidIPAddress:
            raise ProviderFailure("provider_address_refused", sent=False) from None
        except (requests.RequestException, HTTPError, OSError, ValueError):
            code = "provider_timeout" if watch.expired else None
            raise ProviderUnavailable(code, sent=http._call.sent) from None
