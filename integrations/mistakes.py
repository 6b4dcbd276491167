"""Values that are probably not what their field asks for.

Told and not refused, for forms change: but a secret in the place of a client id, which is shown,
logged and sent through browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from integrations.catalog.schema import Provider
from integrations.errors import FieldError, InvalidInput, SealBroken
from integrations.models import OAuthClient
from integrations.secret import Secret
from integrations.wording import said

# What providers begin secrets and tokens with, and no client id.
SECRETS = (
    "GOCSPX-",
    "xoxa-",
    "xoxb-",
    "xoxe-",
    "xoxp-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "shpat_",
    "shpss_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gloas-",
    "pat-na1-",
    "pat-eu1-",
    "sq0csp-",
    "sandbox-sq0csb-",
)
# Some identifiers are names that people choose, so this one has to be as long as a secret is.
LONG_SECRET = re.compile(r"(?:secret|ntn)_[A-Za-z0-9]{40,}")
UNSEEN = re.compile(r"[^!-~]")
LONGEST = 512
CODE = "looks_like_secret"


def is_secret(*, provider: Provider, client_id: str, secret: Secret | None) -> bool:
    """Return whether what was typed as client id is a secret, whatever stands around it."""
    typed, other = _bare(client_id), _bare(secret.reveal() if secret else "")
    if not typed:
        return False
    if typed == other or typed.startswith(SECRETS) or LONG_SECRET.match(typed):
        return True
    swapped = bool(other) and looks_right(provider, other)
    return bool(swapped) and looks_right(provider, typed) is False


def holds_secret(*, client: OAuthClient, client_id: str, entered: Secret | None) -> bool:
    """Return `is_secret` of a client id entered for this client: with the secret, or the saved."""
    provider = client.integration.provider
    secret = entered or _saved(client)
    return is_secret(provider=provider, client_id=client_id, secret=secret)


def refuse_secret(*, client: OAuthClient, client_id: str, entered: Secret | None) -> None:
    """Raise InvalidInput for a secret in the place of the client id. Nothing may repeat it."""
    if not holds_secret(client=client, client_id=client_id, entered=entered):
        return
    provider = client.integration.provider
    text = said(
        "This looks like the {other}. Enter the {label} here, and the {other} in its own field.",
        label=provider.client_id_label,
        other=provider.client_secret_label,
    )
    raise InvalidInput(FieldError("client_id", CODE, text))


def noticed(*, provider: Provider, client_id: str, secret: Secret | None) -> dict[str, str]:
    """Return what looks wrong with a client, by field. The words repeat no value."""
    return dict(_noticed(provider, client_id, secret.reveal() if secret else ""))


def looks_right(provider: Provider, client_id: str) -> bool | None:
    """Return whether this is what the provider's client identifiers look like, None if unknown."""
    pattern = provider.preflight.client_id
    if not pattern:
        return None
    return len(client_id) <= LONGEST and bool(re.fullmatch(pattern, client_id))


def _saved(client: OAuthClient) -> Secret | None:
    try:
        current = client.current_version
        return current.open_required("client_secret") if current else None
    except SealBroken:
        return None


def _bare(text: str) -> str:
    return UNSEEN.sub("", text).strip("\"'")


def _noticed(provider: Provider, client_id: str, secret: str) -> Iterator[tuple[str, str]]:
    if not client_id:
        return
    if looks_right(provider, client_id) is False:
        yield "client_id", _odd(provider)
    not_secret = provider.preflight.not_secret
    if secret and not_secret and re.fullmatch(not_secret, secret):
        yield "client_secret", secret_id(provider)


def _odd(provider: Provider) -> str:
    text = said(
        "This does not look like a {label} of {provider}. If you are sure of it, go on.",
        label=provider.client_id_label,
        provider=provider.name,
    )
    return f"{text} {provider.client_id_hint}".strip()


def secret_id(provider: Provider) -> str:
    """Return what to say to somebody who pasted the ID of a secret in place of the secret."""
    text = said(
        "This looks like the ID of a secret, not the secret itself. Copy the {label} again.",
        label=provider.client_secret_label,
    )
    return f"{text} {provider.client_secret_hint}".strip()
