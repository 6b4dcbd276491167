"""The own-client form: what it shows, and what it reads."""

from __future__ import annotations

import re
from datetime import datetime, time

from django.http import QueryDict

from integrations import inputs, scopes
from integrations.catalog.schema import PLACEHOLDER, Provider, Setting
from integrations.clients import ClientConfig
from integrations.errors import FieldError, InvalidInput
from integrations.inputs import Cleaned
from integrations.models import ClientVersion, Flow
from integrations.scopes import ScopePolicy
from integrations.secret import Secret
from portal.pages.screens import (
    FormError,
    Guide,
    GuideStep,
    OptionsScreen,
    SavedSecret,
    ScopeRow,
    SettingField,
)
from portal.pages.visit import PortalRequest, app_of, frame
from portal.texts import Notice

PREFIX = "setting_"
COPYABLE = re.compile(r"(\{redirect_url\}|\{scopes\})")


def read(post: QueryDict, provider: Provider) -> tuple[ClientConfig, str]:
    """Return the client and the scope text a person submitted."""
    secret = post.get("client_secret", "")
    settings = {
        item.name: post.get(PREFIX + item.name, "")
        for item in provider.settings
        if PREFIX + item.name in post
    }
    config = ClientConfig(
        client_id=post.get("client_id", ""),
        client_secret=Secret(secret) if secret else None,
        settings=settings,
    )
    return config, " ".join([*post.getlist("scope"), post.get("extra_scopes", "")]).strip()


def screen(
    request: PortalRequest,
    flow: Flow,
    *,
    step: tuple[int, int],
    errors: tuple[FieldError, ...] = (),
    notices: tuple[Notice, ...] = (),
) -> OptionsScreen:
    """Return the form with what was typed or saved; a secret is never among it."""
    if flow.oauth_client is None:
        raise InvalidInput
    provider, version = flow.integration.provider, flow.oauth_client.current_version
    rules = scopes.policy(flow.integration)
    chosen = _chosen(flow, rules)
    rows = scope_rows(rules=rules, chosen=chosen)
    described = {row.name for row in rows}
    by_field = {_input_id(provider, error.field): error.message for error in errors}
    values = _values(flow, version)
    return OptionsScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        step=step,
        can_go_back=len(flow.offered) > 1,
        redirect_uri=flow.oauth_client.redirect_uri(),
        guide=_guide(provider, values),
        client_id=flow.draft.get("client_id", version.client_id if version else ""),
        client_id_label=provider.client_id_label,
        client_id_hint=provider.client_id_hint,
        client_secret_label=provider.client_secret_label,
        client_secret_hint=provider.client_secret_hint,
        saved=_saved(flow, version),
        settings=tuple(_setting(item, values, by_field) for item in provider.settings),
        scopes=rows,
        extra_scopes=" ".join(name for name in chosen if name not in described),
        custom_scopes_allowed=rules.custom_allowed,
        scope_text=provider.scope_separator.join(chosen),
        errors=tuple(FormError(field, message) for field, message in by_field.items()),
        error_by_field=by_field,
        notices=notices,
    )


def _saved(flow: Flow, version: ClientVersion | None) -> SavedSecret | None:
    # A secret that the provider has just refused is not worth keeping: ask for it anew.
    refused = flow.status == Flow.Status.FAILED and flow.error_code == "invalid_client"
    return None if version is None or refused else SavedSecret(version.last4, version.created_at)


def scope_rows(*, rules: ScopePolicy, chosen: tuple[str, ...]) -> tuple[ScopeRow, ...]:
    """Return one row for each described permission a person may tick, and each required one."""
    described = {scope.name: scope for scope in rules.selectable()}
    names = dict.fromkeys((*rules.required, *described))
    return tuple(
        ScopeRow(
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


def _chosen(flow: Flow, rules: ScopePolicy) -> tuple[str, ...]:
    if "scopes" in flow.draft:
        typed = flow.draft["scopes"]
    elif flow.connection_id and flow.connection and flow.connection.requested_scopes:
        typed = " ".join(flow.connection.requested_scopes)
    else:
        return rules.default
    return tuple(dict.fromkeys(part for part in inputs.SCOPE_SPLIT.split(typed) if part))


def _values(flow: Flow, version: ClientVersion | None) -> dict[str, str]:
    saved = dict(version.settings) if version else {}
    return {**saved, **flow.draft.get("settings", {})}


def _setting(item: Setting, values: dict[str, str], errors: dict[str, str]) -> SettingField:
    value, error = values.get(item.name, item.default), errors.get(_id_of(item), "")
    read = Cleaned(value) if error else _read(item, value)
    return SettingField(
        name=item.name,
        label=item.label,
        kind=item.kind,
        value=read.value if read.notice else value,
        required=item.required,
        placeholder=item.placeholder,
        help=item.help,
        prefix=item.prefix,
        suffix=item.suffix,
        options=tuple(item.options.items()),
        error=error,
        notice=read.notice,
    )


def _read(item: Setting, value: str) -> Cleaned:
    try:
        return inputs.clean_setting(item, value)
    except InvalidInput:
        return Cleaned(value)


def _guide(provider: Provider, values: dict[str, str]) -> Guide:
    setup = provider.setup
    console = PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), setup.console)
    return Guide(
        console="" if "{" in console else console,
        redirect_uri_label=setup.redirect_uri_label,
        minutes=setup.minutes,
        role=setup.role,
        steps=tuple(_step(text) for text in setup.steps),
        tip=setup.tip,
        notice=setup.notice,
        documentation=provider.documentation,
        checked=datetime.combine(provider.checked, time()),
    )


def _step(text: str) -> GuideStep:
    kinds = {"{redirect_url}": "redirect_uri", "{scopes}": "scopes"}
    # A value stands on a line of its own, so the full stop behind it would begin the next one.
    pieces = [piece.removeprefix(".").strip() for piece in COPYABLE.split(text)]
    return GuideStep(
        tuple(
            (kinds.get(piece, "text"), "" if piece in kinds else piece) for piece in pieces if piece
        )
    )


def _input_id(provider: Provider, field: str) -> str:
    return PREFIX + field if any(item.name == field for item in provider.settings) else field


def _id_of(item: Setting) -> str:
    return PREFIX + item.name
