"""Take over connections of a former system: its tokens, and the clients that they were made with.

A row passes the same checks as the form and is stored in a transaction of its own. Rows whose
connection is here already are left as they are: their tokens may have moved on since.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations import audit, clients, inputs, scopes, tokens
from integrations.clients import ClientConfig
from integrations.errors import FieldError, InvalidInput, SealBroken
from integrations.models import (
    ClientVersion,
    Connection,
    EndUser,
    Integration,
    OAuthClient,
    Organization,
    Project,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.oauth.answers import MAX_LIFETIME, TokenAnswer
from integrations.secret import Secret

MAX_ROWS, MAX_TOKEN, MAX_TEXT = 500, 16_384, 255
SUBJECT = re.compile(r"\A[\x21-\x7e]{1,255}\Z")
TOKEN = re.compile(r"\A[\x21-\x7e]+\Z")


@dataclass(frozen=True)
class ImportRow:
    """One connection of the former system. `client` is None for the vendor's own client."""

    user: str
    org: str
    integration: str
    account_type: str
    external_id: str
    account_id: str
    account_label: str
    access_token: Secret | None
    refresh_token: Secret | None
    expires_at: datetime | None
    scopes: tuple[str, ...]
    provider_data: Mapping[str, str] = field(repr=False)
    client: ClientConfig | None

    def identity(self) -> tuple[str, ...]:
        """Return what tells this connection from others: no two rows may have the same."""
        own = ("ext", self.external_id) if self.external_id else ("account", self.account_id)
        return (self.user, self.integration, *own)


@dataclass(frozen=True)
class RowResult:
    """What became of a row: imported, exists or refused; the errors name fields, never values."""

    status: str
    connection_id: UUID | None = None
    errors: tuple[FieldError, ...] = ()


def refused(*errors: FieldError) -> RowResult:
    """Return the result of a row that was not taken."""
    return RowResult("refused", None, errors)


def import_row(*, project: Project, row: ImportRow, actor: str, dry_run: bool) -> RowResult:
    """Import one row, or with `dry_run` find out what would become of it."""
    try:
        with transaction.atomic():
            result = _imported(project, row, actor)
            transaction.set_rollback(dry_run)
    except InvalidInput as error:
        return refused(*error.errors)
    except SealBroken:
        said = {"action": "seal.broken", "severity": "high"}
        audit.record(project=project, actor=actor, subject=project, **said)
        return refused(FieldError("client", "integrity_error", "A stored secret was changed."))
    except IntegrityError:
        return refused(FieldError("row", "conflict", "It was changed meanwhile. Send it again."))
    return RowResult("imported") if dry_run and result.status == "imported" else result


def _imported(project: Project, row: ImportRow, actor: str) -> RowResult:
    integration = _integration(project, row)
    _check(integration, row)
    end_user = _end_user(project, row)
    if existing := _existing(integration, end_user, row):
        return RowResult("exists", existing.pk)
    version = _version(integration, end_user, row, actor)
    connection = _connection(integration, end_user, row, version)
    tokens.store(connection=connection, version=version, answer=_answer(row))
    audit.record(
        project=project,
        actor=actor,
        action="connection.imported",
        subject=connection,
        integration=integration.slug,
        account_type=row.account_type,
        status=connection.status,
    )
    return RowResult("imported", connection.pk)


def _integration(project: Project, row: ImportRow) -> Integration:
    mine = Integration.objects.select_related("project").filter(project=project, is_active=True)
    integration = mine.filter(slug=row.integration[:63]).first()
    if integration is None or not integration.is_known:
        raise _error("integration", "integration_not_found", "The project does not offer it.")
    offered = integration.account_types
    if row.account_type not in (DEFAULT_ACCOUNT, OWN_CLIENT) or row.account_type not in offered:
        raise _error("account_type", "account_type_not_allowed", f"Use {' or '.join(offered)}.")
    if not row.refresh_token and (integration.provider.refresh.issued or not row.access_token):
        raise _error("refresh_token", "required", "Send the refresh token.")
    return integration


def _check(integration: Integration, row: ImportRow) -> None:
    """Raise InvalidInput with every field at fault."""
    checks: list[Callable[[], Any]] = [
        lambda: _subject("user", row.user, required=True),
        lambda: _subject("org", row.org, required=False),
        lambda: _ids(row),
        lambda: _plain("account_id", row.account_id),
        lambda: _plain("account_label", row.account_label),
        lambda: _token("access_token", row.access_token),
        lambda: _token("refresh_token", row.refresh_token),
        lambda: inputs.clean_scopes(row.scopes),
        lambda: _data(integration, row),
        lambda: _client(row),
    ]
    errors = [error for check in checks for error in _found(check)]
    if errors:
        raise InvalidInput(*errors)


def _found(check: Callable[[], Any]) -> tuple[FieldError, ...]:
    try:
        check()
    except InvalidInput as error:
        return error.errors
    return ()


def _subject(name: str, value: str, *, required: bool) -> None:
    if (value or required) and not SUBJECT.match(value):
        raise _error(name, "invalid", "Use 1 to 255 printable characters without spaces.")


def _ids(row: ImportRow) -> None:
    if not row.external_id and not row.account_id:
        raise _error("account_id", "required", "Send the account_id or an external_id.")
    if inputs.clean_external_id(row.external_id) != row.external_id:
        raise _error("external_id", "invalid", "Send it without ext: and surrounding spaces.")


