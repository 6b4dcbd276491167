"""Forms of an integration: first which provider, then its policy and the vendor's own client."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from django.db import models, transaction
from django.urls import reverse
from django.utils.html import format_html

from integrations import clients, mistakes, versions
from integrations.admin.base import ModelForm
from integrations.admin.clients import secret_status
from integrations.admin.rules import RulesField
from integrations.admin.scope_grid import ScopeField, ScopeLists
from integrations.catalog import registry
from integrations.catalog.schema import Provider, Setting
from integrations.errors import InvalidInput, NotFound
from integrations.models import ClientVersion, Integration
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT, default_account_types
from integrations.secret import Secret

SETTING = "setting_"
ACCOUNT_TYPE_CHOICES = (
    (DEFAULT_ACCOUNT, "Your app: people connect through one client of yours"),
    (OWN_CLIENT, "Their own app: people enter a client they registered themselves"),
)
SECRET_ATTRIBUTES = {
    "autocomplete": "new-password",
    "autocapitalize": "off",
    "spellcheck": "false",
    "data-1p-ignore": True,
    "data-lpignore": "true",
    "data-bwignore": True,
    "data-form-type": "other",
    "class": "vTextField",
}


class AccountTypesField(forms.MultipleChoiceField):
    """Which account types people are offered."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=ACCOUNT_TYPE_CHOICES,
            initial=default_account_types,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"required": "Offer at least one account type."},
            **kwargs,
        )


