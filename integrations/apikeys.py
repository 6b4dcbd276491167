"""What an API key may do: its scopes, its end, the addresses it may come from, its freezing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from django.db import transaction
from django.utils import timezone

from integrations import audit
from integrations.errors import FieldError, InvalidInput, NotAllowed
from integrations.models import ApiKey, Project
from integrations.models.projects import API_SCOPES

MAX_NETWORKS = 50


@dataclass(frozen=True)
class KeyPolicy:
    """What a new key may do. No networks means any address."""

    scopes: tuple[str, ...] = API_SCOPES
    expires_at: datetime | None = None
    allowed_addresses: tuple[str, ...] = ()


def checked_policy(
    *,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    allowed_addresses: Sequence[str] = (),
) -> KeyPolicy:
    """Return a policy that can be enforced. Raises InvalidInput with every field at fault."""
    errors: list[FieldError] = []
    if not scopes or set(scopes) - set(API_SCOPES):
        errors.append(FieldError("scopes", "invalid", f"Choose from {', '.join(API_SCOPES)}."))
    if expires_at is not None and expires_at <= timezone.now():
        errors.append(FieldError("expires_at", "past", "Choose a moment that is still to come."))
    networks, fault = _networks(allowed_addresses)
    if errors or fault:
        raise InvalidInput(*errors, *fault)
    chosen = tuple(scope for scope in API_SCOPES if scope in scopes)
    return KeyPolicy(chosen, expires_at, networks)


def require(*, key: ApiKey, scope: str, address: str) -> None:
    """Raise NotAllowed unless this key may do what needs `scope`, from this address."""
    if key.frozen_at is not None:
        raise NotAllowed("key_frozen")
    if key.allowed_addresses and not _within(address, key.allowed_addresses):
        raise NotAllowed("address_not_allowed")
    if not scope or scope not in key.scopes:
        raise NotAllowed("insufficient_scope")


def require_running(project: Project) -> None:
    """Raise NotAllowed if the project's tokens were stopped."""
    if project.tokens_stopped:
        raise NotAllowed("tokens_stopped")


def thaw(*, key: ApiKey, actor: str) -> None:
    """Let a frozen key work again. One that is not frozen stays as it is."""
    with transaction.atomic():
        frozen = ApiKey.objects.filter(pk=key.pk, frozen_at__isnull=False)
        if not frozen.update(frozen_at=None):
            return
        audit.record(project=key.project, actor=actor, action="api_key.thawed", subject=key)
    key.refresh_from_db()


def set_tokens_stopped(*, project: Project, stopped: bool, actor: str) -> None:
    """Stop, or start again, every hand-out, proxied call and refresh of the project."""
    with transaction.atomic():
        others = Project.objects.filter(pk=project.pk).exclude(tokens_stopped=stopped)
        if not others.update(tokens_stopped=stopped):
            return
        action = "tokens.stopped" if stopped else "tokens.started"
        audit.record(project=project, actor=actor, action=action, subject=project, severity="high")
    project.tokens_stopped = stopped


def _networks(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[FieldError, ...]]:
    try:
        found = tuple(dict.fromkeys(str(ip_network(text.strip())) for text in texts))
    except ValueError:
        message = "Enter addresses or networks such as 192.0.2.7 or 2001:db8::/32."
        return (), (FieldError("allowed_addresses", "invalid", message),)
    if len(found) > MAX_NETWORKS:
        message = f"Enter at most {MAX_NETWORKS} networks."
        return (), (FieldError("allowed_addresses", "too_many", message),)
    return found, ()


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    # A socket that speaks both protocols shows an IPv4 caller in its IPv6 form.
    seen = getattr(found, "ipv4_mapped", None) or found
    return any(seen in ip_network(text) for text in networks)
