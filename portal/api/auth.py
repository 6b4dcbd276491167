"""Who calls the API: the vendor's backend by API key, an end user by user token or handle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer
from ninja.security.apikey import APIKeyHeader

from integrations import apikeys
from integrations.errors import NotAllowed, SessionInvalid
from integrations.limits import FAILED_CREDENTIALS, POLL, USER_API, VENDOR_API, Limit
from integrations.models import ApiKey, EndUser, Project
from integrations.secret import digest
from portal import limits, sessions
from portal.middleware import client_address
from portal.visitors import Visitor

USED_EVERY = timedelta(minutes=1)
MAX_KEY = 200


@dataclass(frozen=True)
class Vendor:
    """The vendor's backend."""

    project: Project
    key: ApiKey

    @property
    def actor(self) -> str:
        """How the audit log names this caller."""
        return f"api_key:{self.key.prefix}"


@dataclass(frozen=True)
class Person:
    """An end user. `visitor` is set if a user token says so, and not an open page."""

    project: Project
    end_user: EndUser
    visitor: Visitor | None = None

    @property
    def org_admin(self) -> bool:
        """Whether the user token makes them an administrator of their organization."""
        return self.visitor is not None and self.visitor.org_admin

    @property
    def actor(self) -> str:
        """How the audit log names this caller."""
        return f"user:{self.end_user.external_id}"


class VendorKey(HttpBearer):
    """`Authorization: Bearer <api key>` (RFC 6750 section 2.1), for an operation of this scope.

    An operation that declares no scope is for no key at all.
    """

    openapi_description = "An API key of the project, with the scope that the operation names."

    def __init__(self, scope: str = "", limit: Limit = VENDOR_API) -> None:
        super().__init__()
        self.scope = scope
        self.limits = (limit, FAILED_CREDENTIALS)

    def authenticate(self, request: HttpRequest, token: str) -> Vendor | None:
        """Return the vendor whose live key this is.

        Raises NotAllowed if it may not do this, RateLimited if it did so too often.
        """
        key = _live_key(token)
        if key is None:
            limits.spend(request, FAILED_CREDENTIALS)
            return None
        limits.spend_by_key(self.limits[0], key)
        apikeys.require(key=key, scope=self.scope, address=client_address(request))
        _note_use(key)
        return Vendor(project=key.project, key=key)


class UserToken(HttpBearer):
    """`Authorization: Bearer <user token>`, the JWT that the vendor's backend signs."""

    openapi_bearerFormat = "JWT"

    def __init__(self, *more: Limit) -> None:
        super().__init__()
        self.limits = (USER_API, *more, FAILED_CREDENTIALS)

    def authenticate(self, request: HttpRequest, token: str) -> Person:
        """Return the person of a verified token.

        Raises SessionInvalid, NotAllowed, RateLimited.
        """
        try:
            project = sessions.project_of(_claimed_project(token))
            visitor = sessions.visitor(project=project, user_token=token)
        except SessionInvalid:
            limits.spend(request, FAILED_CREDENTIALS)
            raise
        limits.spend(request, *self.limits[:-1], who=visitor.end_user)
        origin = request.headers.get("Origin")
        if origin and not sessions.may_embed(project=project, origin=origin):
            raise NotAllowed("origin_not_allowed")
        return Person(project=project, end_user=visitor.end_user, visitor=visitor)


class PortalHandle(APIKeyHeader):
    """`Authorization: CP <handle>`, the handle of an open portal page."""

    param_name = "Authorization"
    limits = (POLL,)

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        """Return the person of a live session. Raises SessionInvalid, RateLimited."""
        scheme, _, handle = (key or "").partition(" ")
        if scheme != "CP":
            return None
        session = sessions.session_of(handle[:MAX_KEY])
        limits.spend_by_session(POLL, session)
        return Person(project=session.project, end_user=session.end_user)


def caller(request: HttpRequest) -> Any:
    """Return whom the operation's authentication found."""
    return request.auth  # type: ignore[attr-defined]


def _live_key(token: str) -> ApiKey | None:
    if len(token) > MAX_KEY:
        return None
    live = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return (
        ApiKey.objects.filter(live, key_hash=digest(token), revoked_at=None)
        .filter(project__is_active=True)
        .select_related("project")
        .first()
    )


def _claimed_project(token: str) -> str:
    """Return the issuer a token claims; it only selects the keys that must then verify it."""
    if len(token) > sessions.MAX_TOKEN:
        raise SessionInvalid("user_token_invalid")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        project = str(claims.get("iss", ""))
        sessions.project_of(project)
    except Exception:  # noqa: BLE001
        raise SessionInvalid("user_token_invalid") from None
    return project


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
