"""What a person chooses and enters in a flow: the account type, their own client, its scopes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils import timezone

from integrations import (
    access,
    clients,
    handoffs,
    inputs,
    mistakes,
    organizations,
    scopes,
    versions,
)
from integrations.clients import ClientConfig, Saved
from integrations.errors import FlowClosed, InvalidInput, NotAllowed
from integrations.models import Flow, HandOff, OAuthClient
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.text import storable

DRAFT_MAX = 4_200
OWNERS = (OAuthClient.Owner.END_USER, OAuthClient.Owner.ORGANIZATION)


def choose_account_type(*, flow: Flow, account_type: str) -> None:
    """Take one of the offered account types; what was typed for another one stays.

    Raises NotAllowed if it is not offered or the vendor has no client, FlowClosed.
    """
    require_open(flow)
    if account_type not in flow.offered:
        raise NotAllowed("account_type_not_allowed")
    organizations.require_offered(
        kind=account_type,
        integration=flow.integration,
        organization=organizations.governing_id(flow.acting),
    )
    if account_type == DEFAULT_ACCOUNT:
        return _take_vendor_client(flow)
    return _take(flow, _own_client(flow))


def choose_again(*, flow: Flow) -> None:
    """Bring a flow that was left open up to what its person may use now.

    They may have left the organization whose client it went through, or theirs may have got one
    meanwhile.
    """
    if flow.status not in Flow.EDITABLE or flow.account_type != OWN_CLIENT:
        return
    client = flow.oauth_client
    left = client is not None and not organizations.may_use(who=flow.acting, client=client)
    if left or _shared_meanwhile(flow):
        _take(flow, _own_client(flow))


def _shared_meanwhile(flow: Flow) -> bool:
    """Return whether the organization has an app now, and the person had begun none of theirs."""
    begun = flow.draft or flow.client_version_id or handoffs.open_of(flow)
    if begun or flow.oauth_client is None or flow.oauth_client.organization_id:
        return False
    shared = organizations.client_in_use(
        integration=flow.integration, organization=organizations.organization_id(flow.acting)
    )
    version = shared.current_version if shared else None
    return version is not None and flow.updated_at < version.created_at


def use_another_client(*, flow: Flow) -> None:
    """Switch the flow to the person's draft slot, so that another app can be entered."""
    require_open(flow)
    if flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    client = flow.oauth_client
    if (
        client
        and client.organization_id
        and organizations.may_change(who=flow.acting, client=client)
    ):
        client = organizations.draft_client(
            integration=flow.integration, organization=client.organization_id
        )
    else:
        client = clients.draft_client(integration=flow.integration, end_user=flow.end_user)
    _start_over(flow, client)


def set_up_for(*, flow: Flow, owner: str) -> None:
    """Switch the flow to the client of the whole organization, or to the person's own.

    Raises NotAllowed for somebody who is no administrator of it, FlowClosed.
    """
    require_open(flow)
    if flow.account_type != OWN_CLIENT or owner not in OWNERS:
        raise NotAllowed("account_type_not_allowed")
    if owner == OAuthClient.Owner.END_USER:
        own = clients.own_client(integration=flow.integration, end_user=flow.end_user)
        return _start_over(flow, own)
    organization = organizations.organization_id(flow.acting)
    if organization is None or not organizations.is_admin(flow.acting):
        raise NotAllowed("org_admin_required")
    shared = organizations.client_or_draft(integration=flow.integration, organization=organization)
    return _start_over(flow, shared)


def save_options(*, flow: Flow, config: ClientConfig, scope_text: str) -> Saved:
    """Store the person's own client and scopes. What was typed is kept as a draft, but the secret.

    Raises InvalidInput with every field at fault, FlowClosed.
    """
    require_open(flow)
    client = flow.oauth_client
    if client is None or flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    organizations.require_change(who=flow.acting, client=client)
    keep_draft(flow=flow, config=config, scope_text=scope_text)
    rules = scopes.policy(flow.integration)
    try:
        names = scopes.checked(rules=rules, names=inputs.clean_scopes(scope_text))
    except InvalidInput as error:
        others = clients.problems(client=client, config=config)
        raise InvalidInput(*others, *error.errors) from None
    saved = clients.replace_config(client=client, config=config, actor=access.actor_of(flow.acting))
    clients.keep_scopes(client=client, names=names)
    handoffs.revoke(flow=flow, outcome=HandOff.Outcome.NOT_NEEDED)
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


def _take(flow: Flow, client: OAuthClient) -> None:
    """Take a client of the person's or their organization's. A colleague has nothing to enter."""
    version = client.current_version if client.organization_id and _fits(client) else None
    names = scopes.shared(rules=scopes.policy(flow.integration), names=tuple(client.scopes))
    _store(
        flow,
        account_type=OWN_CLIENT,
        oauth_client=client,
        client_version=version,
        **({"scopes": list(names)} if version else {}),
        **_given_up(flow),
    )


def _start_over(flow: Flow, client: OAuthClient) -> None:
    _store(
        flow,
        oauth_client=client,
        client_version=None,
        draft={},
        status=Flow.Status.DRAFT,
        error_code="",
    )


def _own_client(flow: Flow) -> OAuthClient:
    """Return the client of the connection to renew, else the organization's, else the person's."""
    used = flow.connection.oauth_client if flow.connection else None
    vendors = used and used.owner == OAuthClient.Owner.VENDOR
    if used and not vendors and organizations.may_use(who=flow.acting, client=used):
        return used
    shared = organizations.client_in_use(
        integration=flow.integration, organization=organizations.organization_id(flow.acting)
    )
    if shared and (_fits(shared) or organizations.may_change(who=flow.acting, client=shared)):
        return shared
    return clients.own_client(integration=flow.integration, end_user=flow.end_user)


def _fits(client: OAuthClient) -> bool:
    return client.current_version is not None and versions.fits(client.current_version)


def keep_draft(*, flow: Flow, config: ClientConfig, scope_text: str) -> None:
    """Keep what was typed, so that no page makes a person type it again: all but the secret."""
    if flow.oauth_client is None:
        raise NotAllowed("account_type_not_allowed")
    kept = typed(client=flow.oauth_client, config=config, scope_text=scope_text)
    _store(flow, draft=kept)


def typed(*, client: OAuthClient, config: ClientConfig, scope_text: str) -> dict[str, Any]:
    """Return what was typed as a draft holds it: no secret, in whichever field it was."""
    kept: dict[str, Any] = {
        "client_id": _draft(config.client_id),
        "scopes": _draft(scope_text),
        "settings": {name: _draft(value) for name, value in config.settings.items()},
    }
    if config.secret_expires_on is not None:
        kept["secret_expires_on"] = _draft(config.secret_expires_on)
    entered = config.client_secret
    if mistakes.holds_secret(client=client, client_id=config.client_id, entered=entered):
        kept["client_id"] = ""
    return kept


def _draft(text: str) -> str:
    return storable(text[:DRAFT_MAX])
