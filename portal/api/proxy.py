"""Calls to a provider's API in the name of a connection, for the vendor's backend."""

from __future__ import annotations

import errno
import logging
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.encoding import repercent_broken_unicode
from ninja import Router

from integrations import access, apikeys, proxying, proxyrules, reads
from integrations.errors import ProviderUnavailable
from integrations.proxying import Call, Reply
from integrations.proxyplaces import Place, Places
from portal.api.auth import Vendor, VendorKey, caller
from portal.api.schemas import Problem

router = Router(tags=["proxy"])
log = logging.getLogger(__name__)
places = Places(total=settings.PROXY_CALLS, share=settings.PROXY_CALLS_PER_PROJECT)
TAIL = re.compile(
    r"\A/(?:[^?]*?/)?v1/connections/[0-9a-fA-F-]{36}/proxy/([^?]*)(?:\?.*)?\Z", re.DOTALL
)
HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Accel-Buffering": "no",
}


class _Body:
    """The request's body as it arrives, which must be as long as the request says."""

    def __init__(self, request: HttpRequest) -> None:
        self.length = _length(request)
        self._left = self.length
        # Django reads no more than Content-Length says, so chunks come from the server itself.
        self._source: Any = request if self.length is not None else request.META["wsgi.input"]

    def read(self, size: int, /) -> bytes:
        """Return the next bytes. Raises InvalidInput if the body ends too early."""
        if self._left == 0:
            return b""
        try:
            chunk: bytes = self._source.read(size if self._left is None else min(size, self._left))
        except Exception:  # noqa: BLE001
            # Chunks end in order or not at all: what each server raises is its own.
            raise proxyrules.unusable("body", "proxy_body_incomplete") from None
        if self._left is not None:
            if not chunk:
                raise proxyrules.unusable("body", "proxy_body_incomplete")
            self._left -= len(chunk)
        return chunk


class _Answer:
    """The provider's body on its way back. If it breaks off, so does ours, visibly."""

    def __init__(self, reply: Reply, connection_id: UUID, place: Place) -> None:
        self._reply, self._connection_id, self._place = reply, connection_id, place

    def __iter__(self) -> _Answer:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._reply.body)
        except ProviderUnavailable as error:
            log.warning("proxied answer broke off: %s %s", error.code, self._connection_id)
            # The server cuts the connection, so that half an answer cannot pass for a whole one.
            raise ConnectionResetError(errno.ECONNRESET, error.code) from None

    def close(self) -> None:
        """Give the connection to the provider back, and the place, also if nobody read it."""
        try:
            self._reply.body.close()
        finally:
            self._place.leave()


def proxy(request: HttpRequest, connection_id: UUID, path: str) -> StreamingHttpResponse:
    """Call the provider's API with the connection's token; the answer is the provider's own.

    The path is below the address that the catalog names; the integration lists which calls may be
    made. A refusal of ours is a problem document with the header Connect-Portal-Error, which an
    answer of the provider never has.
    """
    vendor: Vendor = caller(request)
    apikeys.require_running(vendor.project)
    connection = access.project_connection(project=vendor.project, pk=connection_id)
    call = _call(request)
    reads.note(key=vendor.key, connection_id=connection.pk)
    place = places.take(vendor.project.pk)
    try:
        reply = proxying.passed_on(connection=connection, call=call)
    except BaseException:
        place.leave()
        raise
    answer = _Answer(reply, connection_id, place)
    response = StreamingHttpResponse(
        answer, status=reply.status, content_type="application/octet-stream"
    )
    for name, value in {**reply.headers, **HEADERS}.items():
        response.headers[name] = value
    return response


def _call(request: HttpRequest) -> Call:
    body = _Body(request)
    return Call(
        method=str(request.method),
        path=_raw_path(request),
        query=str(request.META.get("QUERY_STRING", "")),
        headers=tuple(request.headers.items()),
        body=body,
        length=body.length,
    )


def _raw_path(request: HttpRequest) -> str:
    """Return the rest of the path as it was sent; the decoded one has lost encoded slashes.

    It must be the path that was routed: what two readers understand differently is refused.
    """
    sent = str(request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or "")
    if not sent:
        return quote(request.path.partition("/proxy/")[2], safe="/~!$&'()*+,;=:@")
    found = TAIL.match(sent)
    read = repercent_broken_unicode(unquote_to_bytes(sent.partition("?")[0])).decode()
    if found is None or read != request.path_info:
        raise proxyrules.unusable("path", "proxy_path_invalid")
    return found[1]


def _length(request: HttpRequest) -> int | None:
    """Return the body's length in bytes, or None if it comes in chunks (RFC 9112 section 6.3)."""
    stated = str(request.META.get("CONTENT_LENGTH") or "")
    chunked = request.headers.get("Transfer-Encoding", "").strip().lower()
    if stated and chunked:
        raise proxyrules.unusable("Content-Length", "proxy_request_invalid")
    if not chunked:
        return _number(stated) if stated else 0
    if chunked != "chunked" or not request.META.get("wsgi.input_terminated"):
        raise proxyrules.unusable("Content-Length", "proxy_length_required")
    return None


def _number(stated: str) -> int:
    if not (stated.isascii() and stated.isdecimal() and len(stated) < 16):
        raise proxyrules.unusable("Content-Length", "proxy_request_invalid")
    return int(stated)


REFUSED = dict.fromkeys((400, 401, 403, 404, 409, 411, 422, 502, 503), Problem)
for _method in proxyrules.METHODS:
    router.add_api_operation(
        "/{uuid:connection_id}/proxy/{path:path}",
        [_method],
        proxy,
        auth=VendorKey("proxy"),
        response={200: None, **REFUSED},
        operation_id=f"portal_api_proxy_{_method.lower()}",
        summary=f"Call the provider's API: {_method}",
    )
