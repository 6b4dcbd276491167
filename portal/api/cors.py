"""CORS for the user API: exact registered origins, no credentials mode (Fetch standard)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from integrations.models import AllowedOrigin

PATHS = ("/api/v1/me", "/api/v1/flows/")
# By API key, which is not for pages.
VENDOR_ONLY = "/confirm"
METHODS = "GET, POST, PUT, DELETE"
HEADERS = "Authorization, Content-Type"
EXPOSED = "Retry-After, X-Request-Id"


class Cors:
    """Let pages of registered origins read answers.

    Whether the token's own project lists the origin is checked with the token. A preflight names
    no project, so it is answered alike for everyone and reveals nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a preflight, or let the browser hand over the answer."""
        origin = request.headers.get("Origin", "")
        vendor_only = request.path.endswith(VENDOR_ONLY)
        if not origin or vendor_only or not request.path.startswith(PATHS):
            return self.get_response(request)
        if request.method == "OPTIONS":
            return _preflight(origin)
        response = self.get_response(request)
        response.headers["Vary"] = "Origin"
        if AllowedOrigin.objects.filter(origin=origin).exists():
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response


def _preflight(origin: str) -> HttpResponse:
    return HttpResponse(
        status=204,
        headers={
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        },
    )
