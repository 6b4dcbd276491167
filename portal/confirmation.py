"""Confirming with the password that it is still the same person at the admin.

The stamp is in the session on the server: it ends with the session, after ten minutes, and with any
change of the password.
"""

from __future__ import annotations

import re
import time
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, QueryDict
from django.utils.crypto import constant_time_compare

VALID_FOR = 600
STAMP = "confirmed"
FIELD = "confirm_password"
DROPPED = "confirm_dropped"
# A page that asks for the password must not carry other secrets along.
SECRET_NAME = re.compile(r"secret|password|token|private|public_key|pem", re.IGNORECASE)
# Switches, a day, an address and buttons that are only called so: a form without them would say
# the opposite.
HARMLESS = frozenset(
    {"secret_expires_on", "set-password", "token_endpoint", "tokens_stopped", "unset-password"}
    | {"usable_password"}
)


def is_fresh(request: HttpRequest) -> bool:
    """Return whether this session's person gave the present password within ten minutes."""
    user: Any = request.user
    at, known = request.session.get(STAMP) or (0, "")
    recent = 0 <= time.time() - at < VALID_FOR
    return recent and constant_time_compare(known, user.get_session_auth_hash())


def stamp(request: HttpRequest, user: Any) -> None:
    """Note in the session that the password was given just now."""
    request.session[STAMP] = [int(time.time()), user.get_session_auth_hash()]


def confirms(request: HttpRequest) -> bool:
    """Return whether the request holds the right password, and note it. Failures are counted."""
    typed, password = request.POST, request.POST.get(FIELD, "")
    name = request.user.get_username()
    # The log of failures keeps the form, and this one may hold every kind of secret.
    request.POST = QueryDict()
    found = authenticate(request, username=name, password=password) if password else None
    request.POST = typed
    if found is None or found.pk != request.user.pk:
        return False
    stamp(request, found)
    return True


def carried(post: QueryDict) -> list[tuple[str, str]]:
    """Return what was typed, for hidden fields: everything but secrets and our own fields."""
    kept = [
        (name, value) for name, values in post.lists() for value in values if not _left_out(name)
    ]
    missing = [
        (DROPPED, name) for name, value in post.items() if _is_secret(name) and str(value).strip()
    ]
    return [*kept, *missing]


def without_ours(post: QueryDict) -> QueryDict:
    """Return the form as it was before it went through the page that asks."""
    form = post.copy()
    for name in (FIELD, DROPPED):
        form.pop(name, None)
    return form


def _is_secret(name: str) -> bool:
    ours = (FIELD, DROPPED, "csrfmiddlewaretoken")
    return name not in (*ours, *HARMLESS) and SECRET_NAME.search(name) is not None


def _left_out(name: str) -> bool:
    # What was dropped at an earlier try is still missing now.
    return name in (FIELD, "csrfmiddlewaretoken") or _is_secret(name)


def _note_login(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    stamp(request, user)


user_logged_in.connect(_note_login, dispatch_uid="portal.confirmation")
