"""What the API answers where no operation of it does: still a problem document."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from portal.api.problems import problem

PREFIX = "/api/"
CODES = {404: "not_found", 405: "method_not_allowed", 500: "internal_error"}
KEPT = ("Allow", "Retry-After")


class ProblemDocuments:
    """Replace error pages under the API by problem documents (RFC 9457)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and say an error that no operation worded in the API's own form."""
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "")
        if not request.path.startswith(PREFIX) or response.status_code < 400 or "json" in kind:
            return response
        if response.streaming:
            # A provider's own words, passed on.
            return response
        return _worded(request, response)


def _worded(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    status = response.status_code
    worded = problem(request, status=status, code=CODES.get(status, "bad_request"))
    for name in KEPT:
        if name in response.headers:
            worded.headers[name] = response.headers[name]
    return worded
