"""Which rate limits an address keeps. Every view and every kind of API caller states its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from integrations import limits
from integrations.limits import Limit, Use
from integrations.models import ApiKey, EndUser, PortalSession
from portal.middleware import client_network

Caller = TypeVar("Caller", bound=Callable[..., Any])
# One for the whole process: what it holds is counted in the database already.
reserve = limits.Reserve()
# Addresses without a limit of ours, and why. Everything else must state one.
EXEMPT = {
    "oauth-callback": "one indexed read for a state of 256 bits, which is used once; an approval "
    "must not be lost because others came from the same address",
    "embed-frame": "two reads by the project's id, and an empty page",
    "oauth-done": "one read by an unguessable id, and the end of an approval",
    "look-style": "one read by the project's id, kept by browsers for good",
    "look-logo": "one read by the project's id, kept by browsers for good",
    "healthz": "called by load balancers, touches nothing",
    "readyz": "called by load balancers",
    "openapi-json": "a constant document",
    "admin": "signing in is limited by admin_login, admin_name and the lock-out; the rest is staff",
}


def states(*stated: Limit) -> Callable[[Caller], Caller]:
    """Mark a view that spends these limits itself, because it must find out first who asks."""

    def decorator(view: Caller) -> Caller:
        view.limits = stated  # type: ignore[attr-defined]
        return view

    return decorator


def limited(*stated: Limit) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Spend these limits before the view. It must stand below what finds the portal session.

    Raises RateLimited, which the decorators of pages show in words.
    """

    def decorator(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            spend(request, *stated)
            return view(request, *args, **kwargs)

        return states(*stated)(counted)

    return decorator


def spend(request: HttpRequest, *stated: Limit, who: EndUser | None = None) -> None:
    """Count one use of each limit by whom the request is from. Raises RateLimited."""
    limits.spend(*(Use(limit, _subject(request, limit, who)) for limit in stated))


def spend_by_session(limit: Limit, session: PortalSession) -> None:
    """Count one use in a portal session, wherever it is shown. Raises RateLimited."""
    limits.spend(Use(limit, str(session.pk)))


def spend_by_key(limit: Limit, key: ApiKey) -> None:
    """Count one use by an API key, mostly without a statement. Raises RateLimited."""
    reserve.spend(Use(limit, str(key.pk), key.project.api_calls_per_minute))


def told(response: HttpResponseBase, error: Exception) -> None:
    """Say in the answer when to try again (RFC 9110 section 10.2.3)."""
    if (seconds := getattr(error, "retry_after", None)) is not None:
        response.headers["Retry-After"] = str(seconds)


def _subject(request: HttpRequest, limit: Limit, who: EndUser | None) -> str:
    if limit.per == "address":
        return client_network(request)
    session: Any = getattr(request, "portal_session", None)
    if limit.per == "session":
        return str(session.pk)
    return _person(who or session.end_user)


def _person(who: EndUser) -> str:
    return f"{who.project_id}:{who.external_id}"
