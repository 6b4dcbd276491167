"""What a person chooses and enters in a flow: the account type, their own client, its scopes."""

from __future__ import annotations

from integrations import access, clients, inputs, scopes
from integrations.clients import ClientConfig, Saved
from integrations.errors import FieldError, FlowClosed, InvalidInput, NotAllowed
from integrations.models import Flow, OAuthClient
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT

DRAFT_MAX = 4_200


def choose_account_type(*, flow: Flow, account_type: str) -> None:
    """Take one of the offered account types; what was typed for another one stays.

    Raises NotAllowed if it is not offered or the vendor has no client, FlowClosed.
    """
    require_open(flow)
    if account_type not in flow.offered:
        raise NotAllowed("account_type_not_allowed")
    flow.account_type = account_type
    if account_type == DEFAULT_ACCOUNT:
        _take_vendor_client(flow)
    else:
        flow.oauth_client = _own_client(flow)
        flow.client_version = None
    flow.save()


def use_another_client(*, flow: Flow) -> None:
    """Switch the flow to the person's draft slot, so that another app can be entered."""
    require_open(flow)
    if flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    flow.oauth_client = clients.draft_client(integration=flow.integration, end_user=flow.end_user)
    flow.client_version, flow.draft = None, {}
    flow.save()


def save_options(*, flow: Flow, config: ClientConfig, scope_text: str) -> Saved:
    """Store the person's own client and scopes. What was typed is kept as a draft, but the secret.

    Raises InvalidInput with every field at fault, FlowClosed.
    """
    require_open(flow)
    if flow.oauth_client is None or flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    _keep_draft(flow, config, scope_text)
    names, errors = _checked_scopes(flow, scope_text)
    try:
        saved = clients.replace_config(
            client=flow.oauth_client, config=config, actor=access.actor_of(flow.session)
        )
    except InvalidInput as error:
        raise InvalidInput(*error.errors, *errors) from None
    if errors:
        raise InvalidInput(*errors)
    flow.client_version, flow.scopes = saved.version, list(names)
    flow.status, flow.error_code = Flow.Status.DRAFT, ""
    flow.save()
    return saved


def require_open(flow: Flow) -> None:
    """Raise FlowClosed if the flow has ended."""
    if flow.status not in Flow.OPEN:
        raise FlowClosed


def _take_vendor_client(flow: Flow) -> None:
    client = OAuthClient.objects.select_related("current_version").filter(
        integration=flow.integration, owner=OAuthClient.Owner.VENDOR, state=OAuthClient.State.ACTIVE
    )
    flow.oauth_client = client.first()
    if flow.oauth_client is None:
        raise NotAllowed("vendor_client_missing")
    flow.client_version = flow.oauth_client.current_version
    flow.scopes = list(scopes.policy(flow.integration).default)


def _own_client(flow: Flow) -> OAuthClient:
    if flow.connection and flow.connection.account_type == OWN_CLIENT:
        return flow.connection.oauth_client
    return clients.own_client(integration=flow.integration, end_user=flow.end_user)


def _checked_scopes(flow: Flow, scope_text: str) -> tuple[tuple[str, ...], tuple[FieldError, ...]]:
    try:
        rules = scopes.policy(flow.integration)
        return scopes.checked(rules=rules, names=inputs.clean_scopes(scope_text)), ()
    except InvalidInput as error:
        return (), error.errors


def _keep_draft(flow: Flow, config: ClientConfig, scope_text: str) -> None:
    flow.draft = {
        "client_id": config.client_id[:DRAFT_MAX],
        "scopes": scope_text[:DRAFT_MAX],
        "settings": {name: value[:DRAFT_MAX] for name, value in config.settings.items()},
    }
    flow.save(update_fields=["draft", "updated_at"])
