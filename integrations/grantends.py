"""How one grant is ended at its provider, and when it must not be."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from integrations import versions
from integrations.catalog.schema import Provider
from integrations.errors import GrantRevoked, NotFound, ProviderFailure, ProviderUnavailable
from integrations.models import ClientVersion, Connection, Flow, Revocation
from integrations.oauth import client as oauth
from integrations.oauth.client import Client
from integrations.secret import Secret

Outcome = Revocation.Outcome
# An exchange is over after this long, and asking again after this many seconds is soon enough.
EXCHANGE_MAX, ASK_AGAIN = timedelta(minutes=2), 5
HOLDING = (*Connection.LIVE, Connection.Status.PENDING)


def provider_of(version: ClientVersion) -> Provider | None:
    """Return the version's provider if it can end grants, otherwise None."""
    try:
        provider = version.provider
    except NotFound:
        return None
    return provider if provider.revocation_endpoint else None


def ended(row: Revocation) -> str:
    """End a grant at its provider, unless that would end a live connection too.

    Raises ProviderUnavailable or ProviderFailure to be asked again, ClientRejected if that would
    not help, SealBroken.
    """
    provider = provider_of(row.client_version)
    if provider is None:
        return Outcome.UNSUPPORTED
    if provider.revocation.ends != "grant":
        if _shared(row, provider):
            return Outcome.SHARED
        if _being_made(row):
            raise ProviderUnavailable("provider_busy", retry_after=ASK_AGAIN)
    client = versions.oauth_client(version=_version(row))
    if provider.revocation.request == "bearer":
        _end_by_itself(row, provider, client)
    elif provider.revocation.request == "account":
        _end_of_account(row, provider, client)
    else:
        _end_by_name(row, provider, client)
    return Outcome.REVOKED


def _shared(row: Revocation, provider: Provider) -> bool:
    """Return whether a connection in use has a grant that would end with this one.

    Where it is not known whose a grant is, it may be anybody's.
    """
    # One that was refused for its client's secret lives again with the next one.
    holding = Q(status__in=HOLDING) | Q(reason=Connection.Reason.CLIENT_REJECTED)
    others = Connection.objects.filter(holding, _same_client(row, "credential__client_version"))
    if not row.account_id:
        return others.exists()
    same = Q(account_id=row.account_id)
    if provider.revocation.ends == "installation":
        same |= Q(account_id__startswith=f"{row.account_id.partition('/')[0]}/")
    unknown = Q(account_id="")
    if row.connection:
        unknown &= Q(end_user=row.connection.end_user_id)
    return others.filter(same | unknown).exists()


def _being_made(row: Revocation) -> bool:
    # A grant that arrives while this one is ended would end with it.
    recent = timezone.now() - EXCHANGE_MAX
    return Flow.objects.filter(
        _same_client(row, "client_version"), status=Flow.Status.EXCHANGING, updated_at__gt=recent
    ).exists()


def _same_client(row: Revocation, path: str) -> Q:
    """Return the condition that the version at `path` is this provider's same client.

    A client id is public: what another project says of it counts once the provider took its secret.
    """
    used = row.client_version
    same = {
        "client_id": used.client_id,
        "oauth_client__integration__provider_slug": used.oauth_client.integration.provider_slug,
    }
    trusted = Q(project=row.project_id) | Q(**{f"{path}__proved_at__isnull": False})
    return Q(**{f"{path}__{name}": value for name, value in same.items()}) & trusted


def _version(row: Revocation) -> ClientVersion:
    """Return the newest version that is the same client in the same place: its secret works."""
    used = row.client_version
    current = used.oauth_client.current_version
    if current and _place(current) == _place(used):
        return current
    return used


def _place(version: ClientVersion) -> tuple[object, ...]:
    return version.client_id, version.settings, version.custom_provider


def _end_by_name(row: Revocation, provider: Provider, client: Client) -> None:
    """Name the tokens to the provider, the refresh token first (RFC 7009 section 2.1)."""
    refresh, takes = row.open("refresh_token"), provider.revocation.tokens
    if refresh and takes != "access":
        oauth.revoke(provider=provider, client=client, token=refresh, hint="refresh")
    if refresh and takes == "refresh":
        return
    access = row.open_required("access_token")
    try:
        oauth.revoke(provider=provider, client=client, token=access, hint="access")
    except ProviderFailure as error:
        # Some providers end refresh tokens only (RFC 7009 section 2.2.1).
        if not refresh or error.provider_error != "unsupported_token_type":
            raise


def _end_of_account(row: Revocation, provider: Provider, client: Client) -> None:
    """Name the account to the provider, which ends all it granted to this client."""
    if not row.account_id:
        raise ProviderFailure("identity_unavailable")
    oauth.revoke(
        provider=provider,
        client=client,
        token=row.open_required("access_token"),
        hint="access",
        account_id=row.account_id,
    )


def _end_by_itself(row: Revocation, provider: Provider, client: Client) -> None:
    """Have the access token end itself, after renewing one that has run out."""
    access, refresh = row.open_required("access_token"), row.open("refresh_token")
    if _ended_itself(provider, client, access) or refresh is None:
        return
    try:
        sent = oauth.refresh(provider=provider, client=client, refresh_token=refresh)
        answer = oauth.token_answer(provider=provider, answer=sent)
    except GrantRevoked:
        return
    # Kept before it is used: otherwise a process killed here would leave a grant nobody knows.
    row.seal(access_token=answer.access_token, refresh_token=answer.refresh_token or refresh)
    kept = Revocation.objects.filter(pk=row.pk, lease_epoch=row.lease_epoch).update(
        access_token=row.sealed("access_token"), refresh_token=row.sealed("refresh_token")
    )
    if not kept:
        raise ProviderUnavailable("provider_busy")
    _ended_itself(provider, client, answer.access_token)


def _ended_itself(provider: Provider, client: Client, access: Secret) -> bool:
    return oauth.revoke(provider=provider, client=client, token=access, hint="access")