class AddIntegrationForm(ModelForm):
    """Switch a provider on."""

    provider_slug = forms.ChoiceField(label="Provider")
    account_types = AccountTypesField(label="Account types offered")

    class Meta:
        model = Integration
        fields = ("project", "provider_slug", "slug", "is_active", "account_types", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["provider_slug"]
        field.choices = [("", "Choose a provider"), *_by_category()]
        field.help_text = format_html(
            '<a href="{}">Describe a provider</a> that is not in the list.',
            reverse("admin:integrations_integration_describe"),
        )
        self.fields[
            "slug"
        ].help_text = (
            "The name your code uses. Left empty, it is the provider's. It cannot be changed later."
        )

    def clean(self) -> dict[str, Any]:
        """Take the provider's slug for an empty one, and explain what the database would refuse."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "slug" in self.errors:
            return data
        slug = data["slug"] = data.get("slug") or data.get("provider_slug", "")
        if "proxy" in slug:
            self.add_error("slug", "A slug must not contain the letters proxy. Choose another.")
        taken = Integration.objects.filter(project=data.get("project"), slug=slug)
        if data.get("project") and slug and taken.exists():
            message = f"This project already has an integration {slug}. Choose another slug."
            self.add_error("slug", message)
        return data


class ChangeIntegrationForm(ModelForm):
    """Policy and client. The provider's fields are added by `change_form`."""

    provider: Provider | None = None
    account_types = AccountTypesField(label="Account types offered")
    proxy_rules = RulesField(label="Calls passed on")

    class Meta:
        model = Integration
        fields = (
            "is_active",
            "account_types",
            "description",
            "custom_scopes_allowed",
            "proxy_rules",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version = current_version(self.instance)
        self.initial["scope_policy"] = ScopeLists.of(self.instance)
        if self.provider is None:
            return
        self.fields["client_secret"].help_text = _secret_help(self.provider, version)
        if version:
            self.initial["client_id"] = version.client_id
            self.initial["secret_expires_on"] = _day(version)
            for name, value in version.settings.items():
                self.initial[f"{SETTING}{name}"] = value

    def clean(self) -> dict[str, Any]:
        """Try the client's configuration without keeping it, so that its errors show here."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        lists: ScopeLists | None = data.get("scope_policy")
        if lists:
            self.instance.default_scopes = None if lists.default is None else list(lists.default)
            self.instance.required_scopes = list(lists.required)
            self.instance.allowed_scopes = list(lists.allowed)
        if not self.errors and self.client_touched():
            self._try_client()
        return data

    def client_touched(self) -> bool:
        """Return whether anything about the vendor's client was entered."""
        names = [name for name in self.changed_data if _is_client_field(name)]
        return self.provider is not None and bool(names)

    def store_client(self, *, actor: str) -> clients.Saved:
        """Store what was entered as the vendor's client. Raises InvalidInput."""
        data = self.cleaned_data
        prefix = len(SETTING)
        config = clients.ClientConfig(
            client_id=data["client_id"],
            client_secret=Secret(data["client_secret"]),
            settings={name[prefix:]: data[name] for name in data if name.startswith(SETTING)},
            secret_expires_on=data["secret_expires_on"],
        )
        client = clients.vendor_client(self.instance)
        return clients.replace_config(client=client, config=config, actor=actor)

    def _try_client(self) -> None:
        try:
            with transaction.atomic():
                self.store_client(actor="admin")
                transaction.set_rollback(True)
        except InvalidInput as error:
            for item in error.errors:
                known = item.field if item.field in self.fields else f"{SETTING}{item.field}"
                self.add_error(known, item.message)
                if item.code == mistakes.CODE:
                    self._forget_client_id()

    def _forget_client_id(self) -> None:
        # The page shows a field at fault as it was sent.
        sent: Any = copy(self.data)
        sent[self.add_prefix("client_id")] = ""
        self.data = sent


def change_form(provider: Provider | None) -> type[ChangeIntegrationForm]:
    """Return the form of an integration of this provider, or of one whose file is gone."""
    fields: dict[str, Any] = {
        "provider": provider,
        "scope_policy": ScopeField(provider=provider, label="Scopes", help_text=SCOPES_HELP),
    }
    if provider:
        fields |= _client_fields(provider)
    meta: Any = type(ChangeIntegrationForm)
    form: type[ChangeIntegrationForm] = meta(
        "IntegrationForm", (ChangeIntegrationForm,), {**fields, "__module__": __name__}
    )
    return form


def client_field_names(provider: Provider) -> list[str]:
    """Return the names of the fields that make up the vendor's client."""
    return list(_client_fields(provider))


def catalog_entry(integration: Integration) -> Provider | None:
    """Return the integration's provider, or None if its file is gone."""
    try:
        return integration.provider
    except NotFound:
        return None


def current_version(integration: Integration) -> ClientVersion | None:
    """Return what the vendor's slot holds now."""
    return ClientVersion.objects.filter(
        oauth_client__integration=integration,
        oauth_client__owner="vendor",
        oauth_client__current_version_id=models.F("pk"),
    ).first()


SCOPES_HELP = (
    "Default scopes are asked for unless people change them; required ones cannot be removed; "
    "allowed ones may be added. With nothing allowed, people choose from all that are described."
)


def _client_fields(provider: Provider) -> dict[str, forms.Field]:
    fields: dict[str, forms.Field] = {
        "client_id": forms.CharField(
            label=provider.client_id_label,
            required=False,
            strip=False,
            help_text=provider.client_id_hint,
            widget=forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
        )
    }
    for setting in provider.settings:
        fields[f"{SETTING}{setting.name}"] = _setting_field(setting)
    fields["client_secret"] = forms.CharField(
        label=provider.client_secret_label,
        required=False,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs=SECRET_ATTRIBUTES),
    )
    fields["secret_expires_on"] = forms.CharField(
        label=f"{provider.client_secret_label} expires on",
        required=False,
        help_text="Optional. If it has a last day, you are reminded before it.",
        widget=forms.TextInput(attrs={"type": "date"}),
    )
    return fields


def _setting_field(setting: Setting) -> forms.Field:
    around = f"{setting.prefix}…{setting.suffix}" if setting.prefix or setting.suffix else ""
    return forms.CharField(
        label=setting.label,
        required=False,
        strip=False,
        initial=setting.default,
        help_text=" ".join(filter(None, (setting.help, around))),
        widget=forms.TextInput(
            attrs={"class": "vTextField", "placeholder": setting.placeholder, "spellcheck": "false"}
        ),
    )


def _day(version: ClientVersion) -> str:
    return version.secret_expires_on.isoformat() if version.secret_expires_on else ""


def _secret_help(provider: Provider, version: ClientVersion | None) -> str:
    if version and not versions.fits(version):
        return "Enter it again: the provider's addresses are not those it was entered for."
    keep = "Leave empty to keep it." if version else provider.client_secret_hint
    return f"{secret_status(version)}. {keep}"


def _is_client_field(name: str) -> bool:
    ours = {"client_id", "client_secret", "secret_expires_on"}
    return name in ours or name.startswith(SETTING)


def _by_category() -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for provider in registry.providers():
        groups.setdefault(provider.category, []).append((provider.slug, provider.name))
    return sorted(groups.items())
