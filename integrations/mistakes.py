"""Values that are probably not what their field asks for. Told, never refused: forms change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from integrations.catalog.schema import Provider
from integrations.secret import Secret
from integrations.wording import said


def noticed(*, provider: Provider, client_id: str, secret: Secret | None) -> dict[str, str]:
    """Return what looks wrong with a client, by field. The words repeat no value."""
    found = dict(_noticed(provider, client_id, secret.reveal() if secret else ""))
    return {field: text for field, text in found.items() if text}


def looks_right(provider: Provider, client_id: str) -> bool | None:
    """Return whether this is what the provider's client identifiers look like, None if unknown."""
    pattern = provider.preflight.client_id
    return bool(re.fullmatch(pattern, client_id)) if pattern else None


def _noticed(provider: Provider, client_id: str, secret: str) -> Iterator[tuple[str, str]]:
    labels = {"label": provider.client_id_label, "other": provider.client_secret_label}
    if not client_id:
        return
    if secret == client_id:
        yield "client_secret", _same(labels)
    elif looks_right(provider, client_id) is False:
        swapped = secret and looks_right(provider, secret)
        yield "client_id", _swapped(labels) if swapped else _odd(provider)
    not_secret = provider.preflight.not_secret
    if secret and secret != client_id and not_secret and re.fullmatch(not_secret, secret):
        yield "client_secret", secret_id(provider)


def _same(labels: dict[str, str]) -> str:
    return said(
        "The {label} is the same as the {other}. Check both.",
        label=labels["other"],
        other=labels["label"],
    )


def _swapped(labels: dict[str, str]) -> str:
    return said("{label} and {other} look as if they were swapped. Check both.", **labels)


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
