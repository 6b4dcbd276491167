"""The people who can sign in, with ids that never change."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

_NAMESPACE = uuid.UUID("7d3c5a52-58a3-4f0a-9f51-2b8f5a7f6a10")


@dataclass(frozen=True)
class Account:
    """One account at the provider; `key` alone decides every id."""

    key: str
    email: str
    name: str

    def guid(self, salt: str = "") -> str:
        """Return a stable UUID, another one for each salt."""
        return str(uuid.uuid5(_NAMESPACE, f"{salt}/{self.key}"))

    def digits(self, length: int, salt: str = "") -> str:
        """Return a stable number as text that does not start with zero."""
        number = uuid.uuid5(_NAMESPACE, f"{salt}/{self.key}").int
        return str(number % (9 * 10 ** (length - 1)) + 10 ** (length - 1))

    def code(self, prefix: str, length: int, salt: str = "") -> str:
        """Return a stable upper-case id such as U0A1B2C3D."""
        return prefix + uuid.uuid5(_NAMESPACE, f"{salt}/{self.key}").hex.upper()[:length]

    def twin(self, number: int) -> Account:
        """Return another account that shows the same email and name."""
        return Account(f"{self.key}-{number}", self.email, self.name)


ACCOUNTS = (
    Account("alice", "alice@example.test", "Alice Archer"),
    Account("bob", "bob@example.test", "Bob Baker"),
)


def find(email: str) -> Account | None:
    """Return the account that signs in with this email."""
    return next((account for account in ACCOUNTS if account.email == email), None)
