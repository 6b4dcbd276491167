"""A project's keys: public keys that verify user tokens, and API keys of the vendor's backend."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations import audit
from integrations.apikeys import KeyPolicy
from integrations.errors import FieldError, InvalidInput
from integrations.models import ApiKey, Project, SigningKey
from integrations.secret import Secret, digest, new_token

API_KEY_PREFIX = "cp_live_"
SHOWN_CHARACTERS = 12
KEY_ID = re.compile(r"\A[A-Za-z0-9._~-]{1,64}\Z")
RSA_BITS = range(2048, 8193)
MAX_PEM = 10_000
EVERYTHING = KeyPolicy()


@dataclass(frozen=True)
class NewApiKey:
    """An API key at the only moment it can be read."""

    row: ApiKey
    key: Secret


@dataclass(frozen=True)
class NewSigningKey:
    """A generated signing key: the row keeps the public half, the vendor the private one."""

    row: SigningKey
    private_key: Secret


def create_api_key(
    *, project: Project, name: str, actor: str, policy: KeyPolicy = EVERYTHING
) -> NewApiKey:
    """Create an API key. Only its digest is stored, so the answer is the one chance to read it."""
    key = API_KEY_PREFIX + new_token()
    with transaction.atomic():
        row = ApiKey.objects.create(
            project=project,
            name=name,
            prefix=key[:SHOWN_CHARACTERS],
            key_hash=digest(key),
            scopes=list(policy.scopes),
            expires_at=policy.expires_at,
            allowed_addresses=list(policy.allowed_addresses),
        )
        audit.record(
            project=project,
            actor=actor,
            action="api_key.created",
            subject=row,
            name=name,
            scopes=row.scopes,
        )
    return NewApiKey(row, Secret(key))


def add_signing_key(*, project: Project, kid: str, alg: str, pem: str, actor: str) -> SigningKey:
    """Store a public key. An empty `kid` is replaced by one derived from the key.

    Raises InvalidInput with the field at fault.
    """
    public_key = checked_public_key(pem=pem, alg=alg)
    kid = _checked_key_id(project, kid.strip() or key_id(public_key))
    with transaction.atomic():
        row = SigningKey.objects.create(project=project, kid=kid, alg=alg, public_key=public_key)
        audit.record(
            project=project, actor=actor, action="signing_key.added", subject=row, kid=kid, alg=alg
        )
    return row


def generate_signing_key(*, project: Project, actor: str) -> NewSigningKey:
    """Make an RS256 key pair and store its public half."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_key = public_pem(private.public_key())
    row = add_signing_key(project=project, kid="", alg="RS256", pem=public_key, actor=actor)
    return NewSigningKey(row, Secret(pem.decode()))


def revoke(*, key: ApiKey | SigningKey, actor: str) -> None:
    """Stop accepting a key from now on. A key that is revoked already stays as it is."""
    kind = "api_key" if isinstance(key, ApiKey) else "signing_key"
    with transaction.atomic():
        rows: QuerySet[Any] = type(key)._default_manager.filter(revoked_at=None)
        if not rows.filter(pk=key.pk).update(revoked_at=timezone.now()):
            return
        audit.record(project=key.project, actor=actor, action=f"{kind}.revoked", subject=key)
    key.refresh_from_db()


def checked_public_key(*, pem: str, alg: str) -> str:
    """Return the public key as PEM (RFC 7468 section 13) if it fits `alg` (RFC 7518 section 3).

    Raises InvalidInput; the message never repeats what was pasted.
    """
    if "PRIVATE KEY" in pem:
        _refuse("private_key", "This is a private key. Keep it secret and paste the public key.")
    if "CERTIFICATE" in pem:
        _refuse("certificate", "This is a certificate. Paste only the public key inside it.")
    if len(pem) > MAX_PEM:
        _refuse("too_long", "This is longer than any public key. Paste one key only.")
    try:
        key = serialization.load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        _refuse("not_pem", "This is not a public key in PEM form: -----BEGIN PUBLIC KEY-----.")
    if message := _misfit(key, alg):
        _refuse("wrong_key", message)
    return public_pem(key)


def public_pem(key: Any) -> str:
    """Return a public key as PEM, always in the same form, so that two can be compared."""
    return str(
        key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
    )


def key_id(public_key: str) -> str:
    """Return a key id that anyone who has the public key can work out again."""
    return hashlib.sha256(public_key.encode()).hexdigest()[:16]


def _misfit(key: object, alg: str) -> str:
    checks: dict[str, tuple[Callable[[Any], bool], str]] = {
        "RS256": (_fits_rs256, "RS256 needs an RSA key of 2048 to 8192 bits."),
        "ES256": (_fits_es256, "ES256 needs an elliptic curve key on P-256 (prime256v1)."),
        "EdDSA": (_fits_eddsa, "EdDSA needs an Ed25519 key."),
    }
    if alg not in checks:
        return "Choose RS256, ES256 or EdDSA."
    fits, message = checks[alg]
    return "" if fits(key) else message


def _fits_rs256(key: object) -> bool:
    return isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_BITS


def _fits_es256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)


def _fits_eddsa(key: object) -> bool:
    return isinstance(key, ed25519.Ed25519PublicKey)


def _checked_key_id(project: Project, kid: str) -> str:
    if not KEY_ID.match(kid):
        message = "A key id has up to 64 letters, digits, dots, hyphens and underscores."
        raise InvalidInput(FieldError("kid", "invalid", message))
    if SigningKey.objects.filter(project=project, kid=kid).exists():
        message = f"This project already has a key with the id {kid}. Choose another."
        raise InvalidInput(FieldError("kid", "duplicate", message))
    return kid


def _refuse(code: str, message: str) -> NoReturn:
    raise InvalidInput(FieldError("public_key", code, message))
