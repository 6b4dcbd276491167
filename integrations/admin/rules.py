"""The field in which an administrator lists the calls that are passed on to a provider's API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from integrations import proxyrules
from integrations.errors import InvalidInput

HELP = (
    "One call on each line: methods with commas, then the path below the API's address, such as "
    "GET,POST /gmail/v1/users/me/messages/**. A star is one part of the path, two stars at the end "
    "are all that follows. Left empty, nothing is passed on."
)


class RulesField(forms.CharField):
    """Rules as lines of text; None while there are none."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(
            attrs={"rows": 4, "class": "vLargeTextField", "spellcheck": "false"}
        )
        super().__init__(required=False, widget=widget, help_text=HELP, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show stored rules as lines."""
        if not isinstance(value, list):
            return value
        return "\n".join(f"{','.join(rule['methods'])} {rule['path']}" for rule in value)

    def to_python(self, value: Any) -> Any:
        """Return the rules in the form that is stored. Raises ValidationError."""
        lines = [line.split() for line in str(value or "").splitlines() if line.strip()]
        if not lines:
            return None
        if not all(len(parts) == 2 for parts in lines):
            raise ValidationError("Each line is methods, a space and a path.")
        rules = [{"methods": methods.upper().split(","), "path": path} for methods, path in lines]
        try:
            proxyrules.checked_rules(rules)
        except InvalidInput as error:
            raise ValidationError([item.message for item in error.errors]) from None
        return rules

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what the lines mean."""
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True
