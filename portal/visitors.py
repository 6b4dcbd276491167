"""Who is meant: the person a user token speaks of, or whom the vendor's backend names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations import keysets
from integrations.errors import NotFound, SessionInvalid
from integrations.models import ApiKey, EndUser, Organization, Project, SigningKey

MAX_TOKEN, MAX_LIFETIME, LEEWAY = 8_192, 3_600, 60
KEY_ID = re.compile(r"\A[\x20-\x7e]{1,64}\Z")
SUBJECT = re.compile(r"\A[\x21-\x7e]{1,255}\Z")
FORBIDDEN_HEADERS = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64"})
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Visitor:
    """The person a verified user token or a ticket speaks of, and the key that vouches for them.

    `jti` and `token_ends` are set where the project lets each user token open one visit only.
    """

    end_user: EndUser
    signing_key: SigningKey | None
    org_admin: bool
    api_key: ApiKey | None = None
    jti: str = ""
    token_ends: datetime | None = None

    @property
    def project(self) -> Project:
        """The project whose person this is."""
        return self.end_user.project


def project_of(pk: UUID | str) -> Project:
    """Return an active project. Raises NotFound."""
    try:
        return Project.objects.get(pk=UUID(str(pk)), is_active=True)
    except (Project.DoesNotExist, ValueError):
        raise NotFound("project_not_found") from None


@sensitive_variables("user_token")
def visitor(*, project: Project, user_token: str) -> Visitor:
    """Verify a user token and return whom it speaks of (RFC 7519, RFC 8725 section 3).

    The algorithm is that of the registered key, never the token's. Raises SessionInvalid, with one
    code for everything but a token that has only expired or is not valid yet.
    """
    key = _signing_key(project, user_token)
    claims = _claims(project, key, user_token)
    return Visitor(
        end_user=_end_user(project, claims),
        signing_key=key,
        org_admin=claims.get("org_admin") is True,
        jti=_jti(project, claims),
        token_ends=datetime.fromtimestamp(claims["exp"] + LEEWAY, UTC),
    )


def person(*, project: Project, external_id: str, org: str | None) -> EndUser:
    """Return the person the vendor's backend names, made when first named. `org` None changes none.

    Both names are checked already: see `SUBJECT`.
    """
    defaults: dict[str, Any] = {}
    if org is not None:
        organization, _ = Organization.objects.get_or_create(project=project, external_id=org)
        defaults = {"organization": organization}
    with transaction.atomic():
        end_user, is_new = EndUser.objects.select_related("project").get_or_create(
            project=project, external_id=external_id, defaults=defaults
        )
    if defaults and not is_new:
        EndUser.objects.filter(pk=end_user.pk).update(**defaults)
        end_user.refresh_from_db()
    return end_user


@sensitive_variables("user_token")
def _signing_key(project: Project, user_token: str) -> SigningKey:
    if not user_token.isascii() or len(user_token) > MAX_TOKEN:
        raise SessionInvalid("user_token_invalid")
    try:
        header = jwt.get_unverified_header(user_token)
    except jwt.InvalidTokenError:
        raise SessionInvalid("user_token_invalid") from None
    strange = FORBIDDEN_HEADERS & set(header) or header.get("typ", "JWT") != "JWT"
    kid = header.get("kid")
    if strange or not isinstance(kid, str) or not KEY_ID.match(kid):
        raise SessionInvalid("user_token_invalid")
    key = keysets.signing_key(project=project, kid=kid)
    if key is None:
        raise SessionInvalid("user_token_invalid")
    return key


@sensitive_variables("user_token")
def _claims(project: Project, key: SigningKey, user_token: str) -> Mapping[str, Any]:
    try:
        claims: Mapping[str, Any] = jwt.decode(
            user_token,
            key.public_key,
            algorithms=[key.alg],
            audience=f"{settings.BASE_URL}/p/{project.pk}",
            issuer=str(project.pk),
            leeway=LEEWAY,
            options={"require": REQUIRED_CLAIMS, "strict_aud": True},
        )
    except jwt.ExpiredSignatureError:
        raise SessionInvalid("user_token_expired") from None
    except jwt.ImmatureSignatureError:
        raise SessionInvalid("user_token_not_yet_valid") from None
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise SessionInvalid("user_token_invalid") from None
    _check_limits(claims)
    return claims


def _check_limits(claims: Mapping[str, Any]) -> None:
    """Refuse what the library lets pass: long lives, empty subjects, times not in whole seconds."""
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        raise SessionInvalid("user_token_invalid")
    now = int(timezone.now().timestamp())
    too_long = not 0 < expires - issued <= MAX_LIFETIME or issued < now - MAX_LIFETIME - LEEWAY
    names = [claims["sub"]] + ([claims["org"]] if claims.get("org") is not None else [])
    usable = all(isinstance(name, str) and SUBJECT.match(name) for name in names)
    if too_long or not usable:
        raise SessionInvalid("user_token_invalid")


def _end_user(project: Project, claims: Mapping[str, Any]) -> EndUser:
    organization = None
    if claims.get("org"):
        organization, _ = Organization.objects.get_or_create(
            project=project, external_id=claims["org"]
        )
    shown = {"name": _shown(claims.get("name"), 80), "email": _shown(claims.get("email"), 254)}
    with transaction.atomic():
        end_user, _ = EndUser.objects.select_related("project").get_or_create(
            project=project,
            external_id=claims["sub"],
            defaults={**shown, "organization": organization},
        )
    changed = {name: value for name, value in shown.items() if value}
    if end_user.organization_id != (organization.pk if organization else None) or any(
        getattr(end_user, name) != value for name, value in changed.items()
    ):
        EndUser.objects.filter(pk=end_user.pk).update(**changed, organization=organization)
        end_user.refresh_from_db()
    return end_user


def _shown(value: object, maximum: int) -> str:
    return UNPRINTABLE.sub("", value)[:maximum].strip() if isinstance(value, str) else ""


def _jti(project: Project, claims: Mapping[str, Any]) -> str:
    if not project.require_jti:
        return ""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not SUBJECT.match(jti):
        raise SessionInvalid("user_token_invalid")
    return jti
