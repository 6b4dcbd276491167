"""Response headers that every answer carries, and the hosts that may only receive callbacks."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound

from integrations.models.clients import CALLBACK_PATH

ADMIN_PATH, HEALTH = "/admin/", ("/healthz", "/readyz")
# What a visit leaves in the browser is forgotten with it (Clear Site Data, section 3.1).
CLEAR = ("Clear-Site-Data", '"cache"')
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_id(request: HttpRequest) -> str:
    """Return the id under which this request is logged and shown."""
    return str(getattr(request, "request_id", ""))


def client_address(request: HttpRequest) -> str:
    """Return the address of the browser, seen through `TRUSTED_PROXIES` proxies of our own.

    Each of them appends the address it was called from to X-Forwarded-For (RFC 7239 section 5.2
    for its successor), so the entries before those were written by strangers.
    """
    direct: str = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    count = settings.TRUSTED_PROXIES
    return hops[-count] if 0 < count <= len(hops) and hops[-count] else direct


def client_network(request: HttpRequest) -> str:
    """Return what is counted as one place: an IPv4 address, or the first of an IPv6 /64.

    Whoever has one IPv6 address can use all that differ in its last half (RFC 4291 section 2.5.1).
    """
    address = client_address(request)
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


class RequestId:
    """Give each request an id of our own making; one sent by a stranger is not taken."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Name the request, then answer it."""
        request.request_id = f"req_{uuid.uuid4().hex[:20]}"  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id(request)
        return response


class Headers:
    """No dynamic answer is stored anywhere, and none may use the browser's powers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, then add what the view did not set itself."""
        response = self.get_response(request)
        if not request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        return response


class CallbackHosts:
    """Let former hosts answer callbacks and nothing else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 404 on a former host for anything but a callback."""
        host = request.get_host().rsplit(":", 1)[0].lower().rstrip(".")
        former = host in settings.CALLBACK_HOSTS and host != urlsplit(settings.BASE_URL).hostname
        if former and not request.path.startswith(CALLBACK_PATH):
            return HttpResponseNotFound()
        return self.get_response(request)


class AdminHost:
    """Keep the admin on a host of its own, so that no page of the portal shares its origin."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 404 for the admin elsewhere and for everything else there, but for health."""
        if not settings.ADMIN_HOST or request.path in HEALTH:
            return self.get_response(request)
        host = request.get_host().rsplit(":", 1)[0].lower().rstrip(".")
        if (host == settings.ADMIN_HOST) != request.path.startswith(ADMIN_PATH):
            return HttpResponseNotFound()
        return self.get_response(request)


def frameable_by(response: HttpResponse, origin: str) -> HttpResponse:
    """Let exactly one origin frame this answer (CSP Level 3, frame-ancestors)."""
    response._csp_replace = {"frame-ancestors": [origin]}  # type: ignore[attr-defined]
    response.xframe_options_exempt = True
    return response
