"""Keys that a project publishes as a JWK Set instead of registering each.

What is read becomes rows like those an admin registers, so that a session ends with its key,
whatever its source. A registered key is never replaced by a published one of the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations import audit
from integrations.addresses import clean_url
from integrations.errors import InvalidInput, ProviderFailure
from integrations.keys import KEY_ID, checked_public_key, public_pem
from integrations.models import KeySet, Project, SigningKey
from integrations.oauth import answers
from integrations.oauth import client as oauth

FRESH, RETRY, STALE = timedelta(minutes=10), timedelta(minutes=1), timedelta(hours=24)
MAX_KEYS = 20
# Key type and curve (RFC 7518 section 6, RFC 8037 section 2) to the algorithm we verify with.
ALGORITHMS = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
HEADERS = {"Accept": "application/jwk-set+json, application/json"}


@dataclass(frozen=True)
class PublishedKey:
    """A key of the set that user tokens may be signed with."""

    kid: str
    alg: str
    pem: str


def publish_at(*, project: Project, url: str, actor: str) -> KeySet | None:
    """Set where the project publishes its keys; an empty `url` stops using published keys.

    Raises InvalidInput for an address that may not be called.
    """
    loopback = settings.OUTBOUND_LOOPBACK_HTTP
    cleaned = clean_url(url, field="url", label="key set URL", loopback=loopback) if url else ""
    unread = {"url": cleaned, "tried_at": None, "fetched_at": None, "failure": ""}
    with transaction.atomic():
        row = None
        if cleaned:
            row, _ = KeySet.objects.update_or_create(project=project, defaults=unread)
        else:
            KeySet.objects.filter(project=project).delete()
            _unlist(project, kept=())
        audit.record(
            project=project, actor=actor, action="key_set.changed", subject=project, used=bool(url)
        )
    return row


def signing_key(*, project: Project, kid: str) -> SigningKey | None:
    """Return the live key of this id, reading the project's key set if it may have changed.

    The set is read at most once a minute, however many unknown ids are asked for. If it cannot be
    read, known keys stay good for a day.
    """
    key = _live(project, kid)
    if key and not key.from_key_set:
        return key
    key_set = KeySet.objects.filter(project=project).first()
    if key_set is None:
        return None
    if _worth_reading(key_set, known=key is not None) and _claim(key_set):
        read(key_set)
        key_set.refresh_from_db()
        key = _live(project, kid)
    return key if key_set.fetched_at and key_set.fetched_at > timezone.now() - STALE else None


def read(key_set: KeySet) -> None:
    """Read the set and store its keys; a failure is noted and leaves the keys as they were."""
    try:
        found = accepted(_fetched(key_set.url))
    except ProviderFailure as error:
        _note_failure(key_set, error.code)
        return
    with transaction.atomic():
        # Only if this is still the address: an answer that took long must not outlive it.
        same = KeySet.objects.filter(pk=key_set.pk, url=key_set.url)
        if same.update(fetched_at=Now(), failure=""):
            _store(key_set.project, found)


def accepted(document: Any) -> tuple[PublishedKey, ...]:
    """Return the usable keys of a JWK Set; others are left out (RFC 7517 section 5).

    Raises ProviderFailure if this is no key set, has too many keys or an id twice.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise ProviderFailure("key_set_unusable")
    found = tuple(key for key in map(_usable, listed) if key)
    if not found or len({key.kid for key in found}) != len(found):
        raise ProviderFailure("key_set_unusable")
    return found


def _fetched(url: str) -> Any:
    answer = oauth.transport.request("GET", url, headers=HEADERS)
    if answer.status != 200:
        raise ProviderFailure("key_set_unavailable")
    return answers.parsed(answer)


def _usable(jwk: Any) -> PublishedKey | None:
    if not isinstance(jwk, dict) or not _for_verifying(jwk):
        return None
    alg = ALGORITHMS.get((str(jwk.get("kty")), str(jwk.get("crv", ""))))
    if alg is None or jwk.get("alg", alg) != alg:
        return None
    try:
        key = public_pem(jwt.PyJWK(jwk, algorithm=alg).key)
        return PublishedKey(jwk["kid"], alg, checked_public_key(pem=key, alg=alg))
    except (jwt.PyJWTError, InvalidInput, ValueError, TypeError, AttributeError):
        return None


def _for_verifying(jwk: Mapping[str, Any]) -> bool:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not KEY_ID.match(kid):
        return False
    # A set that shows a private or symmetric key shows it to everyone.
    if jwk.get("use", "sig") != "sig" or {"d", "k"} & set(jwk):
        return False
    operations = jwk.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _live(project: Project, kid: str) -> SigningKey | None:
    return SigningKey.objects.filter(project=project, kid=kid, revoked_at=None).first()


def _worth_reading(key_set: KeySet, *, known: bool) -> bool:
    read_at = key_set.fetched_at
    return not known or read_at is None or read_at < timezone.now() - FRESH


def _claim(key_set: KeySet) -> bool:
    rested = Q(tried_at=None) | Q(tried_at__lt=Now() - RETRY)
    return bool(KeySet.objects.filter(rested, pk=key_set.pk).update(tried_at=Now()))


def _store(project: Project, found: tuple[PublishedKey, ...]) -> None:
    added = 0
    for key in found:
        row, is_new = SigningKey.objects.get_or_create(
            project=project,
            kid=key.kid,
            defaults={"alg": key.alg, "public_key": key.pem, "from_key_set": True},
        )
        if not is_new and row.from_key_set:
            _renew(row, key)
        added += is_new
    removed = _unlist(project, kept=tuple(key.kid for key in found))
    if added or removed:
        audit.record(
            project=project,
            actor="system",
            action="key_set.read",
            subject=project,
            added=added,
            removed=removed,
        )


def _renew(row: SigningKey, key: PublishedKey) -> None:
    # A key that an admin revoked stays revoked, also while the set still lists it.
    back = {"unlisted": False, "revoked_at": None} if row.unlisted else {}
    SigningKey.objects.filter(pk=row.pk).update(alg=key.alg, public_key=key.pem, **back)


def _unlist(project: Project, *, kept: tuple[str, ...]) -> int:
    gone = SigningKey.objects.filter(project=project, from_key_set=True, revoked_at=None)
    return gone.exclude(kid__in=kept).update(revoked_at=timezone.now(), unlisted=True)


def _note_failure(key_set: KeySet, code: str) -> None:
    with transaction.atomic():
        # Once for each spell of failures, not once a minute.
        if KeySet.objects.filter(pk=key_set.pk, failure="").update(failure=code):
            audit.record(
                project=key_set.project,
                actor="system",
                action="key_set.failed",
                subject=key_set.project,
                code=code,
                severity="high",
            )
        KeySet.objects.filter(pk=key_set.pk).update(failure=code)
