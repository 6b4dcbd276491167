"""Who is signed in to Acme CRM, and the user tokens its backend signs for them."""

import time
from dataclasses import dataclass
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TOKEN_SECONDS = 300


@cache
def private_key(pem: str) -> RSAPrivateKey:
    """Return the key that is written there. Reading checks it, which takes longer than signing."""
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


@dataclass(frozen=True)
class AcmeUser:
    """A person with an account at Acme CRM."""

    key: str
    subject: str
    name: str
    email: str
    organization: str
    organization_admin: bool


@dataclass(frozen=True)
class TokenSigner:
    """What a backend needs to sign user tokens; `signing_key` is an RS256 private key as PEM."""

    portal: str
    project: str
    signing_key: str
    kid: str

    def __repr__(self) -> str:
        return f"TokenSigner(portal={self.portal!r}, project={self.project!r}, kid={self.kid!r})"

    def user_token(self, user: AcmeUser) -> str:
        """Sign a token that lets this user open the portal for five minutes."""
        now = int(time.time())
        claims = {
            "iss": self.project,
            "aud": f"{self.portal}/p/{self.project}",
            "sub": user.subject,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "name": user.name,
            "email": user.email,
            "org": user.organization,
        }
        if user.organization_admin:
            claims["org_admin"] = True
        key = private_key(self.signing_key)
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self.kid})


DANA = AcmeUser(
    key="dana",
    subject="user-dana",
    name="Dana Reyes",
    email="dana@northwind.example",
    organization="northwind",
    organization_admin=True,
)
BOB = AcmeUser(
    key="bob",
    subject="user-bob",
    name="Bob Lee",
    email="bob@northwind.example",
    organization="northwind",
    organization_admin=False,
)
USERS = {user.key: user for user in (DANA, BOB)}
