"""Pages that create, add and revoke a project's keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters

from integrations import apikeys, keys
from integrations.admin.api_keys import ApiKeyForm
from integrations.admin.base import (
    NOTHING,
    OneAtATime,
    ReadOnlyInline,
    actor,
    page,
    require_right,
    required_object,
)
from integrations.errors import InvalidInput
from integrations.models import ApiKey, Project, SigningKey
from integrations.models.projects import API_SCOPES

KINDS: dict[str, tuple[type[ApiKey | SigningKey], str, str]] = {
    "api-keys": (ApiKey, "API key", "Calls that use it are refused from now on."),
    "signing-keys": (
        SigningKey,
        "signing key",
        "User tokens signed with it are refused from now on.",
    ),
}


API_KEY_TEXT = "Your backend uses an API key to read connections and to get access tokens."
ALGORITHMS = [(value, value) for value in SigningKey.Algorithm.values]
SIGNING_KEY_TEXT = (
    "Your backend signs the tokens that say who the user is. Paste the public half of its key; "
    "the private half stays with you."
)


class SigningKeyForm(forms.Form):
    """A public key of the vendor's backend."""

    alg = forms.ChoiceField(label="Algorithm", choices=ALGORITHMS)
    kid = forms.CharField(
        label="Key id",
        required=False,
        max_length=64,
        help_text="The kid in the header of your tokens. Left empty, it is made from the key.",
    )
    public_key = forms.CharField(
        label="Public key (PEM)",
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 10, "class": "vLargeTextField", "spellcheck": "false"}
        ),
        help_text="Make it from your private key with: openssl pkey -in private.pem -pubout",
    )

    def refuse(self, error: InvalidInput) -> None:
        """Show what the domain refused, without the key: it may have been a private one."""
        for item in error.errors:
            self.add_error(item.field, item.message)
        typed: Any = self.data
        kept = typed.copy()
        kept["public_key"] = ""
        self.data = kept


def revoke_link(kind: str, row: ApiKey | SigningKey) -> str:
    """Return a link to the page that asks before revoking, if there is something to revoke."""
    if row.revoked_at:
        return NOTHING
    url = reverse("admin:integrations_project_key_revoke", args=[row.project_id, kind, row.pk])
    return format_html('<a href="{}">Revoke</a>', url)


class ApiKeyInline(ReadOnlyInline):
    """API keys, by their first characters."""

    model = ApiKey
    verbose_name_plural = "API keys"
    fields = ("name", "prefix", "may", "expires_at", "last_used_at", "revoked_at", "revoke")
    readonly_fields = fields
    ordering = ("-created_at",)

    def may(self, row: ApiKey) -> str:
        """What the key is for, and from where it is used."""
        everything = set(row.scopes) >= set(API_SCOPES)
        what = "everything" if everything else ", ".join(row.scopes)
        return f"{what}; from {', '.join(row.allowed_addresses) or 'anywhere'}"

    def revoke(self, row: ApiKey) -> str:
        """Links to the pages that ask before revoking, and before a frozen key works again."""
        links = revoke_link("api-keys", row)
        if row.frozen_at is None or row.revoked_at:
            return links
        url = reverse("admin:integrations_project_api_key_thaw", args=[row.project_id, row.pk])
        return format_html('Frozen. <a href="{}">Let it work again</a> · {}', url, links)


class SigningKeyInline(ReadOnlyInline):
    """Signing keys."""

    model = SigningKey
    fields = ("kid", "algorithm", "source", "created_at", "revoked_at", "revoke")
    readonly_fields = fields
    ordering = ("-created_at",)

    def source(self, row: SigningKey) -> str:
        """Whether the key was added here or read from the project's key set."""
        return "key set" if row.from_key_set else "added here"

    def algorithm(self, row: SigningKey) -> str:
        """The algorithm as RFC 7518 writes it."""
        return row.alg

    def revoke(self, row: SigningKey) -> str:
        """A link to the page that asks before revoking."""
        return revoke_link("signing-keys", row)


