"""Slots and the versions of what they hold. A client changes only through `replace_config`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from django.db import transaction
from django.utils import timezone

from integrations import audit, inputs, mistakes, versions
from integrations.catalog.schema import Provider
from integrations.errors import FieldError, InvalidInput, NotAllowed, SealBroken
from integrations.models import (
    ClientVersion,
    EndUser,
    HandOff,
    Integration,
    OAuthClient,
    Organization,
)
from integrations.secret import Secret
from integrations.wording import said


@dataclass(frozen=True)
class ClientConfig:
    """What a person enters for a client. No `client_secret` means: keep the one saved.

    `secret_expires_on` is a day, as 2027-03-14, or empty for a secret that has none. None means
    that nobody asked: a secret that is kept keeps its day.
    """

    client_id: str
    client_secret: Secret | None
    settings: Mapping[str, str]
    secret_expires_on: str | None = None


@dataclass(frozen=True)
class Saved:
    """A stored client version and what was tidied up on the way, by field."""

    version: ClientVersion
    notices: Mapping[str, str]


def vendor_client(integration: Integration) -> OAuthClient:
    """Return the vendor's slot of this integration, made when it is first needed."""
    client, _ = OAuthClient.objects.get_or_create(
        integration=integration, owner=OAuthClient.Owner.VENDOR
    )
    return client


def own_client(*, integration: Integration, end_user: EndUser) -> OAuthClient:
    """Return the end user's newest client of this integration, or a draft slot for one."""
    newest = (
        OAuthClient.objects.filter(
            integration=integration,
            owner=OAuthClient.Owner.END_USER,
            end_user=end_user,
            state=OAuthClient.State.ACTIVE,
        )
        .select_related("current_version")
        .order_by("-created_at")
        .first()
    )
    return newest or draft_client(integration=integration, end_user=end_user)


def draft_client(*, integration: Integration, end_user: EndUser) -> OAuthClient:
    """Return the end user's one draft slot of this integration, made when it is first shown."""
    client, _ = OAuthClient.objects.get_or_create(
        integration=integration,
        owner=OAuthClient.Owner.END_USER,
        end_user=end_user,
        state=OAuthClient.State.DRAFT,
    )
    return client


def replace_config(*, client: OAuthClient, config: ClientConfig, actor: str) -> Saved:
    """Store what was entered as the client's new version, unless nothing changed.

    An empty secret keeps the saved one only while the client id and every setting that forms a
    host or path of an endpoint stay the same: a stored secret is never sent anywhere new.

    Raises InvalidInput with every field at fault, NotAllowed if the client changed hands meanwhile.
    """
    provider = client.integration.provider
    typed, cleaned = _checked(client, config)
    if typed.errors:
        raise InvalidInput(*typed.errors)
    with transaction.atomic():
        # The version is read after the lock: joined, it could be the one before a change that
        # this statement had to wait for.
        locked = (
            OAuthClient.objects.select_for_update(of=("self",))
            .select_related("integration__project")
            .get(pk=client.pk)
        )
        if _owner(locked) != _owner(client):
            raise NotAllowed("client_not_usable")
        current = locked.current_version
        if current:
            # Compared with the provider that the new version will be made for, and no later one.
            current.oauth_client = locked
        secret = cleaned.client_secret or _kept_secret(provider, current, cleaned)
        if current and _unchanged(current, cleaned, secret):
            return Saved(current, typed.notices)
        version = versions.make(
            client=locked,
            client_id=cleaned.client_id,
            secret=secret,
            settings=cleaned.settings,
            expires_on=_end(cleaned, current),
        )
        action = "client.updated" if current else "client.created"
        versions.activate(client=locked, version=version, actor=actor, action=action)
    client.refresh_from_db()
    return Saved(version, typed.notices)


def keep_scopes(*, client: OAuthClient, names: tuple[str, ...]) -> None:
    """Keep what an organization's app is registered for: colleagues ask for the same."""
    if client.owner == OAuthClient.Owner.ORGANIZATION and client.scopes != list(names):
        client.scopes = list(names)
        client.save(update_fields=["scopes"])


def promote(*, client: OAuthClient, organization: Organization, actor: str) -> None:
    """Make a person's client their organization's: slot, versions and connections stay.

    Links with which somebody else enters it end: they were made for one person's app. Raises
    NotAllowed for a client that is no person's of this organization, or where the organization has
    one of this integration already.
    """
    own = client.end_user is not None and client.end_user.organization_id == organization.pk
    if not own or client.state != OAuthClient.State.ACTIVE:
        raise NotAllowed("client_not_usable")
    shared = OAuthClient.Owner.ORGANIZATION
    with transaction.atomic():
        # The row that two administrators would both change, so that one of them comes second.
        Organization.objects.select_for_update().get(pk=organization.pk)
        others = OAuthClient.objects.filter(
            integration=client.integration, organization=organization, state=client.state
        )
        if others.exists():
            raise NotAllowed("organization_has_client")
        person = client.end_user.external_id if client.end_user else ""
        moved = OAuthClient.objects.filter(pk=client.pk, end_user=client.end_user_id)
        if not moved.update(owner=shared, organization=organization, end_user=None):
            raise NotAllowed("client_not_usable")
        _end_links(client)
        audit.record(
            project=client.integration.project,
            actor=actor,
            action="client.promoted",
            subject=client,
            user=person,
            organization=organization.external_id,
        )
    client.refresh_from_db()


