"""The language of a page: what the host page asked for, else what the browser prefers."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

# Everything else is for machines, or for the vendor's own people, and speaks English.
PAGES = ("/portal/", "/embed/", "/hosted/", "/handoff/", "/oauth/")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class Language:
    """Answer pages in the language that the browser prefers, unless the visit says another."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in one language, and leave none behind for the thread's next request."""
        if not request.path_info.startswith(PAGES):
            return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
            return response


def use(locale: str) -> None:
    """Go on in this language (BCP 47), or the nearest there is; an unknown one changes nothing."""
    try:
        found = translation.get_supported_language_variant(locale.replace("_", "-").lower())
    except LookupError:
        return
    translation.activate(found)