class KeyPages(OneAtATime):
    """The pages, for the admin of projects."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages below a project's own."""
        wrap = self.admin_site.admin_view
        return [
            path(
                "<uuid:pk>/api-keys/add/",
                wrap(self.api_key_view),
                name="integrations_project_api_key_add",
            ),
            path(
                "<uuid:pk>/api-keys/<uuid:key_pk>/thaw/",
                wrap(self.thaw_view),
                name="integrations_project_api_key_thaw",
            ),
            path(
                "<uuid:pk>/signing-keys/add/",
                wrap(self.signing_key_view),
                name="integrations_project_signing_key_add",
            ),
            path(
                "<uuid:pk>/<slug:kind>/<str:key_pk>/revoke/",
                wrap(self.revoke_view),
                name="integrations_project_key_revoke",
            ),
            *super().get_urls(),
        ]

    def api_key_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Create a key and show it in the answer: it is never stored, so no page can repeat it."""
        project = self._project(request, pk, "add_apikey")
        form = ApiKeyForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._key_form(request, project, form, "Create API key", API_KEY_TEXT)
        name, policy = form.cleaned_data["name"], form.cleaned_data["policy"]
        created = keys.create_api_key(
            project=project, name=name, actor=actor(request), policy=policy
        )
        self._note(request, project, f"Created API key {created.row.prefix}…")
        return page(
            self,
            request,
            "project/key_created.html",
            title="API key created",
            original=project,
            name=name,
            key=created.key.reveal(),
        )

    @method_decorator(sensitive_post_parameters("public_key"))
    def signing_key_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Add a public key."""
        project = self._project(request, pk, "add_signingkey")
        form = SigningKeyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                row = _added(project, form.cleaned_data, actor(request))
            except InvalidInput as error:
                form.refuse(error)
            else:
                self._note(request, project, f"Added signing key {row.kid}")
                messages.success(request, f"The signing key {row.kid} was added.")
                return _back(project)
        return self._key_form(request, project, form, "Add signing key", SIGNING_KEY_TEXT)

    def revoke_view(self, request: HttpRequest, pk: UUID, kind: str, key_pk: str) -> HttpResponse:
        """Ask, then revoke one of the project's own keys."""
        right = "change_apikey" if kind == "api-keys" else "change_signingkey"
        project = self._project(request, pk, right)
        key, words, consequence = _found(project, kind, key_pk)
        if request.method != "POST":
            return page(
                self,
                request,
                "project/key_revoke.html",
                title=f"Revoke {words}",
                original=project,
                key=key,
                kind=words,
                consequence=consequence,
            )
        keys.revoke(key=key, actor=actor(request))
        self._note(request, project, f"Revoked {words} {key}")
        messages.success(request, f"The {words} {key} was revoked.")
        return _back(project)

    def _project(self, request: HttpRequest, pk: UUID, right: str) -> Project:
        """Return a project whose keys the person may change. Raises Http404, PermissionDenied."""
        project: Project = required_object(self, request, pk, "change")
        require_right(request, right)
        return project

    def thaw_view(self, request: HttpRequest, pk: UUID, key_pk: UUID) -> HttpResponse:
        """Ask, then let a frozen API key work again."""
        project = self._project(request, pk, "add_apikey")
        key = get_object_or_404(ApiKey, project=project, pk=key_pk)
        if request.method != "POST":
            title, template = "Let an API key work again", "project/key_thaw.html"
            return page(self, request, template, title=title, original=project, key=key)
        apikeys.thaw(key=key, actor=actor(request))
        self._note(request, project, f"Let API key {key} work again")
        messages.success(request, f"The API key {key} works again.")
        return _back(project)

    def _key_form(
        self, request: HttpRequest, project: Project, form: forms.Form, title: str, text: str
    ) -> HttpResponse:
        return page(
            self,
            request,
            "project/key_form.html",
            title=title,
            original=project,
            form=form,
            introduction=text,
            submit=title,
        )

    def _note(self, request: HttpRequest, project: Project, message: str) -> None:
        self.log_change(request, project, message)


def _added(project: Project, data: dict[str, Any], who: str) -> SigningKey:
    return keys.add_signing_key(
        project=project, kid=data["kid"], alg=data["alg"], pem=data["public_key"], actor=who
    )


def _found(project: Project, kind: str, key_pk: str) -> tuple[ApiKey | SigningKey, str, str]:
    if kind not in KINDS:
        raise Http404
    model, words, consequence = KINDS[kind]
    try:
        key: Any = get_object_or_404(model, project=project, pk=key_pk)
    except (ValueError, ValidationError):
        raise Http404 from None
    return key, words, consequence


def _back(project: Project) -> HttpResponse:
    return redirect(reverse("admin:integrations_project_change", args=[project.pk]))
