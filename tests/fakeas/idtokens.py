"""Signed id_tokens for the profiles that issue them (OpenID Connect Core section 2)."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_ID = "fakeas-1"


class SigningKey:
    """Sign with one RS256 key, made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a signed compact JWT."""
        with self._lock:
            key = self._private
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID})

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JWK set (RFC 7517 section 5)."""
        with self._lock:
            public = self._private.public_key()
        jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
        return {"keys": [jwk | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}
