"""Mint a user token for development."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from integrations import keys
from integrations.management.base import JsonCommand, found_project
from integrations.models import Project, SigningKey

LIFETIME = 3600


class Command(JsonCommand):
    """Sign a token as the vendor's backend would, with its private key."""

    help = "Print a user token (JWT) valid for one hour, for trying things out."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the claims and the private key."""
        parser.add_argument("project", help="id or exact name")
        parser.add_argument("sub", help="the user's id in the vendor's application")
        parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="private key")
        parser.add_argument("--kid", help="key id; found by the key itself if left out")
        parser.add_argument("--org", help="the organization's id")
        parser.add_argument("--org-admin", action="store_true")
        parser.add_argument("--name")
        parser.add_argument("--email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token and nothing else, so that it can be piped."""
        project = found_project(options["project"])
        if options["org_admin"] and not options["org"]:
            raise CommandError("--org-admin needs --org.")
        private = _private_key(options["key"])
        row = _signing_key(project, keys.public_pem(private.public_key()), options["kid"])
        claims = _claims(project, options)
        token = jwt.encode(claims, private, algorithm=row.alg, headers={"kid": row.kid})
        data = {"token": token, "kid": row.kid, "expires_at": claims["exp"]}
        self.report(options, data, token)


def _private_key(path: Path) -> Any:
    try:
        return serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CommandError(f"{path} holds no private key in PEM form without password.") from None


def _signing_key(project: Project, public_key: str, kid: str | None) -> SigningKey:
    rows = SigningKey.objects.filter(project=project, public_key=public_key, revoked_at=None)
    row = (rows.filter(kid=kid) if kid else rows).order_by("pk").first()
    if row is None:
        message = f"{project.name} has no active signing key that fits this private key"
        raise CommandError(f"{message}{f' and the id {kid!r}' if kid else ''}.")
    return row


def _claims(project: Project, options: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": str(project.pk),
        "aud": f"{settings.BASE_URL}/p/{project.pk}",
        "sub": options["sub"],
        "iat": now,
        "exp": now + LIFETIME,
    }
    if options["org_admin"]:
        claims["org_admin"] = True
    named = {name: options[name] for name in ("org", "name", "email") if options[name]}
    return claims | named
