"""Plain functions that make what tests need."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.utils import timezone

from integrations import audit, clients, keys, lifetimes
from integrations.apikeys import KeyPolicy
from integrations.clients import ClientConfig
from integrations.models import (
    AllowedOrigin,
    Connection,
    Credential,
    EndUser,
    Integration,
    OAuthClient,
    Project,
    ReturnUrl,
    SigningKey,
)
from integrations.models.projects import OWN_CLIENT
from integrations.secret import Secret

ORIGIN = "http://acme.localhost:8001"
RETURN_URL = f"{ORIGIN}/return"
KID = "test-key"


def private_key(alg: str = "RS256", which: int = 0) -> Any:
    """Return a private key, the same for the whole run; `which` tells several apart."""
    return _private_key(alg, which)


@cache
def _private_key(alg: str, which: int) -> Any:
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    """Return the public half as PEM."""
    public = key.public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def private_pem(key: Any) -> str:
    """Return the private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def make_project(name: str = "Acme CRM", *, alg: str = "RS256", which: int = 0) -> Project:
    """Make a project with one origin, one return URL and one signing key."""
    project = audit.create_project(name=name)
    AllowedOrigin.objects.create(project=project, origin=ORIGIN)
    ReturnUrl.objects.create(project=project, url=RETURN_URL)
    SigningKey.objects.create(
        project=project, kid=KID, alg=alg, public_key=pem(private_key(alg, which))
    )
    return project


def make_integration(project: Project, slug: str = "demo-mail", **fields: Any) -> Integration:
    """Switch a provider on."""
    return Integration.objects.create(project=project, provider_slug=slug, **fields)


def make_api_key(project: Project, policy: KeyPolicy = keys.EVERYTHING) -> str:
    """Make an API key and return it."""
    made = keys.create_api_key(project=project, name="backend", actor="test", policy=policy)
    return made.key.reveal()


def claims(project: Project, sub: str = "dana", **changed: Any) -> dict[str, Any]:
    """Return the claims of a good user token; a changed claim of None is left out."""
    now = int(time.time())
    good = {
        "iss": str(project.pk),
        "aud": f"{settings.BASE_URL}/p/{project.pk}",
        "sub": sub,
        "iat": now,
        "exp": now + 300,
        "name": "Dana Reyes",
        "email": "dana@acme.test",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def user_token(
    project: Project, sub: str = "dana", *, alg: str = "RS256", which: int = 0, **changed: Any
) -> str:
    """Return a signed user token."""
    return jwt.encode(
        claims(project, sub, **changed), private_key(alg, which), alg, headers={"kid": KID}
    )


def make_end_user(project: Project, external_id: str = "dana") -> EndUser:
    """Make an end user."""
    return EndUser.objects.get_or_create(project=project, external_id=external_id)[0]


def make_client(
    integration: Integration,
    end_user: EndUser,
    *,
    client_id: str = "fake_ok",
    secret: str = "fake-secret",
    settings: dict[str, str] | None = None,
) -> OAuthClient:
    """Make an end user's active client."""
    slot = clients.draft_client(integration=integration, end_user=end_user)
    config = ClientConfig(client_id, Secret(secret), settings or {})
    clients.replace_config(client=slot, config=config, actor="test")
    return slot


@dataclass(frozen=True)
class Tokens:
    """What `make_connection` stored."""

    access: str = "access-token-of-the-test"
    refresh: str | None = "refresh-token-of-the-test"


def make_connection(
    integration: Integration,
    end_user: EndUser,
    *,
    tokens: Tokens | None = None,
    client: OAuthClient | None = None,
    **fields: Any,
) -> Connection:
    """Make a connection with a credential that is fresh unless `expires_at` says otherwise."""
    tokens = tokens or Tokens()
    expires_at = fields.pop("expires_at", None)
    slot = client or make_client(integration, end_user)
    connection = Connection.objects.create(
        project=integration.project,
        end_user=end_user,
        integration=integration,
        oauth_client=slot,
        account_type=OWN_CLIENT,
        **{"status": Connection.Status.VALID, **fields},
    )
    Credential(
        connection=connection,
        project_id=integration.project_id,
        client_version=slot.current_version,
        access_token=Secret(tokens.access),
        refresh_token=Secret(tokens.refresh) if tokens.refresh else None,
        expires_at=expires_at,
        refresh_after=expires_at and expires_at - timedelta(minutes=10),
    ).save(force_insert=True)
    return connection


def expire(connection: Connection, *, left: float = -1) -> None:
    """Let the connection's hour-long token end in `left` seconds."""
    ends = timezone.now() + timedelta(seconds=left)
    start = ends - timedelta(hours=1)
    Credential.objects.filter(pk=connection.pk).update(
        expires_at=ends,
        refreshed_at=start,
        refresh_after=lifetimes.refresh_after(pk=connection.pk, start=start, end=ends),
    )


def replace_secret(client: OAuthClient, secret: str = "fake-secret", **changed: Any) -> None:
    """Save another secret for a client, and another `client_id` or `settings` if given."""
    current = client.current_version
    assert current is not None
    kept = {"client_id": current.client_id, "settings": current.settings}
    config = ClientConfig(client_secret=Secret(secret), **(kept | changed))
    clients.replace_config(client=client, config=config, actor="test")
