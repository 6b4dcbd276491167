"""A value that must not be printed, and the digests by which secrets are looked up."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final


class Secret:
    """Hold a secret so that printing, logging or formatting it shows nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """Return the secret itself, at the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return secrets.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


def new_token() -> str:
    """Return 256 random bits, URL-safe (RFC 6749 section 10.10)."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return the SHA-256 hex digest by which a random token is stored and found.

    A fast digest is right here: the input is 256 random bits, not a password.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
