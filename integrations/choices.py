"""What a person chooses and enters in a flow: the account type, their own client, its scopes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils import timezone

from integrations import access, clients, inputs, scopes, versions
from integrations.clients import ClientConfig, Saved
from integrations.errors import FlowClosed, InvalidInput, NotAllowed
from integrations.models import Flow, OAuthClient
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.text import storable

DRAFT_MAX = 4_200


def choose_account_type(*, flow: Flow, account_type: str) -> None:
    """Take one of the offered account types; what was typed for another one stays.

    Raises NotAllowed if it is not offered or the vendor has no client, FlowClosed.
    """
    require_open(flow)
    if account_type not in flow.offered:
        raise NotAllowed("account_type_not_allowed")
    if account_type == DEFAULT_ACCOUNT:
        return _take_vendor_client(flow)
    return _store(
        flow,
        account_type=account_type,
        oauth_client=_own_client(flow),
        client_version=None,
        **_given_up(flow),
    )


def use_another_client(*, flow: Flow) -> None:
    """Switch the flow to the person's draft slot, so that another app can be entered."""
    require_open(flow)
    if flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    client = clients.draft_client(integration=flow.integration, end_user=flow.end_user)
    _store(
        flow,
        oauth_client=client,
        client_version=None,
        draft={},
        status=Flow.Status.DRAFT,
        error_code="",
    )


def save_options(*, flow: Flow, config: ClientConfig, scope_text: str) -> Saved:
    """Store the person's own client and scopes. What was typed is kept as a draft, but the secret.

    Raises InvalidInput with every field at fault, FlowClosed.
    """
    require_open(flow)
    client = flow.oauth_client
    if client is None or flow.account_type != OWN_CLIENT or client.end_user_id != flow.end_user_id:
        raise NotAllowed("account_type_not_allowed")
    keep_draft(flow=flow, config=config, scope_text=scope_text)
    rules = scopes.policy(flow.integration)
    try:
        names = scopes.checked(rules=rules, names=inputs.clean_scopes(scope_text))
    except InvalidInput as error:
        others = clients.problems(client=client, config=config)
        raise InvalidInput(*others, *error.errors) from None
    saved = clients.replace_config(
        client=client, config=config, actor=access.actor_of(flow.session)
    )
    _store(
        flow,
        client_version=saved.version,
        scopes=list(names),
        status=Flow.Status.DRAFT,
        error_code="",
    )
    known = scopes.warnings(provider=flow.integration.provider, rules=rules, names=names)
    return replace(saved, notices={**saved.notices, **known})


def require_open(flow: Flow) -> None:
    """Raise FlowClosed if the flow has ended."""
    if flow.status not in Flow.EDITABLE:
        raise FlowClosed


def _take_vendor_client(flow: Flow) -> None:
    joined = OAuthClient.objects.select_related("current_version__oauth_client__integration")
    found = joined.filter(
        integration=flow.integration, owner=OAuthClient.Owner.VENDOR, state=OAuthClient.State.ACTIVE
    )
    client = found.first()
    # One entered for another address of the provider is none: it would go where it did.
    if client is None or not (client.current_version and versions.fits(client.current_version)):
        raise NotAllowed("vendor_client_missing")
    _store(
        flow,
        account_type=DEFAULT_ACCOUNT,
        oauth_client=client,
        client_version=client.current_version,
        scopes=list(scopes.policy(flow.integration).default),
        **_given_up(flow),
    )


def _given_up(flow: Flow) -> dict[str, Any]:
    # Who chooses anew does not come back from the trip under way, so nobody must wait for it.
    return {"status": Flow.Status.DRAFT} if flow.status == Flow.Status.WAITING else {}


def _store(flow: Flow, **changes: Any) -> None:
    """Change the flow, unless a callback has taken or ended it: that must not be undone."""
    now = timezone.now()
    changed = Flow.objects.filter(
        pk=flow.pk,
        status__in=Flow.EDITABLE,
        account_type=flow.account_type,
        oauth_client=flow.oauth_client_id,
    ).update(**changes, updated_at=now)
    if not changed:
        raise FlowClosed
    for name, value in {**changes, "updated_at": now}.items():
        setattr(flow, name, value)


def _own_client(flow: Flow) -> OAuthClient:
    used = flow.connection.oauth_client if flow.connection else None
    if used and used.end_user_id == flow.end_user_id:
        return used
    return clients.own_client(integration=flow.integration, end_user=flow.end_user)


def keep_draft(*, flow: Flow, config: ClientConfig, scope_text: str) -> None:
    """Keep what was typed, so that no page makes a person type it again: all but the secret."""
    typed: dict[str, Any] = {
        "client_id": _draft(config.client_id),
        "scopes": _draft(scope_text),
        "settings": {name: _draft(value) for name, value in config.settings.items()},
    }
    if config.secret_expires_on is not None:
        typed["secret_expires_on"] = _draft(config.secret_expires_on)
    _store(flow, draft=typed)


def _draft(text: str) -> str:
    return storable(text[:DRAFT_MAX])
