"""The own-client form: what it shows, and what it reads."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, time

from django.http import QueryDict

from integrations import inputs, organizations, scopes, stages
from integrations.catalog.schema import PLACEHOLDER, Provider, Setting
from integrations.clients import ClientConfig
from integrations.errors import FieldError, InvalidInput, NotAllowed
from integrations.inputs import Cleaned
from integrations.models import ClientVersion, Flow
from integrations.secret import Secret
from integrations.stages import Input
from portal.pages.screens import (
    FormError,
    Frame,
    Guide,
    GuideStep,
    OptionsScreen,
    SavedSecret,
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
        secret_expires_on=_expiry(post, provider),
    )
    return config, " ".join([*post.getlist("scope"), post.get("extra_scopes", "")]).strip()


def screen(
    request: PortalRequest,
    flow: Flow,
    *,
    step: tuple[int, int],
    errors: tuple[FieldError, ...] = (),
    notices: tuple[Notice, ...] = (),
    picking: bool = False,
) -> OptionsScreen:
    """Return the form with what was typed or saved; a secret is never among it."""
    if flow.oauth_client and not stages.enters_client(flow):
        raise NotAllowed("org_admin_required")
    shown = form(frame(request), flow, step=step, errors=errors, notices=notices)
    return replace(
        shown,
        shared=bool(flow.oauth_client and flow.oauth_client.organization_id),
        may_share=organizations.is_admin(flow.acting),
        may_send=True,
        picking=picking,
    )


def form(
    within: Frame,
    flow: Flow,
    *,
    step: tuple[int, int] = (1, 1),
    errors: tuple[FieldError, ...] = (),
    notices: tuple[Notice, ...] = (),
) -> OptionsScreen:
    """Return the form as a page of its own frame shows it."""
    if flow.oauth_client is None:
        raise InvalidInput
    provider, version = flow.integration.provider, flow.oauth_client.current_version
    form = {item.name: item for item in stages.pre_options(flow)}
    permissions = form["scopes"]
    chosen = [name for name in permissions.value.split(" ") if name]
    described = {row.name for row in permissions.scopes}
    by_field = {_input_id(provider, error.field): error.message for error in errors}
    values = stages.setting_values(flow, version)
    return OptionsScreen(
        frame=within,
        app=app_of(flow.integration),
        flow_id=flow.pk,
        step=step,
        can_go_back=len(flow.offered) > 1,
        redirect_uri=form["redirect_url"].value,
        guide=_guide(provider, values),
        client_id=form["client_id"].value,
        client_id_label=form["client_id"].title,
        client_id_hint=form["client_id"].help,
        client_secret_label=form["client_secret"].title,
        client_secret_hint=form["client_secret"].help,
        saved=_saved(flow, version),
        expires_on=form["secret_expires_on"].value if "secret_expires_on" in form else None,
        settings=tuple(_setting(form[item.name], item, by_field) for item in provider.settings),
        scopes=permissions.scopes,
        extra_scopes=" ".join(name for name in chosen if name not in described),
        custom_scopes_allowed=permissions.other_values,
        scope_text=provider.scope_separator.join(chosen),
        scope_separator=provider.scope_separator,
        strange=scopes.strangers(rules=scopes.policy(flow.integration), names=tuple(chosen)),
        errors=tuple(FormError(field, message) for field, message in by_field.items()),
        error_by_field=by_field,
        notices=notices,
        create=stages.artefacts(flow),
    )


def _saved(flow: Flow, version: ClientVersion | None) -> SavedSecret | None:
    if version is None or not stages.secret_is_kept(flow, version):
        return None
    return SavedSecret(version.last4, version.created_at, version.secret_expires_on)


def _expiry(post: QueryDict, provider: Provider) -> str | None:
    # Where the page has no field for it, it could not show an error either.
    return post.get("secret_expires_on") if stages.secrets_end(provider) else None


def _setting(shown: Input, item: Setting, errors: dict[str, str]) -> SettingField:
    error = errors.get(PREFIX + item.name, "")
    read = Cleaned(shown.value) if error else _read(item, shown.value)
    return SettingField(
        name=shown.name,
        label=shown.title,
        kind=item.kind,
        value=read.value if read.notice else shown.value,
        required=shown.required,
        placeholder=shown.placeholder,
        help=shown.help,
        prefix=shown.prefix,
        suffix=shown.suffix,
        options=shown.options,
        error=error,
        notice=read.notice,
        other_values=shown.other_values,
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
