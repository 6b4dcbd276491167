"""Versions of a client: what a slot held from one moment on, and which of them to refresh with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Case, F, Max, QuerySet, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from integrations import audit
from integrations.catalog import custom
from integrations.catalog.schema import Provider
from integrations.errors import ConnectError
from integrations.models import ClientVersion, Credential, OAuthClient
from integrations.models.clients import LAST4_MIN_LENGTH
from integrations.oauth.client import Client, Endpoints, issuer
from integrations.secret import Secret


def make(
    *,
    client: OAuthClient,
    client_id: str,
    secret: Secret,
    settings: Mapping[str, str],
    expires_on: date | None,
) -> ClientVersion:
    """Store a new version of a client, which does not hold it yet. Runs under the slot's lock."""
    shown = secret.reveal()[-4:] if len(secret.reveal()) >= LAST4_MIN_LENGTH else ""
    newest = client.versions.aggregate(number=Max("number"))["number"] or 0
    version = ClientVersion(
        oauth_client=client,
        project_id=client.integration.project_id,
        number=newest + 1,
        client_id=client_id,
        client_secret=secret,
        last4=shown,
        settings=dict(settings),
        custom_provider=client.integration.custom_provider,
        config_hash=config_hash(
            provider=client.integration.provider, client_id=client_id, settings=settings
        ),
        secret_expires_on=expires_on,
    )
    version.save(force_insert=True)
    return version


def activate(
    *, client: OAuthClient, version: ClientVersion, actor: str, action: str, **data: object
) -> None:
    """Let the slot hold this version from now on. Runs inside the caller's transaction."""
    client.current_version = version
    client.state = OAuthClient.State.ACTIVE
    client.save(update_fields=["current_version", "state"])
    audit.record(
        project=client.integration.project,
        actor=actor,
        action=action,
        subject=client,
        version=version.number,
        client_id=version.client_id,
        **data,
    )


def proved(version: ClientVersion) -> None:
    """Note that the provider took this version's secret: others of its app use it first now."""
    if version.proved_at is None:
        unproved = ClientVersion.objects.filter(pk=version.pk, proved_at=None)
        unproved.update(proved_at=timezone.now())


def for_refresh(credential: Credential) -> tuple[ClientVersion, ...]:
    """Return the versions to refresh with, in order: the next is tried if one is rejected.

    A replaced secret of the same app is tried as well, first once the provider took it. Until
    then the one before is kept.
    """
    own = credential.client_version
    newest = own.oauth_client.current_version
    if newest is None or newest.pk == own.pk or not same_app(newest, own):
        return (own,)
    newest.oauth_client = own.oauth_client
    return (newest, own) if newest.proved_at else (own, newest)


def same_app(one: ClientVersion, other: ClientVersion) -> bool:
    """Return whether two versions are one app at one place, with another secret at most."""
    return (one.client_id, one.config_hash) == (other.client_id, other.config_hash)


def oauth_client(*, version: ClientVersion) -> Client:
    """Return the version as the OAuth layer wants it. Raises SealBroken."""
    return Client(
        client_id=version.client_id,
        client_secret=version.open_required("client_secret"),
        redirect_uri=version.oauth_client.redirect_uri(),
        endpoints=Endpoints.of(provider=version.provider, settings=version.settings),
        settings=version.settings,
    )


def token_host(version: ClientVersion) -> str:
    """Return the host, and the port if it names one, that this version's tokens come from."""
    endpoints = Endpoints.of(provider=version.provider, settings=version.settings)
    return urlsplit(endpoints.token_endpoint).netloc


def known_host(version: ClientVersion) -> str | None:
    """Return `token_host`, or None if the provider is not in the catalog as it was any more."""
    try:
        return token_host(version)
    except (ConnectError, KeyError):
        return None


def by_turns(rows: QuerySet[Any], *, since: str, limit: int) -> list[UUID]:
    """Return the ids of at most `limit` rows with a client version, the longest waiting first.

    If there may be more, all places of all providers take turns, so that thousands that wait for
    one that is down do not hide the rows of another.
    """
    oldest = list(rows.order_by(since).values_list("pk", flat=True)[:limit])
    if len(oldest) < limit:
        return oldest
    integration = "client_version__oauth_client__integration__"
    turn = Window(
        RowNumber(),
        partition_by=[
            F(f"{integration}provider_slug"),
            Case(When(**{f"{integration}provider_slug": custom.SLUG}, then=F(f"{integration}pk"))),
            F("client_version__settings"),
        ],
        order_by=since,
    )
    taken = rows.annotate(turn=turn).order_by("turn", since)
    return list(taken.values_list("pk", flat=True)[:limit])


def config_hash(*, provider: Provider, client_id: str, settings: Mapping[str, str]) -> str:
    """Return the digest of everything that decides where the secret and the code are sent."""
    endpoints = Endpoints.of(provider=provider, settings=settings)
    content: dict[str, Any] = {
        "client_id": client_id,
        "settings": dict(settings),
        "authorization_endpoint": endpoints.authorization_endpoint,
        "token_endpoint": endpoints.token_endpoint,
        "revocation_endpoint": endpoints.revocation_endpoint,
        "issuer": issuer(provider, settings),
        "auth_method": provider.token_endpoint_auth_method,
    }
    # Only where there are any: what was saved before such providers were known stays as it is.
    others = {"refresh": endpoints.refresh_endpoint, "long_lived": endpoints.long_lived_endpoint}
    content |= {name: endpoint for name, endpoint in others.items() if endpoint}
    if provider.slug == custom.SLUG:
        # A project may change these by itself, so whatever a token or a code meets counts.
        content |= {
            "identity_endpoint": endpoints.identity_endpoint,
            "api": provider.api.base_url if provider.api else None,
            "iss": provider.authorization_response_iss_parameter_supported,
            "code_challenge_method": provider.code_challenge_method,
        }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def fits(version: ClientVersion) -> bool:
    """Return whether a project's own provider is where it was when this version was entered.

    For a provider of the catalog it always is: its file is trusted like code.
    """
    own = version.oauth_client.integration.custom_provider
    if own is None and version.custom_provider is None:
        return True
    return version.config_hash == current_hash(version)


def current_hash(version: ClientVersion) -> str:
    """Return the version's digest as the catalog stands now."""
    return config_hash(
        provider=version.oauth_client.integration.provider,
        client_id=version.client_id,
        settings=version.settings,
    )
