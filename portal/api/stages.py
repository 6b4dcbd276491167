"""The inputs of a flow's stage, as the wire shows them: one type for each kind of input."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

from integrations import stages
from integrations.models import Flow
from integrations.stages import Input


class Option(Schema):
    """One value of a select."""

    value: str
    label: str


class ScopeOut(Schema):
    """One described permission. A required one is asked for in any case."""

    name: str
    description: str
    selected: bool
    required: bool
    sensitive: bool
    admin_consent: bool


class InputBase(Schema):
    """What every input has. `name` is its field in the next call."""

    name: str
    title: str
    help: str
    required: bool


class TextInput(InputBase):
    """One line of text; `prefix` and `suffix` stand around it and are not part of the value."""

    type: Literal["text"]
    value: str
    placeholder: str
    prefix: str
    suffix: str


class PasswordInput(InputBase):
    """A secret. It is never sent back; `saved` says that leaving it out keeps the stored one."""

    type: Literal["password"]
    saved: bool


class CopyableInput(InputBase):
    """A value to show with a copy button. It is read only and no field of the next call."""

    type: Literal["copyable"]
    value: str
    read_only: Literal[True] = True


class SelectInput(InputBase):
    """One of several values, or with `other_values` one that is not listed."""

    type: Literal["select"]
    value: str
    options: list[Option]
    other_values: bool


class PermissionInput(InputBase):
    """A list of scopes. With `other_values`, scopes that are not described are taken too."""

    type: Literal["permission"]
    value: list[str]
    required_scopes: list[str]
    scopes: list[ScopeOut]
    other_values: bool


class SwitchInput(InputBase):
    """Yes or no."""

    type: Literal["switch"]
    value: bool


InputOut = Annotated[
    TextInput | PasswordInput | CopyableInput | SelectInput | PermissionInput | SwitchInput,
    Field(discriminator="type"),
]


def inputs(flow: Flow) -> list[InputOut]:
    """Return the inputs of the flow's stage, in the order of the form."""
    return [_shown(item) for item in stages.asked(flow)]


def redirect_url(flow: Flow) -> str | None:
    """Return what to register at the provider, for a client of the person's own."""
    shown = flow.oauth_client if stages.enters_client(flow) else None
    return shown.redirect_uri() if shown else None


def _shown(item: Input) -> InputOut:
    common: Any = {
        "name": item.name,
        "title": item.title,
        "help": item.help,
        "required": item.required,
    }
    if item.type == "password":
        return PasswordInput(type="password", saved=item.saved, **common)
    if item.type == "copyable":
        return CopyableInput(type="copyable", value=item.value, **common)
    if item.type == "switch":
        return SwitchInput(type="switch", value=False, **common)
    if item.type == "permission":
        return _permission(item, common)
    if item.type == "select":
        return SelectInput(
            type="select",
            value=item.value,
            options=[Option(value=value, label=label) for value, label in item.options],
            other_values=item.other_values,
            **common,
        )
    return TextInput(
        type="text",
        value=item.value,
        placeholder=item.placeholder,
        prefix=item.prefix,
        suffix=item.suffix,
        **common,
    )


def _permission(item: Input, common: Any) -> PermissionInput:
    return PermissionInput(
        type="permission",
        value=item.value.split(),
        required_scopes=[scope.name for scope in item.scopes if scope.required],
        scopes=[
            ScopeOut(
                name=scope.name,
                description=scope.description,
                selected=scope.checked,
                required=scope.required,
                sensitive=scope.sensitive,
                admin_consent=scope.admin_consent,
            )
            for scope in item.scopes
        ],
        other_values=item.other_values,
        **common,
    )
