"""What a flow asks for next: the inputs of its stage, for pages and for the API alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from integrations import inputs, organizations, scopes
from integrations.catalog.schema import Provider, Setting
from integrations.creating import Artefact, Registration
from integrations.creating import artefacts as filled_in
from integrations.models import ClientVersion, Flow
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.scopes import ScopePolicy
from integrations.wording import said

Stage = Literal["accountType", "preOptions", "oauth", "postOptions", "done"]
InputType = Literal["text", "password", "permission", "copyable", "select", "switch"]
AT_PROVIDER = (Flow.Status.WAITING, Flow.Status.EXCHANGING, Flow.Status.AWAITING_CONFIRMATION)
ENDED = (Flow.Status.COMPLETED, Flow.Status.CANCELLED, Flow.Status.EXPIRED)
SETTING_TYPES: dict[str, InputType] = {
    "text": "text",
    "path": "text",
    "choice": "select",
    "scopes": "text",
}


@dataclass(frozen=True)
class ScopeChoice:
    """One permission of the scope list."""

    name: str
    description: str
    checked: bool
    required: bool
    sensitive: bool
    admin_consent: bool
    is_default: bool


@dataclass(frozen=True)
class Input:
    """One thing to show or to ask for. `value` is what it holds now, never a secret.

    `options` are (value, label); with `other_values`, one that is not listed is taken too.
    `saved` says that a secret is stored and is kept if nothing is entered.
    """

    name: str
    type: InputType
    title: str
    value: str = ""
    required: bool = True
    help: str = ""
    placeholder: str = ""
    prefix: str = ""
    suffix: str = ""
    options: tuple[tuple[str, str], ...] = ()
    other_values: bool = False
    saved: bool = False
    scopes: tuple[ScopeChoice, ...] = ()


def stage(flow: Flow) -> Stage:
    """Return the stage a flow stands at."""
    if flow.status in ENDED:
        return "done"
    if flow.status == Flow.Status.NEEDS_OPTIONS:
        return "postOptions"
    if flow.status in AT_PROVIDER:
        return "oauth"
    if not flow.account_type:
        return "accountType"
    again = flow.status == Flow.Status.FAILED and enters_client(flow)
    return "preOptions" if again or flow.client_version_id is None else "oauth"


def enters_client(flow: Flow) -> bool:
    """Return whether the person may see and save the client that the flow goes through."""
    client = flow.oauth_client
    own = flow.account_type == OWN_CLIENT and client is not None
    return own and client is not None and organizations.may_change(who=flow.acting, client=client)


def asked(flow: Flow) -> tuple[Input, ...]:
    """Return the inputs of the flow's stage, in the order of the form."""
    at = stage(flow)
    if at == "accountType":
        return (_account_type(flow),)
    if at == "postOptions":
        return _post_options(flow)
    return pre_options(flow) if at == "preOptions" and enters_client(flow) else ()


def pre_options(flow: Flow) -> tuple[Input, ...]:
    """Return the inputs of the own-client form."""
    if flow.oauth_client is None:
        return ()
    provider, version = flow.integration.provider, flow.oauth_client.current_version
    values = setting_values(flow, version)
    return (
        Input(
            name="redirect_url",
            type="copyable",
            title=said("Redirect URL"),
            value=flow.oauth_client.redirect_uri(),
            required=False,
            help=said(
                "{provider} calls it “{label}”.",
                provider=provider.name,
                label=provider.setup.redirect_uri_label,
            ),
        ),
        *(_setting(item, values) for item in provider.settings),
        *_client(flow, provider, version),
        *([_expiry(flow, version)] if secrets_end(provider) else []),
        _permissions(flow),
        *([_another_client()] if version else []),
    )


def artefacts(flow: Flow) -> tuple[Artefact, ...]:
    """Return what registers the app at the provider, with the form as it stands filled in."""
    client = flow.oauth_client
    if client is None or flow.account_type != OWN_CLIENT:
        return ()
    rules = scopes.policy(flow.integration)
    registration = Registration(
        redirect_url=client.redirect_uri(),
        app_name=flow.project.name,
        scopes=tuple(dict.fromkeys((*rules.required, *chosen_scopes(flow, rules)))),
        settings=setting_values(flow, client.current_version),
    )
    return filled_in(provider=flow.integration.provider, registration=registration)


def secret_is_kept(flow: Flow, version: ClientVersion | None) -> bool:
    """Return whether the stored secret may be kept by entering none."""
    # A secret that the provider has just refused is not worth keeping: ask for it anew.
    refused = flow.status == Flow.Status.FAILED and flow.error_code == "invalid_client"
    return version is not None and not refused


