"""The scope policy as one table: a row for each scope of the catalog, a column for each list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string

from integrations import inputs
from integrations.catalog.schema import Provider
from integrations.errors import InvalidInput
from integrations.models import Integration

COLUMNS = ("default", "required", "allowed")
COLUMN_TITLES = {"default": "Default", "required": "Required", "allowed": "Allowed"}


@dataclass(frozen=True)
class ScopeLists:
    """The three lists of an integration. `default` None follows the catalog."""

    default: tuple[str, ...] | None
    required: tuple[str, ...]
    allowed: tuple[str, ...]

    @classmethod
    def of(cls, integration: Integration) -> ScopeLists:
        """Return the lists as the integration has them."""
        chosen = integration.default_scopes
        return cls(
            default=None if chosen is None else tuple(chosen),
            required=tuple(integration.required_scopes),
            allowed=tuple(integration.allowed_scopes),
        )


class ScopeGrid(forms.Widget):
    """Checkboxes for the scopes the catalog describes, text for others."""

    use_fieldset = True
    provider: Provider | None = None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, Any]:
        """Return what was ticked and typed, not yet checked."""
        typed: dict[str, Any] = {"follow": f"{name}-follow" in data}
        for column in COLUMNS:
            typed[column] = data.getlist(f"{name}-{column}")
            typed[f"{column}_extra"] = data.get(f"{name}-{column}-extra", "")
        return typed

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Return False: a grid without a tick is an answer as well."""
        return False

    def id_for_label(self, id_: str | None) -> str:
        """Return no id: the label is for a group."""
        return ""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> Any:
        """Draw the table. Values come back as typed after an error."""
        context = {
            "name": name,
            "follow": value["follow"],
            "titles": [COLUMN_TITLES[column] for column in COLUMNS],
            "rows": [_row(scope, name, value) for scope in self._scopes()],
            "extras": [_extra(column, name, value) for column in COLUMNS],
        }
        return render_to_string("admin/integrations/integration/scope_grid.html", context)

    def _scopes(self) -> Iterable[Any]:
        return self.provider.scopes if self.provider else ()


class ScopeField(forms.Field):
    """The three lists, checked by the rules of every other door."""

    widget = ScopeGrid

    def __init__(self, *, provider: Provider | None, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.provider = provider
        self.widget.provider = provider

    def prepare_value(self, value: Any) -> Any:
        """Return what the widget shows: the stored lists, or what was typed."""
        return self._shown(value) if isinstance(value, ScopeLists) else value

    def clean(self, value: Mapping[str, Any]) -> ScopeLists:
        """Return the lists; what is required is a default as well. Raises ValidationError."""
        lists: dict[str, tuple[str, ...]] = {}
        errors: list[str] = []
        for column in COLUMNS:
            try:
                lists[column] = _names(value, column)
            except InvalidInput as error:
                title = COLUMN_TITLES[column]
                errors.extend(f"{title}: {item.message}" for item in error.errors)
        if errors:
            raise ValidationError(errors)
        default = tuple(dict.fromkeys((*lists["required"], *lists["default"])))
        return ScopeLists(
            default=None if value["follow"] else default,
            required=lists["required"],
            allowed=lists["allowed"],
        )

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the lists differ from those stored."""
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True

    def _shown(self, lists: ScopeLists) -> dict[str, Any]:
        catalog = self.provider.default_scopes if self.provider else ()
        known = {scope.name for scope in self.provider.scopes} if self.provider else set()
        default = catalog if lists.default is None else lists.default
        columns = {"default": default, "required": lists.required, "allowed": lists.allowed}
        shown: dict[str, Any] = {"follow": lists.default is None}
        for column, names in columns.items():
            shown[column] = [name for name in names if name in known]
            shown[f"{column}_extra"] = "\n".join(name for name in names if name not in known)
        return shown


def _names(value: Mapping[str, Any], column: str) -> tuple[str, ...]:
    typed = " ".join([*value[column], value[f"{column}_extra"]])
    return inputs.clean_scopes(typed, field=column)


def _row(scope: Any, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    cells = [
        {
            "column": column,
            "title": COLUMN_TITLES[column],
            "name": f"{name}-{column}",
            "checked": scope.name in value[column],
        }
        for column in COLUMNS
    ]
    return {"scope": scope, "cells": cells}


def _extra(column: str, name: str, value: Mapping[str, Any]) -> dict[str, str]:
    return {
        "title": f"Other {COLUMN_TITLES[column].lower()} scopes",
        "column": column,
        "name": f"{name}-{column}-extra",
        "text": value[f"{column}_extra"],
    }
