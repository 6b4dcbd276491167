"""Connections that the pretend provider really granted, made without a trip to it."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations import tokens
from integrations.models import (
    Connection,
    Credential,
    Integration,
    ProviderHost,
    RefreshAttempt,
)
from integrations.models.projects import OWN_CLIENT
from integrations.oauth.answers import TokenAnswer
from integrations.secret import Secret
from tests import factories
from tests.fakeas import accounts, magic
from tests.fakeas.messages import Params
from tests.fakeas.server import FakeAS
from tests.fakeas.store import Authorization, Client, Grant, Token

SECRET = magic.SECRET


def connection(
    provider: FakeAS,
    integration: Integration,
    *,
    sub: str = "dana",
    settings: dict[str, str] | None = None,
    lifetime: int | None = 3600,
) -> Connection:
    """Return a live connection whose tokens the provider knows."""
    slug, settings = integration.provider_slug, settings or {}
    end_user = factories.make_end_user(integration.project, sub)
    client_id = f"app-of-{sub}-{secrets.token_hex(4)}"
    slot = factories.make_client(
        integration, end_user, client_id=client_id, secret=SECRET, settings=settings
    )
    row = Connection.objects.create(
        project=integration.project,
        end_user=end_user,
        integration=integration,
        oauth_client=slot,
        account_type=OWN_CLIENT,
        account_id=sub,
        status=Connection.Status.VALID,
    )
    provider.register_client(
        slug, redirect_uris=[slot.redirect_uri()], client_id=client_id, client_secret=SECRET
    )
    grant = _grant(provider, slug, client_id, settings)
    access, refresh = _token(grant), _token(grant)
    store = provider.world.store
    store.keep(store.access_tokens, access)
    store.keep(store.refresh_tokens, refresh)
    answer = TokenAnswer(Secret(access.value), Secret(refresh.value), "Bearer", lifetime, None, {})
    with transaction.atomic():
        tokens.store(connection=row, version=slot.current_version, answer=answer)
    return row


def desk(provider: FakeAS, sub: str = "dana") -> Connection:
    """Return a live connection to Demo Desk, which rotates, in a project of its own."""
    integration = factories.make_integration(factories.make_project(), "demo-desk")
    return connection(provider, integration, sub=sub, settings={"subdomain": "acme"})


def credential(connection: Connection) -> Credential:
    """Return the connection's credential as it is stored now."""
    return Credential.objects.get(pk=connection.pk)


def kept(connection: Connection, column: str = "access_token") -> str:
    """Return a token of the connection as it is stored now."""
    return credential(connection).open_required(column).reveal()


def works(provider: FakeAS, token: str) -> bool:
    """Return whether the provider would accept this access token."""
    return provider.world.store.live_access_token(token) is not None


def refreshes(provider: FakeAS, outcome: str = "") -> int:
    """Return how often the provider was asked for a refresh, with this outcome if given."""
    asked = provider.requests("token")
    return sum(
        entry.param("grant_type") == "refresh_token" and outcome in ("", entry.outcome)
        for entry in asked
    )


def pass_time(seconds: float) -> None:
    """Move everything that the database dates back, as if so much time had passed."""
    dated: dict[Any, tuple[str, ...]] = {
        Credential: ("expires_at", "refreshed_at", "refresh_after", "lease_until"),
        ProviderHost: ("wait_until", "probe_until"),
        RefreshAttempt: ("created_at", "received_at"),
    }
    for model, columns in dated.items():
        for column in columns:
            rows = model.objects.filter(**{f"{column}__isnull": False})
            rows.update(**{column: F(column) - timedelta(seconds=seconds)})


def is_expired(connection: Connection) -> bool:
    """Return whether the stored access token has ended."""
    ends = credential(connection).expires_at
    return ends is not None and ends <= timezone.now()


def _grant(provider: FakeAS, slug: str, client_id: str, settings: dict[str, str]) -> Grant:
    store = provider.world.store
    client = store.clients[(slug, client_id)]
    asked = Authorization(
        profile=slug,
        realm=tuple(sorted(settings.items())),
        client=client,
        redirect_uri=client.redirect_uris[0],
        params=Params(),
        scopes=("profile",),
        user_scopes=(),
        challenge="",
        created_at=time.time(),
    )
    account = accounts.find("alice@example.test")
    assert account is not None
    assert isinstance(client, Client)
    return store.add_grant(asked, account, scopes=("profile",), user_scopes=(), offline=True)


def _token(grant: Grant) -> Token:
    return Token(secrets.token_urlsafe(32), grant, grant.scopes)
