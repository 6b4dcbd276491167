"""Replacing a client's secret: everyone stays connected, and a wrong one changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from integrations import audit, inputs, journal, preflight, refresh, versions
from integrations.errors import FieldError, InvalidInput, NotAllowed, SealBroken
from integrations.models import (
    ClientCheck,
    ClientVersion,
    Connection,
    Credential,
    OAuthClient,
    RefreshAttempt,
    Revocation,
)
from integrations.secret import Secret

TRIES = 3
REPLACED_FOR = timedelta(days=1)
Status, Reason = Connection.Status, Connection.Reason


@dataclass(frozen=True)
class Replaced:
    """A secret that took over. `checked`: the provider took it just now, on a live grant.

    `told` is what the provider said of it in advance, where no grant could be tried.
    """

    version: ClientVersion
    checked: bool
    connections: int
    told: ClientCheck.Outcome = ClientCheck.Outcome.UNKNOWN


def replace_secret(
    *, client: OAuthClient, secret: str, expires_on: str = "", actor: str
) -> Replaced:
    """Replace the secret of an app that stays what it is, and keep all its connections.

    It is tried on one of the app's grants before it takes over; where there is none to try, the
    provider is asked in advance, and what it says is told and decides nothing. The one before is
    kept until the first good refresh; if the provider cannot be asked now, both are tried then.
    Connections that the provider refused because of the old secret are live again.

    Raises InvalidInput naming the field, also if the provider does not take the secret; NotAllowed
    for a client that holds nothing yet.
    """
    staged = _staged(client, secret, expires_on)
    refused = list(_of_app(client, staged).filter(status=Status.INVALID).select_related("project"))
    checked = _checked(client, staged)
    if checked is False:
        _forget(staged)
        name = client.integration.provider.name
        message = f"{name} did not take this secret. The one before is still in use. Copy it again."
        raise InvalidInput(FieldError("client_secret", "invalid_client", message))
    told = ClientCheck.Outcome.ACCEPTED if checked else preflight.ask(version=staged, actor=actor)
    with transaction.atomic():
        # First the connections and then the project's history, as whoever changes one of them.
        ids = [connection.pk for connection in refused]
        list(Connection.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
        _take_over(client, staged, checked=bool(checked), actor=actor)
        for connection in refused:
            _revive(connection, action="connection.reauthorized", actor=actor)
    client.refresh_from_db()
    count = _of_app(client, staged).filter(status__in=Connection.LIVE).count()
    return Replaced(staged, bool(checked), count, told)


def bound_to_old_app(*, client: OAuthClient, version: ClientVersion) -> QuerySet[Connection]:
    """Return live connections of this slot that another app than `version` made.

    They go on with the app that made them; whoever wants the new one must consent again.
    """
    live = Connection.objects.filter(oauth_client=client, status__in=Connection.LIVE)
    return live.exclude(
        credential__client_version__client_id=version.client_id,
        credential__client_version__config_hash=version.config_hash,
    ).order_by("account_label", "pk")


def forget_old_secrets(*, limit: int) -> int:
    """Erase secrets that were replaced and that nothing needs any more. Returns how many."""
    spending = RefreshAttempt.objects.filter(status__in=journal.OPEN_ENDED)
    ending = Revocation.objects.filter(ended_at=None)
    needed = [rows.values("client_version") for rows in (Credential.objects, spending, ending)]
    long_ago = timezone.now() - REPLACED_FOR
    # A young one that is not in use may be one that is just being tried.
    old = ClientVersion.objects.filter(
        client_secret__isnull=False,
        created_at__lt=long_ago,
        oauth_client__current_version__created_at__lt=long_ago,
    ).exclude(oauth_client__current_version=F("pk"))
    for rows in needed:
        old = old.exclude(pk__in=rows)
    chosen = list(old.values_list("pk", flat=True)[:limit])
    return ClientVersion.objects.filter(pk__in=chosen).update(client_secret=None)


def _staged(client: OAuthClient, typed: str, expires_on: str) -> ClientVersion:
    provider = client.integration.provider
    label, days = provider.client_secret_label, provider.client_secret_max_days
    secret = inputs.clean_client_secret(typed, label=label)
    end = inputs.clean_expiry(expires_on, days=days).value
    with transaction.atomic():
        locked = (
            OAuthClient.objects.select_for_update(of=("self",))
            .select_related("integration__project")
            .get(pk=client.pk)
        )
        current = locked.current_version
        if current is None:
            raise NotAllowed("client_is_draft")
        current.oauth_client = locked
        if current.config_hash != versions.current_hash(current):
            # The stored address is not where the catalog would send it now.
            raise NotAllowed("settings_changed")
        return versions.make(
            client=locked,
            client_id=current.client_id,
            secret=Secret(secret.value),
            settings=current.settings,
            expires_on=date.fromisoformat(end) if end else None,
        )


def _checked(client: OAuthClient, staged: ClientVersion) -> bool | None:
    """Return whether the provider takes the secret, or None if no grant can tell."""
    if client.integration.project.tokens_stopped:
        return None
    for connection in (
        _of_app(client, staged).select_related("project").order_by("status", "-updated_at")[:TRIES]
    ):
        if connection.status == Status.INVALID:
            with transaction.atomic():
                _revive(connection, action="connection.tried", actor="system")
        credential = Credential.objects.select_related(
            "connection__project", "client_version__oauth_client__integration"
        ).get(pk=connection.pk)
        try:
            taken = refresh.accepts(credential, staged)
        except SealBroken:
            continue
        if taken is not None:
            return taken
    return None


def _of_app(client: OAuthClient, version: ClientVersion) -> QuerySet[Connection]:
    """Return connections this secret is for: live, or refused because of the one before."""
    return Connection.objects.filter(
        oauth_client=client,
        status__in=(*Connection.LIVE, Status.INVALID),
        reason__in=(Reason.NONE, Reason.CLIENT_REJECTED),
        credential__refresh_token__isnull=False,
        credential__client_version__client_id=version.client_id,
        credential__client_version__config_hash=version.config_hash,
    )


def _take_over(client: OAuthClient, staged: ClientVersion, *, checked: bool, actor: str) -> None:
    locked = OAuthClient.objects.select_for_update(of=("self",)).get(pk=client.pk)
    current = locked.current_version
    # Somebody may have entered another app, or a later secret, while the provider was asked.
    if current is None or current.number > staged.number or not versions.same_app(current, staged):
        raise NotAllowed("settings_changed")
    if checked:
        versions.proved(staged)
    versions.activate(
        client=client, version=staged, actor=actor, action="client.rotated", checked=checked
    )


def _revive(connection: Connection, *, action: str, actor: str) -> None:
    """Let a connection live again that was refused for its client's secret only."""
    status = Status.LIMITED if connection.missing_scopes else Status.VALID
    rows = Connection.objects.filter(pk=connection.pk)
    rows.filter(status=Status.INVALID, reason=Reason.CLIENT_REJECTED).update(
        status=status, reason=Reason.NONE, updated_at=timezone.now()
    )
    if not rows.filter(status__in=Connection.LIVE).exists():
        return
    Credential.objects.filter(pk=connection.pk, refresh_after=None).update(refresh_after=Now())
    audit.record(
        project=connection.project,
        actor=actor,
        action=action,
        subject=connection,
        cause="secret_replaced",
    )


def _forget(staged: ClientVersion) -> None:
    """Take back a secret that was refused; what tried it keeps no answer."""
    with transaction.atomic():
        RefreshAttempt.objects.filter(client_version=staged).delete()
        staged.delete()