def _plain(name: str, value: str) -> None:
    if len(value) > MAX_TEXT or not value.isprintable():
        raise _error(name, "invalid", f"Use at most {MAX_TEXT} printable characters.")


def _token(name: str, token: Secret | None) -> None:
    if token is None:
        return
    text = token.reveal()
    if len(text) > MAX_TOKEN or not TOKEN.match(text) or inputs.MASK.match(text):
        raise _error(name, "invalid", "This is not a whole token. Export it again.")


def _data(integration: Integration, row: ImportRow) -> None:
    provider = integration.provider
    values = provider.api.values if provider.api else ()
    sources = {name: value.pattern for value in values for name in value.source.split("|")}
    known = {*sources, *provider.post_options, *(path.split("|")[0] for path in provider.capture)}
    for name, value in row.provider_data.items():
        label = f"provider_data.{name[:64]}"
        if name not in known or name == "account_id":
            raise _error(label, "unknown", "This provider has no such value.")
        if name in sources and not re.fullmatch(sources[name], value):
            raise _error(label, "invalid", "This is not one of the provider's own.")
        _plain(label, value)


def _client(row: ImportRow) -> None:
    if row.account_type == DEFAULT_ACCOUNT and row.client is not None:
        raise _error("client", "unexpected", "The account type default uses the vendor's client.")
    if row.account_type == OWN_CLIENT and row.client is None:
        raise _error("client", "required", "Send the client that the tokens were made with.")


def _end_user(project: Project, row: ImportRow) -> EndUser:
    organization = None
    if row.org:
        organization, _ = Organization.objects.get_or_create(project=project, external_id=row.org)
    created, _ = EndUser.objects.get_or_create(
        project=project, external_id=row.user, defaults={"organization": organization}
    )
    # Two imports at once must not make two connections of one account.
    end_user = EndUser.objects.select_for_update().get(pk=created.pk)
    if organization and end_user.organization_id is None:
        EndUser.objects.filter(pk=end_user.pk).update(organization=organization)
    return end_user


def _existing(integration: Integration, end_user: EndUser, row: ImportRow) -> Connection | None:
    account = {"account_id": row.account_id, "account_type": row.account_type}
    own = {"external_id": row.external_id} if row.external_id else account
    rows = Connection.objects.filter(integration=integration, end_user=end_user, **own)
    return rows.exclude(status__in=Connection.GONE).first()


def _version(
    integration: Integration, end_user: EndUser, row: ImportRow, actor: str
) -> ClientVersion:
    if row.client is None:
        vendor = OAuthClient.objects.filter(
            integration=integration, owner=OAuthClient.Owner.VENDOR, state=OAuthClient.State.ACTIVE
        ).select_related("current_version")
        if (client := vendor.first()) is None or client.current_version is None:
            raise _error("account_type", "vendor_client_missing", "Enter your own client first.")
        return client.current_version
    slot = _slot(integration, end_user, row.client)
    try:
        return clients.replace_config(client=slot, config=row.client, actor=actor).version
    except InvalidInput as error:
        raise InvalidInput(*(_below_client(item) for item in error.errors)) from None


def _slot(integration: Integration, end_user: EndUser, config: ClientConfig) -> OAuthClient:
    """Return the person's slot that holds this client already, or their draft for a new one."""
    mine = OAuthClient.objects.filter(
        integration=integration, end_user=end_user, state=OAuthClient.State.ACTIVE
    ).select_related("current_version", "integration__project")
    for slot in mine.filter(current_version__client_id=config.client_id.strip()):
        version = slot.current_version
        if version and version.open_required("client_secret") == config.client_secret:
            return slot
    return clients.draft_client(integration=integration, end_user=end_user)


def _below_client(item: FieldError) -> FieldError:
    inside = "" if item.field in {"client_id", "client_secret"} else "settings."
    return FieldError(f"client.{inside}{item.field}", item.code, item.message)


def _connection(
    integration: Integration, end_user: EndUser, row: ImportRow, version: ClientVersion
) -> Connection:
    given = inputs.clean_scopes(row.scopes)
    required = tuple(integration.required_scopes)
    lacking = scopes.missing(provider=integration.provider, required=required, given=given)
    return Connection.objects.create(
        project=integration.project,
        end_user=end_user,
        integration=integration,
        oauth_client=version.oauth_client,
        account_type=row.account_type,
        status=Connection.Status.LIMITED if lacking else Connection.Status.VALID,
        external_id=row.external_id,
        account_id=row.account_id,
        account_label=row.account_label,
        requested_scopes=list(given),
        scopes=list(given),
        missing_scopes=list(lacking),
        scopes_reported=False,
        provider_data={**version.settings, **row.provider_data},
    )


def _answer(row: ImportRow) -> TokenAnswer:
    """Return the row's tokens as if the provider had just given them.

    A token whose end is not known is renewed at its first use, if it can be.
    """
    left: int | None = 1 if row.refresh_token else None
    if row.access_token and row.expires_at:
        left = min(max(1, int((row.expires_at - timezone.now()).total_seconds())), MAX_LIFETIME)
    return TokenAnswer(
        access_token=row.access_token or Secret(""),
        refresh_token=row.refresh_token,
        token_type="Bearer",
        expires_in=left,
        scope=None,
        extra={},
    )


def _error(name: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(FieldError(name, code, message))
