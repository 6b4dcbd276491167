"""All samples: name, template and screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from portal.pages.screens import (
    DisconnectScreen,
    EndedScreen,
    ErrorScreen,
    FormError,
    HostedScreen,
    LeavingScreen,
    SavedSecret,
)
from tests.gallery.activities import activities
from tests.gallery.advised import advised
from tests.gallery.handoffs import hand_offs
from tests.gallery.hostile import Sample, hostile
from tests.gallery.parts import (
    CANARY,
    CHOICES,
    DAY,
    DOMAIN,
    EMBEDDED,
    ENDS,
    FULL,
    GMAIL,
    SCOPES,
)
from tests.gallery.permissions import permissions
from tests.gallery.screens import (
    AUTHORIZE,
    CANCELLED,
    CHOOSING,
    CONNECTED,
    CONNECTION,
    CREATE,
    DENIED,
    DONE,
    ERROR,
    FAILURE,
    FAREWELLS,
    GONE,
    LIMITED,
    MANAGE,
    NOT_FOUND,
    OPTIONS,
    PICKER,
    REVIEW,
    ROW,
    ROWS,
    SAVED,
    SAVED_WRONG,
    SECRET,
    SECRET_ERRORS,
    VENDOR_APP,
    WAITING,
    WRONG,
)


def samples() -> Iterator[Sample]:
    """Yield (name, template, screen) of every sample."""
    yield from _install()
    yield from _own_client()
    yield from _after()
    yield from hand_offs()
    yield from activities()
    yield from permissions()
    yield from hostile()


def _install() -> Iterator[Sample]:
    name = "install/account_type.html"
    missing = (FormError("account_type", "Choose how to connect."),)
    unchosen = tuple(replace(choice, checked=False) for choice in CHOICES)
    yield "picker", name, PICKER
    yield "picker-error", name, replace(PICKER, choices=unchosen, errors=missing)
    yield "picker-full", name, replace(PICKER, frame=FULL)
    name = "install/choose.html"
    wrong = (FormError("post_option", "Choose one of the list."),)
    many = tuple((f"id-{number}", f"Site {number}", "") for number in range(30))
    yield "choosing", name, CHOOSING
    yield "choosing-error", name, replace(CHOOSING, errors=wrong)
    yield "choosing-many", name, replace(CHOOSING, options=many)
    yield "choosing-many-error", name, replace(CHOOSING, options=many, errors=wrong)
    yield "choosing-full", name, replace(CHOOSING, frame=FULL)
    name = "install/review.html"
    yield "review", name, REVIEW
    yield "review-vendor-app", name, VENDOR_APP
    yield "review-failure", name, replace(REVIEW, failure=FAILURE)
    yield "review-full", name, replace(REVIEW, frame=FULL)
    yield "review-left-behind", name, replace(REVIEW, left_behind=SECRET.accounts)
    yield from advised()
    name = "install/waiting.html"
    yield "waiting", name, WAITING
    yield "waiting-full", name, replace(WAITING, frame=FULL, redirect_uri="")
    confirming = replace(WAITING, frame=FULL, confirming=True, confirm_url="https://acme.example/")
    yield "waiting-confirming", name, confirming
    yield "poller", "install/_poller.html", WAITING
    name = "install/result.html"
    yield "result", name, CONNECTED
    yield "result-limited", name, LIMITED
    yield "result-cancelled", name, CANCELLED
    yield "result-expired", name, replace(CANCELLED, status="EXPIRED")
    yield "result-full", name, replace(CONNECTED, frame=FULL)


def _own_client() -> Iterator[Sample]:
    name = "install/options.html"
    yield "options", name, OPTIONS
    yield "options-full", name, replace(OPTIONS, frame=FULL)
    yield "options-errors", name, replace(WRONG, frame=FULL)
    yield "options-saved", name, replace(SAVED, frame=FULL)
    yield "options-saved-error", name, SAVED_WRONG
    bare = replace(OPTIONS, scopes=SCOPES[:3], custom_scopes_allowed=False, settings=(DOMAIN,))
    yield "options-bare", name, bare
    kept = SavedSecret(CANARY[-4:], DAY, ENDS)
    yield "options-create", name, replace(OPTIONS, create=CREATE)
    yield "options-expiry", name, replace(OPTIONS, expires_on="")
    yield "options-expiry-saved", name, replace(SAVED, saved=kept, expires_on=ENDS.isoformat())
    late = {"secret_expires_on": SECRET_ERRORS["secret_expires_on"]}
    wrong = replace(OPTIONS, expires_on="2001-01-01", error_by_field=late)
    late_errors = tuple(FormError(field, text) for field, text in late.items())
    yield "options-expiry-error", name, replace(wrong, errors=late_errors)
    name = "manage/secret.html"
    yield "secret", name, SECRET
    yield "secret-full", name, replace(SECRET, frame=FULL, accounts=())
    plain = SavedSecret("", DAY)
    yield "secret-plain", name, replace(SECRET, current=plain, client_secret_hint="")
    errors = tuple(FormError(field, text) for field, text in SECRET_ERRORS.items())
    yield "secret-errors", name, replace(SECRET, errors=errors, error_by_field=SECRET_ERRORS)


def _after() -> Iterator[Sample]:
    name = "manage/index.html"
    yield "manage", name, MANAGE
    yield "manage-gone", name, replace(MANAGE, connections=ROWS[:1], gone=FAREWELLS)
    yield "manage-full", name, replace(MANAGE, frame=FULL)
    yield "manage-empty", name, replace(MANAGE, connections=())
    yield "manage-nothing", name, replace(MANAGE, connections=(), offers=())
    yield (
        "manage-done",
        name,
        replace(MANAGE, connections=ROWS[2:3], done=GONE, disconnected=CONNECTION),
    )
    yield "disconnect", "manage/disconnect.html", DisconnectScreen(EMBEDDED, ROW)
    leaving = LeavingScreen("Acme CRM", "Dana Reyes", GMAIL, AUTHORIZE)
    yield "leaving", "oauth/leaving.html", leaving
    yield "hosted", "hosted/link.html", HostedScreen("Acme CRM", "Dana Reyes", GMAIL, "/hosted/x")
    yield "hosted-list", "hosted/link.html", HostedScreen("Acme CRM", "Dana", None, "/hosted/x")
    yield "ended", "hosted/ended.html", EndedScreen(FULL)
    name = "oauth/done.html"
    confirm_url = "https://acme.example/?cp_flow=1"
    yield "done-unconfirmed", name, replace(DONE, outcome="unconfirmed", confirm_url=confirm_url)
    hosts = {"host_url": "https://acme.example/", "host_origin": "https://acme.example"}
    yield "done-headless", name, replace(DONE, **hosts)
    yield "done", name, DONE
    yield "done-way-back", name, replace(DONE, way_back="https://acme.example/")
    yield "done-full", name, replace(DONE, return_path="/portal/")
    yield "done-failed", name, replace(DONE, outcome="failed", notice=DENIED)
    yield "done-waiting", name, replace(DONE, outcome="waiting")
    name = "errors/error.html"
    yield "error", name, ERROR
    yield "error-full", name, ErrorScreen(NOT_FOUND, "req_0f3c6a1b2d4e5f607182", status=404)
