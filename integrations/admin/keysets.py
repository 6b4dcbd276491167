"""The page where a project says at which address it publishes its signing keys."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from integrations import keysets
from integrations.addresses import MAX_URL
from integrations.admin.base import OneAtATime, actor, page, require_right, required_object
from integrations.errors import InvalidInput
from integrations.models import KeySet, Project

INTRODUCTION = (
    "If your backend publishes its public keys as a JWK Set, they need not be added here one by "
    "one. The set is read at most once a minute; a key that leaves it ends the visits it opened. "
    "If the set cannot be read, keys read before stay good for a day."
)


class KeySetForm(forms.Form):
    """Where the keys are."""

    url = forms.CharField(
        label="Key set URL",
        required=False,
        max_length=MAX_URL,
        widget=forms.URLInput(attrs={"class": "vURLField", "spellcheck": "false"}),
        help_text="Such as https://acme.example/.well-known/jwks.json. Empty: no published keys.",
    )


class KeySetPage(OneAtATime):
    """The page, for the admin of projects."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page below a project's own."""
        view = self.admin_site.admin_view(self.key_set_view)
        name = "integrations_project_key_set"
        return [path("<uuid:pk>/key-set/", view, name=name), *super().get_urls()]

    def key_set_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for the address, and say when the set was last read."""
        project: Project = required_object(self, request, pk, "change")
        require_right(request, "change_keyset")
        key_set = KeySet.objects.filter(project=project).first()
        form = KeySetForm(request.POST or None, initial={"url": key_set.url if key_set else ""})
        if request.method == "POST" and form.is_valid():
            try:
                url = form.cleaned_data["url"]
                keysets.publish_at(project=project, url=url, actor=actor(request))
            except InvalidInput as error:
                for item in error.errors:
                    form.add_error(item.field, item.message)
            else:
                self.log_change(request, project, "Changed the key set URL")
                messages.success(request, "The key set URL was saved.")
                return redirect(reverse("admin:integrations_project_change", args=[project.pk]))
        return page(
            self,
            request,
            "project/key_form.html",
            title="Published signing keys",
            original=project,
            form=form,
            introduction=f"{INTRODUCTION} {_state(key_set)}",
            submit="Save",
        )


def _state(key_set: KeySet | None) -> str:
    if key_set is None:
        return ""
    if key_set.fetched_at is None and not key_set.failure:
        return "It has not been needed yet."
    read = f"{key_set.fetched_at:%Y-%m-%d %H:%M} UTC" if key_set.fetched_at else "never"
    return f"Last read: {read}." + (f" Last failure: {key_set.failure}." if key_set.failure else "")