def secrets_end(provider: Provider) -> bool:
    """Return whether secrets of this provider end on a day that is worth knowing."""
    return provider.client_secret_max_days is not None


def setting_values(flow: Flow, version: ClientVersion | None) -> dict[str, str]:
    """Return what was typed or saved for each provider setting."""
    saved = dict(version.settings) if version else {}
    return {**saved, **flow.draft.get("settings", {})}


def chosen_scopes(flow: Flow, rules: ScopePolicy) -> tuple[str, ...]:
    """Return the permissions as the form stands: typed, those of the connection, or defaults."""
    if "scopes" in flow.draft:
        typed = flow.draft["scopes"]
    elif flow.connection_id and flow.connection and flow.connection.requested_scopes:
        typed = " ".join(flow.connection.requested_scopes)
    else:
        return rules.default
    return tuple(dict.fromkeys(part for part in inputs.SCOPE_SPLIT.split(typed) if part))


def scope_choices(*, rules: ScopePolicy, chosen: tuple[str, ...]) -> tuple[ScopeChoice, ...]:
    """Return one entry for each permission a person may tick: described, required or asked for."""
    described = {scope.name: scope for scope in rules.selectable()}
    names = dict.fromkeys((*rules.required, *described, *rules.default))
    return tuple(
        ScopeChoice(
            name=name,
            description=described[name].description if name in described else "",
            checked=name in chosen or name in rules.required,
            required=name in rules.required,
            sensitive=name in described and described[name].sensitive,
            admin_consent=name in described and described[name].admin_consent,
            is_default=name in rules.default,
        )
        for name in names
    )


def account_titles(flow: Flow) -> dict[str, str]:
    """Return the words of each account type that the flow offers, in its order."""
    words = {
        DEFAULT_ACCOUNT: said("Use {vendor}'s app", vendor=flow.project.name),
        OWN_CLIENT: said("Use your own app"),
    }
    return {kind: words[kind] for kind in flow.offered}


def _account_type(flow: Flow) -> Input:
    return Input(
        name="account_type",
        type="select",
        title=said("How to connect"),
        options=tuple(account_titles(flow).items()),
    )


def _post_options(flow: Flow) -> tuple[Input, ...]:
    offered = flow.connection.post_options if flow.connection else []
    asked_for = flow.integration.provider.post_options.values()
    return tuple(
        Input(
            name="post_option",
            type="select",
            title=item.label,
            help=item.help,
            options=tuple((each["id"], _with_hint(each)) for each in offered),
        )
        for item in asked_for
    )


def _with_hint(offered: dict[str, str]) -> str:
    hint = offered.get("hint", "")
    return f"{offered['label']} ({hint})" if hint else offered["label"]


def _setting(item: Setting, values: dict[str, str]) -> Input:
    return Input(
        name=item.name,
        type=SETTING_TYPES[item.kind],
        title=item.label,
        value=values.get(item.name, item.default),
        required=item.required,
        help=item.help,
        placeholder=item.placeholder,
        prefix=item.prefix,
        suffix=item.suffix,
        options=tuple(item.options.items()),
        other_values=item.takes_others,
    )


def _client(flow: Flow, provider: Provider, version: ClientVersion | None) -> tuple[Input, Input]:
    kept = secret_is_kept(flow, version)
    client_id = Input(
        name="client_id",
        type="text",
        title=said(provider.client_id_label),
        value=flow.draft.get("client_id", version.client_id if version else ""),
        help=provider.client_id_hint,
    )
    secret = Input(
        name="client_secret",
        type="password",
        title=said(provider.client_secret_label),
        required=not kept,
        help=provider.client_secret_hint,
        saved=kept,
    )
    return client_id, secret


def _expiry(flow: Flow, version: ClientVersion | None) -> Input:
    end = version.secret_expires_on if version and secret_is_kept(flow, version) else None
    return Input(
        name="secret_expires_on",
        type="text",
        title=said("Expires on"),
        value=flow.draft.get("secret_expires_on", end.isoformat() if end else ""),
        required=False,
        help=said(
            "If your secret has a last day, we remind {vendor} before it.", vendor=flow.project.name
        ),
        placeholder="2027-03-14",
    )


def _permissions(flow: Flow) -> Input:
    rules = scopes.policy(flow.integration)
    chosen = chosen_scopes(flow, rules)
    return Input(
        name="scopes",
        type="permission",
        title=said("Permissions"),
        value=" ".join(chosen),
        required=False,
        other_values=rules.custom_allowed,
        scopes=scope_choices(rules=rules, chosen=chosen),
    )


def _another_client() -> Input:
    return Input(
        name="another_client",
        type="switch",
        title=said("Use another app instead"),
        required=False,
        help=said("It gets a redirect URL of its own."),
    )
