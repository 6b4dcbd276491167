"""What `manage.py check --deploy` adds: settings that work at home and hurt in production."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

KEY_LENGTH = 32
KEY_VARIETY = 10


def check_deployment(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Return what an operator should change before real users come."""
    return [*_encryption_keys(), *_base_url(), *_outbound()]


def _encryption_keys() -> Iterator[CheckMessage]:
    for position, key in enumerate(settings.FERNET_KEYS, start=1):
        if len(key) < KEY_LENGTH or len(set(key)) < KEY_VARIETY:
            yield Error(
                f"Key {position} of FERNET_KEYS is too weak.",
                hint="Make one with: openssl rand -base64 32. Put it first and run rotate_keys.",
                id="integrations.E001",
            )
        if key == settings.SECRET_KEY:
            yield Error(
                f"Key {position} of FERNET_KEYS is also SECRET_KEY.",
                hint="Use different keys: they are rotated and backed up differently.",
                id="integrations.E002",
            )


def _base_url() -> Iterator[CheckMessage]:
    host = urlsplit(settings.BASE_URL).hostname or ""
    if not settings.BASE_URL.startswith("https://"):
        yield Error(
            "BASE_URL is not https, so redirect URLs and cookies are for this machine only.",
            hint="Set BASE_URL to the https address that browsers use.",
            id="integrations.E003",
        )
    elif host == "localhost" or host.endswith(".localhost") or host.startswith("127."):
        yield Error(
            f"BASE_URL names {host}, which providers and other people cannot reach.",
            hint="Set BASE_URL to a public host name.",
            id="integrations.E004",
        )


def _outbound() -> Iterator[CheckMessage]:
    if settings.OUTBOUND_ALLOW_CIDRS:
        yield Warning(
            "OUTBOUND_ALLOW_CIDRS lets requests reach addresses that are refused otherwise.",
            hint="Leave it empty unless a provider of yours lives on a private network.",
            id="integrations.W001",
        )
