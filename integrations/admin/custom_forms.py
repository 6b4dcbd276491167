"""The form in which a provider is described, and what is shown of it before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError

from integrations import definitions
from integrations.addresses import MAX_URL
from integrations.definitions import Described, Entered
from integrations.errors import InvalidInput
from integrations.models import Integration, Project

SALT, REVIEWED, CONFIRMED = "integrations.custom_provider", "reviewed", "confirmed"
VALID_FOR = 1800
CLEAN_TEXT = {"class": "vTextField", "spellcheck": "false", "autocapitalize": "off"}
SECTIONS = (
    ("", ("project", "name", "slug", "issuer")),
    (
        "Endpoints, if there is no issuer to read them from",
        (*definitions.ENDPOINTS, "auth_method"),
    ),
    ("Scopes and accounts", ("default_scopes", "account_id_path", "account_label_path")),
    ("More", ("api_base_url", "console", "pkce_off_reason")),
)
# What nobody has to look at before it is kept.
HIDDEN = (
    "category", "website", "documentation", "refresh.", "setup.minutes", "setup.role",
    "setup.steps", "setup.redirect_uri_label", "code_challenge_reason",
)  # fmt: skip


def _address(label: str, **kwargs: Any) -> forms.CharField:
    widget = forms.URLInput(attrs={"class": "vURLField", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=MAX_URL, required=False, widget=widget, **kwargs)


def _text(label: str, *, longest: int, required: bool = False, **kwargs: Any) -> forms.CharField:
    widget = forms.TextInput(attrs=CLEAN_TEXT)
    return forms.CharField(
        label=label, max_length=longest, required=required, widget=widget, **kwargs
    )


class DescribeForm(forms.Form):
    """A provider by its issuer, or by its endpoints."""

    name = _text("Name", longest=60, required=True, help_text="As people know it.")
    issuer = _address(
        "Issuer",
        help_text="Its endpoints and methods are read from what it publishes. Nothing is kept "
        "before you have seen it.",
    )
    authorization_endpoint = _address("Authorization endpoint")
    token_endpoint = _address("Token endpoint")
    revocation_endpoint = _address("Revocation endpoint")
    userinfo_endpoint = _address(
        "Userinfo endpoint", help_text="Answers with the account that a token is for."
    )
    auth_method = forms.ChoiceField(
        label="Client authentication",
        required=False,
        choices=[
            ("", "As the issuer says, or Basic"),
            *((each, each) for each in definitions.METHODS),
        ],
    )
    default_scopes = _text("Default scopes", longest=4096, help_text="With spaces between them.")
    account_id_path = _text(
        "Account id at", longest=128, help_text="Where the id stands in the answer. Left empty: sub"
    )
    account_label_path = _text(
        "Account name at", longest=255, help_text="Alternatives are separated by |."
    )
    api_base_url = _address("API address", help_text="Only if calls are passed on.")
    console = _address(
        "Where apps are registered", help_text="People who bring their own app are sent there."
    )
    pkce_off_reason = _text(
        "Do without PKCE because",
        longest=200,
        help_text="Leave this empty. Only a provider that breaks on PKCE needs a reason here.",
    )

    def entered(self) -> Entered:
        """Return what was entered, for the domain."""
        data = {name: value for name, value in self.cleaned_data.items() if value}
        endpoints = {name: data.pop(name, "") for name in definitions.ENDPOINTS}
        ours = {name: data[name] for name in data if name not in ("project", "slug")}
        return Entered(endpoints=endpoints, **ours)

    def described(self, before: Mapping[str, Any] | None) -> Described | None:
        """Return what the domain makes of it, or None with its errors on this form."""
        try:
            return definitions.described(self.entered(), before=before)
        except InvalidInput as error:
            for item in error.errors:
                self.add_error(item.field if item.field in self.fields else "issuer", item.message)
            return None

    def sections(self) -> list[tuple[str, list[Any]]]:
        """Return the fields under their headings."""
        return [
            (title, [self[name] for name in names if name in self.fields])
            for title, names in SECTIONS
        ]


class AddDescribedForm(DescribeForm):
    """The same, for a project that does not have it yet."""

    project = forms.ModelChoiceField(queryset=Project.objects.none())
    slug = forms.SlugField(
        max_length=63,
        widget=forms.TextInput(attrs=CLEAN_TEXT),
        help_text="The name your code uses. It cannot be changed later.",
    )

    def clean_slug(self) -> str:
        """Refuse what the public client misreads."""
        slug: str = self.cleaned_data["slug"]
        if "proxy" in slug:
            raise ValidationError("A slug must not contain the letters proxy. Choose another.")
        return slug


@dataclass(frozen=True)
class Reviewed:
    """What an admin was shown, signed so that nothing else is kept."""

    user: str
    project: str
    slug: str
    integration: str
    before: dict[str, Any] | None
    data: dict[str, Any]
    hosts: dict[str, list[str]]
    notices: list[str]

    def signed(self) -> str:
        """Return it for a hidden field."""
        return signing.dumps(vars(self), salt=SALT, compress=True)


def reviewed(text: str, *, user: str, integration: Integration | None) -> Reviewed | None:
    """Return what this person was shown about this integration, or None if it was another."""
    try:
        found = Reviewed(**signing.loads(text, salt=SALT, max_age=VALID_FOR))
    except (signing.BadSignature, TypeError, ValueError):
        return None
    same = found.integration == (str(integration.pk) if integration else "")
    stands = integration is None or integration.custom_provider == found.before
    return found if found.user == user and same and stands else None


def initial(integration: Integration) -> dict[str, Any]:
    """Return what the form shows of a provider that is there."""
    data: dict[str, Any] = integration.custom_provider or {}
    identity, setup = data.get("identity", {}), data.get("setup", {})
    console = setup.get("console", "")
    shown = {
        "name": data.get("name", ""),
        "issuer": data.get("issuer", ""),
        "default_scopes": " ".join(data.get("default_scopes", ())),
        "account_id_path": " ".join(identity.get("id_paths", ("sub",))),
        "account_label_path": identity.get("label_path", ""),
        "api_base_url": data.get("api", {}).get("base_url", ""),
        "console": "" if console == data.get("website") else console,
        "pkce_off_reason": data.get("code_challenge_reason", ""),
    }
    if shown["issuer"]:
        # What it says is read again.
        return shown
    own = definitions.addresses_of(data)
    method = data.get("token_endpoint_auth_method", "")
    return {**shown, **{name: own.get(name, "") for name in definitions.ENDPOINTS}} | {
        "auth_method": method
    }


def rows(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what to look at: everything about a new provider, or what is not as it was."""
    return [
        {"label": _label(each.name), "before": each.before, "after": each.after}
        for each in definitions.differences(before or {}, after)
        if not each.name.startswith(HIDDEN)
    ]


def host_rows(found: Reviewed) -> list[dict[str, str]]:
    """Return the hosts to confirm, each with what is sent there."""
    return [
        {"host": host, "fields": ", ".join(map(_label, names))}
        for host, names in found.hosts.items()
    ]


def own_host(data: Mapping[str, Any]) -> str:
    """Return the host that the admin entered."""
    return urlsplit(str(data.get("issuer") or data["authorization_endpoint"])).netloc


def _label(name: str) -> str:
    words = {
        "identity.endpoint": "Userinfo endpoint",
        "identity.id_paths": "Account id at",
        "identity.label_path": "Account name at",
        "api.base_url": "API address",
        "setup.console": "Where apps are registered",
        "token_endpoint_auth_method": "Client authentication",
        "authorization_response_iss_parameter_supported": "Answers must name the issuer",
        "code_challenge_method": "PKCE",
    }
    return words.get(name, name.replace("_", " ").capitalize())
