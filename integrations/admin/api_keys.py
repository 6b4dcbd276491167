"""The form of a new API key: what it may do, until when, and from where."""

from __future__ import annotations

from typing import Any

from django import forms

from integrations import apikeys
from integrations.apikeys import KeyPolicy
from integrations.errors import InvalidInput
from integrations.models.projects import API_SCOPES

MEANINGS = {
    "connections:read": "list connections and integrations",
    "connections:write": "disconnect",
    "tokens:read": "get access tokens",
    "proxy": "call providers through the portal",
    "clients:read": "list OAuth clients",
    "clients:write": "replace client secrets",
    "sessions:write": "open visits and confirm flows",
    "events:read": "read the audit log",
    "import": "import connections",
}


class ApiKeyForm(forms.Form):
    """What tells one API key from another, and what it may do."""

    name = forms.CharField(
        max_length=80, help_text="Where the key is going to be used, such as: Production backend."
    )
    scopes = forms.MultipleChoiceField(
        label="May only",
        required=False,
        choices=[(scope, f"{MEANINGS[scope]} ({scope})") for scope in API_SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick what the key is for. With nothing ticked it may do everything.",
    )
    expires_at = forms.DateTimeField(
        label="Ends at (UTC)",
        required=False,
        help_text="Such as 2027-01-31 12:00. Left empty, it works until it is revoked.",
    )
    allowed_addresses = forms.CharField(
        label="Only from",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Addresses or networks, one on each line, such as 192.0.2.0/24.",
    )

    def clean(self) -> dict[str, Any]:
        """Say what cannot be enforced at the field it is about."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                data["policy"] = _policy(data)
            except InvalidInput as error:
                for item in error.errors:
                    self.add_error(item.field, item.message)
        return data


def _policy(data: dict[str, Any]) -> KeyPolicy:
    return apikeys.checked_policy(
        scopes=data["scopes"] or API_SCOPES,
        expires_at=data["expires_at"],
        allowed_addresses=data["allowed_addresses"].split(),
    )
