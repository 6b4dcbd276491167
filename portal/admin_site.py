"""The admin's site: signing in is limited, and every change asks who is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from axes.models import AccessLog
from django.contrib.admin import AdminSite as DjangoAdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import UsernameField
from django.db import DatabaseError
from django.forms import TextInput
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from integrations import limits
from integrations.errors import RateLimited
from integrations.limits import ADMIN_LOGIN, ADMIN_NAME, RETRY_AFTER_FAILURE, Use
from portal import confirmation, look_admin, texts
from portal.middleware import client_network
from portal.pages import errors

FAMILIAR_FOR = timedelta(days=30)
MAX_NAME = 150
SAFE = ("GET", "HEAD", "OPTIONS")
View = Callable[..., HttpResponseBase]


class SignIn(AdminAuthenticationForm):
    """The form to sign in with. A name longer than any is refused before anybody looks for it."""

    username = UsernameField(max_length=MAX_NAME, widget=TextInput(attrs={"autofocus": True}))


NAME = SignIn.base_fields["username"]


class AdminSite(DjangoAdminSite):
    """Django's admin for people who may have left their desk."""

    login_form = SignIn

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let nothing be changed by somebody who has not given the password of late."""
        guarded = super().admin_view(_confirmed(self, view), cacheable)
        return sensitive_post_parameters(confirmation.FIELD)(guarded)

    def get_urls(self) -> list[Any]:
        """Add the pages that show the portal's own pages."""
        return [*look_admin.urls(self), *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Count attempts before a password is looked at."""
        if request.method == "POST":
            try:
                _count_attempt(request)
            except RateLimited as error:
                return locked(request, retry_after=error.retry_after)
        response: HttpResponse = super().login(request, extra_context)
        return response


def locked(
    request: HttpRequest, *args: Any, retry_after: int = 3600, **kwargs: Any
) -> HttpResponse:
    """Say that signing in is paused, in the same words whether the name exists or not."""
    response = errors.shown(request, texts.notice("admin_locked"), 429)
    response.headers["Retry-After"] = str(retry_after)
    return response


def _confirmed(site: AdminSite, view: View) -> View:
    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.secrets_dropped = ()  # type: ignore[attr-defined]
        # Leaving needs no proof.
        if request.method in SAFE or view == site.logout:
            return view(request, *args, **kwargs)
        wrong = False
        if not confirmation.is_fresh(request):
            wrong = confirmation.FIELD in request.POST
            if not confirmation.confirms(request):
                return _ask(site, request, wrong=wrong)
        _restore(request)
        return view(request, *args, **kwargs)

    return asked


def _restore(request: HttpRequest) -> None:
    """Make the request the form that it was, and name the secrets that must be typed again."""
    dropped = request.POST.getlist(confirmation.DROPPED)
    request.secrets_dropped = tuple(dropped)  # type: ignore[attr-defined]
    request.POST = confirmation.without_ours(request.POST)  # type: ignore[assignment]


def _ask(site: AdminSite, request: HttpRequest, *, wrong: bool) -> HttpResponse:
    fields = confirmation.carried(request.POST)
    context = {
        **site.each_context(request),
        "title": "Confirm it is you",
        "fields": fields,
        "wrong": wrong,
        "dropped": any(name == confirmation.DROPPED for name, _ in fields),
        "field": confirmation.FIELD,
        "back": request.path,
    }
    return TemplateResponse(request, "admin/confirm.html", context, status=403)


def _count_attempt(request: HttpRequest) -> None:
    """Count by address, and by name unless the address is one of that person's own."""
    address = client_network(request)
    # As the form reads it: it takes a name in other letters, such as fullwidth ones, for the same.
    name = str(NAME.to_python(request.POST.get("username", "")))[:MAX_NAME]
    uses = [Use(ADMIN_LOGIN, address)]
    try:
        since = timezone.now() - FAMILIAR_FOR
        own = AccessLog.objects.filter(
            username=name, ip_address=address or None, attempt_time__gte=since
        )
        if "\x00" in name or not own.exists():
            uses.append(Use(ADMIN_NAME, name.casefold()))
    except (DatabaseError, ValueError):
        raise RateLimited(retry_after=RETRY_AFTER_FAILURE) from None
    limits.spend(*uses)
