"""Portal sessions: who may embed, for how long, and what ends a visit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from integrations import handoffs
from integrations.errors import NotAllowed, SessionInvalid
from integrations.models import (
    AllowedOrigin,
    Binding,
    EndUser,
    PortalSession,
    Project,
    ReturnUrl,
    UsedToken,
)
from integrations.secret import Secret, digest, new_token
from portal.visitors import MAX_TOKEN as MAX_TOKEN
from portal.visitors import Visitor as Visitor
from portal.visitors import person as person
from portal.visitors import project_of as project_of
from portal.visitors import visitor as visitor

IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=2)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Opening:
    """How a visit is opened: from where, shown how, and where it may end."""

    origin: str
    display: str
    return_url: str = ""
    locale: str = ""
    theme: str = ""
    binding: Binding = Binding.STRONG


@dataclass(frozen=True)
class Opened:
    """A new session and its handle, which is known only now."""

    session: PortalSession
    handle: Secret


def open_session(*, visitor: Visitor, opening: Opening) -> Opened:
    """Create a session bound to an origin.

    Raises NotAllowed for a return URL not registered, SessionInvalid for a user token that opened
    a visit before, where the project permits one.
    """
    project = visitor.project
    if opening.return_url and not registered(project, opening.return_url):
        raise NotAllowed("return_url_not_allowed")
    if visitor.jti and visitor.token_ends:
        _use_up(project, visitor.jti, visitor.token_ends)
    handle, now = new_token(), timezone.now()
    session = PortalSession.objects.create(
        handle_hash=digest(handle),
        project=project,
        end_user=visitor.end_user,
        signing_key=visitor.signing_key,
        api_key=visitor.api_key,
        origin=opening.origin,
        display=opening.display,
        binding=opening.binding,
        organization_id=visitor.end_user.organization_id,
        org_admin=visitor.org_admin,
        return_url=opening.return_url,
        locale=opening.locale[:16],
        theme=opening.theme if opening.theme in {"light", "dark"} else "",
        last_seen_at=now,
        expires_at=now + ABSOLUTE,
    )
    return Opened(session=session, handle=Secret(handle))


def session_of(handle: str) -> PortalSession:
    """Return the live session of this handle. Raises SessionInvalid."""
    now = timezone.now()
    session = _rows().filter(handle_hash=digest(handle)).first()
    if session is None:
        raise SessionInvalid
    if not _is_welcome(session):
        raise SessionInvalid("session_expired")
    if not is_live(session):
        embedded = session.display == PortalSession.Display.EMBED
        raise SessionInvalid("session_expired", origin=session.origin if embedded else "")
    if session.last_seen_at < now - SEEN_EVERY:
        PortalSession.objects.filter(pk=session.pk).update(last_seen_at=now)
    return session


def live(pk: UUID) -> PortalSession:
    """Return the visit of this id if it goes on. Raises SessionInvalid."""
    session = _rows().get(pk=pk)
    if not (is_live(session) and _is_welcome(session)):
        raise SessionInvalid("session_expired")
    return session


def is_live(session: PortalSession) -> bool:
    """Return whether a visit goes on: in time, not ended, its key and its project still good."""
    now = timezone.now()
    over = session.expires_at <= now or session.last_seen_at <= now - IDLE
    return not (session.ended_at or over) and session.key.is_live and session.project.is_active


def _rows() -> QuerySet[PortalSession]:
    """Return visits with their keys, and whether the project still lists where each was opened."""
    listed = AllowedOrigin.objects.filter(project=OuterRef("project"), origin=OuterRef("origin"))
    rows = PortalSession.objects.select_related(
        "project__branding", "end_user", "signing_key", "api_key"
    )
    return rows.annotate(origin_listed=Exists(listed))


def _is_welcome(session: Any) -> bool:
    # A visit opened by a link is on our own origin, which no project lists.
    return bool(session.origin_listed) or session.origin == settings.BASE_ORIGIN


def headless(*, visitor: Visitor, origin: str, return_url: str = "") -> PortalSession:
    """Return the person's live visit of this page that draws its own form, opened if there is none.

    One for each key, origin and return URL, so their number is bounded. Raises as `open_session`.
    """
    now = timezone.now()
    found = PortalSession.objects.select_related("project", "end_user", "signing_key", "api_key")
    session = found.filter(
        end_user=visitor.end_user,
        signing_key=visitor.signing_key,
        origin=origin,
        return_url=return_url,
        display=PortalSession.Display.HEADLESS,
        organization=visitor.end_user.organization_id,
        org_admin=visitor.org_admin,
        ended_at=None,
        expires_at__gt=now,
        last_seen_at__gt=now - IDLE,
    ).first()
    if session is None:
        opening = Opening(origin, PortalSession.Display.HEADLESS, return_url)
        return open_session(visitor=visitor, opening=opening).session
    if session.last_seen_at < now - SEEN_EVERY:
        PortalSession.objects.filter(pk=session.pk).update(last_seen_at=now)
    return session


def end(*sessions: PortalSession) -> None:
    """End visits now: their handles, cookies and trips under way are worth nothing any more."""
    ids = [session.pk for session in sessions]
    PortalSession.objects.filter(pk__in=ids, ended_at=None).update(ended_at=timezone.now())


def end_all(end_user: EndUser) -> None:
    """End every visit of a person, as when they sign out, and the links they made in one."""
    with transaction.atomic():
        open_ones = PortalSession.objects.filter(end_user=end_user, ended_at=None)
        open_ones.update(ended_at=timezone.now())
        handoffs.end_all(end_user)


def may_embed(*, project: Project, origin: str) -> bool:
    """Return whether this exact origin (RFC 6454 section 6.2) is registered for the project."""
    return AllowedOrigin.objects.filter(project=project, origin=origin).exists()


def registered(project: Project, url: str) -> bool:
    """Return whether people may be sent to this URL, compared as a whole."""
    return ReturnUrl.objects.filter(project=project, url=url).exists()


def _use_up(project: Project, jti: str, ends: datetime) -> None:
    """Note that this token opened a visit (RFC 7519 section 4.1.7). Raises SessionInvalid."""
    try:
        with transaction.atomic():
            UsedToken.objects.create(project=project, jti_hash=digest(jti), expires_at=ends)
    except IntegrityError:
        raise SessionInvalid("user_token_used") from None