def problems(*, client: OAuthClient, config: ClientConfig) -> tuple[FieldError, ...]:
    """Return every reason why `replace_config` would refuse this, in the form's order."""
    typed, _ = _checked(client, config)
    return tuple(typed.errors)


def _owner(client: OAuthClient) -> tuple[object, ...]:
    return client.owner, client.end_user_id, client.organization_id


def _end_links(client: OAuthClient) -> None:
    rows = HandOff.objects.filter(oauth_client=client, outcome=HandOff.Outcome.OPEN)
    rows.update(outcome=HandOff.Outcome.REVOKED, ended_at=timezone.now(), form_hash="")


class _Typed:
    """Collects what is wrong with each field, so that a person sees all of it at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.notices: dict[str, str] = {}

    def keep(self, field: str, check: Callable[[], inputs.Cleaned]) -> str:
        try:
            cleaned = check()
        except InvalidInput as error:
            self.errors.extend(error.errors)
            return ""
        if cleaned.notice:
            self.notices[field] = cleaned.notice
        return cleaned.value


def _checked(client: OAuthClient, config: ClientConfig) -> tuple[_Typed, ClientConfig]:
    provider, typed = client.integration.provider, _Typed()
    settings = {}
    for item in provider.settings:
        value = config.settings.get(item.name, item.default)
        settings[item.name] = typed.keep(item.name, partial(inputs.clean_setting, item, value))
    client_id = typed.keep("client_id", partial(_cleaned_id, client, config))
    secret = _cleaned_secret(typed, provider, config.client_secret)
    cleaned = ClientConfig(client_id, secret, settings)
    if not config.client_secret:
        at_fault = {error.field for error in typed.errors}
        typed.errors.extend(_why_not_kept(provider, client.current_version, cleaned, at_fault))
    cleaned = replace(cleaned, secret_expires_on=_cleaned_end(typed, client, config))
    odd = mistakes.noticed(provider=provider, client_id=client_id, secret=secret)
    for field, text in odd.items():
        typed.notices[field] = f"{typed.notices.get(field, '')} {text}".strip()
    return typed, cleaned


def _cleaned_id(client: OAuthClient, config: ClientConfig) -> inputs.Cleaned:
    label, entered = client.integration.provider.client_id_label, config.client_secret
    mistakes.refuse_secret(client=client, client_id=config.client_id, entered=entered)
    return inputs.clean_client_id(config.client_id, label=label)


def _cleaned_end(typed: _Typed, client: OAuthClient, config: ClientConfig) -> str | None:
    end, current = config.secret_expires_on, client.current_version
    kept = current.secret_expires_on if current and not config.client_secret else None
    # The day of a secret that is kept may be over by now, and comes back as the form showed it.
    if end is None or (kept and end == kept.isoformat()):
        return end
    days = client.integration.provider.client_secret_max_days
    return typed.keep("secret_expires_on", partial(inputs.clean_expiry, end, days=days))


def _cleaned_secret(typed: _Typed, provider: Provider, secret: Secret | None) -> Secret | None:
    if not secret:
        return None
    label = provider.client_secret_label
    check = partial(inputs.clean_client_secret, secret.reveal(), label=label)
    return Secret(typed.keep("client_secret", check))


def _why_not_kept(
    provider: Provider,
    current: ClientVersion | None,
    config: ClientConfig,
    at_fault: Collection[str] = (),
) -> tuple[FieldError, ...]:
    # A field at fault says nothing yet about where the secret would go once it is corrected.
    label = provider.client_secret_label
    if current is None:
        return (FieldError("client_secret", "required", said("Enter the {label}.", label=label)),)
    same_id = "client_id" in at_fault or current.client_id == config.client_id
    same_place = all(
        current.settings.get(name) == config.settings.get(name)
        for name in provider.host_settings().difference(at_fault)
    )
    if same_id and same_place and current.config_hash == versions.current_hash(current):
        return ()
    message = said(
        "Enter the {label} again: it is only kept while the app and its address stay.", label=label
    )
    return (FieldError("client_secret", "secret_required", message),)


def _again(provider: Provider) -> FieldError:
    message = said(
        "Enter the {label} again: the saved one cannot be used.", label=provider.client_secret_label
    )
    return FieldError("client_secret", "secret_required", message)


def _kept_secret(provider: Provider, current: ClientVersion | None, config: ClientConfig) -> Secret:
    errors = _why_not_kept(provider, current, config)
    if errors or current is None:
        raise InvalidInput(*errors)
    try:
        return current.open_required("client_secret")
    except SealBroken:
        raise InvalidInput(_again(provider)) from None


def _end(config: ClientConfig, current: ClientVersion | None) -> date | None:
    if config.secret_expires_on is not None:
        return date.fromisoformat(config.secret_expires_on) if config.secret_expires_on else None
    # The date belongs to the secret: it stays with one that is kept and goes with one replaced.
    kept = current and not config.client_secret
    return current.secret_expires_on if current and kept else None


def _unchanged(current: ClientVersion, config: ClientConfig, secret: Secret) -> bool:
    if _end(config, current) != current.secret_expires_on:
        return False
    same = (current.client_id, current.settings) == (config.client_id, config.settings)
    if not same or current.config_hash != versions.current_hash(current):
        return False
    try:
        return secret == current.open_required("client_secret")
    except SealBroken:
        # What is entered now replaces what cannot be trusted.
        return False
