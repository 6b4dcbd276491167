"""Webhook endpoints: where a project's events are sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from integrations import webhooks
from integrations.admin.base import (
    CSS,
    JS,
    ModelForm,
    OneAtATime,
    actor,
    listed,
    page,
    plain,
    required_object,
)
from integrations.admin.webhook_acts import ACTS, CHANGE, REASONS, Act, SinceForm
from integrations.errors import InvalidInput
from integrations.models import WebhookEndpoint
from integrations.secret import Secret


class EndpointForm(ModelForm):
    """Where to and what. The address is never shown whole again: it may hold a token."""

    url = forms.CharField(label="URL", widget=forms.URLInput(attrs={"class": "vURLField"}))
    event_types = forms.MultipleChoiceField(
        required=False,
        choices=[(name, name) for name in webhooks.EVENT_TYPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen means all, also types that are added later.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("project", "url", "event_types")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["url"] = ""
        if not self.instance._state.adding and "url" in self.fields:
            self.fields["url"].required = False
            self.fields["url"].help_text = "Leave this empty to keep the address there is."

    def clean_url(self) -> str:
        """Refuse an address that may not be called."""
        value: str = self.cleaned_data["url"]
        try:
            return webhooks.cleaned_url(value) if value else self.instance.url
        except InvalidInput as error:
            raise ValidationError(error.errors[0].message) from None


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OneAtATime):
    """Where a project's events are sent."""

    form = EndpointForm
    change_form_template = "admin/integrations/webhook/change_form.html"
    list_display = ("origin_text", "project", "state", "failures", "failing_since", "created_at")
    list_select_related = ("project",)
    list_filter = ("is_active", "project")
    ordering = ("-created_at",)
    shown = ("address", "state", "failures", "failing_since", "retry_at", "secrets", "see_also")

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that ask before they act."""
        own = path(
            "<uuid:pk>/<slug:act>/",
            self.admin_site.admin_view(self.act_view),
            name="integrations_webhookendpoint_act",
        )
        return [*super().get_urls()[:-1], own, super().get_urls()[-1]]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for the project first, and show the state later."""
        return ("project", *self.shown, "url", "event_types") if obj else EndpointForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """An endpoint stays with its project."""
        return ("project", *self.shown) if obj else ()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say which endpoints were stopped without anybody asking for it."""
        rows = self.get_queryset(request).exclude(stopped_reason__in=("", "off"))
        for row in rows[:5]:
            text = f"{row.origin} of {row.project} was {REASONS[row.stopped_reason]}."
            messages.warning(request, text)
        return super().changelist_view(request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer what can be done now."""
        row: Any = self.get_object(request, object_id)
        may = request.user.has_perm(f"integrations.{CHANGE}")
        known = ACTS.items() if may and row else ()
        acts = [(name, act.title) for name, act in known if act.offered(row)]
        kwargs["extra_context"] = {**(kwargs.get("extra_context") or {}), "acts": acts}
        return super().change_view(request, object_id, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Create or change through the domain, which records who did it."""
        chosen = {"url": form.cleaned_data["url"], "event_types": form.cleaned_data["event_types"]}
        if change:
            row = WebhookEndpoint.objects.get(pk=obj.pk)
            webhooks.change(endpoint=row, actor=actor(request), **chosen)
            return
        made = webhooks.create(project=obj.project, actor=actor(request), **chosen)
        obj.pk, obj._state.adding = made.endpoint.pk, False
        # On this request's own object: the admin's is shared by all requests.
        obj.shown_once = made.secret

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in the answer: no page can repeat it."""
        return self._secret_page(request, obj, obj.shown_once, "Endpoint created")

    def act_view(self, request: HttpRequest, pk: UUID, act: str) -> HttpResponse:
        """Ask, then do it."""
        row: WebhookEndpoint = required_object(self, request, pk, "change")
        if act not in ACTS or not ACTS[act].offered(row):
            raise Http404
        form = SinceForm(request.POST or None) if act == "replay" else None
        if request.method != "POST" or (form and not form.is_valid()):
            return self._question(request, row, ACTS[act], form)
        return self._acted(request, row, act, form)

    def _acted(
        self, request: HttpRequest, row: WebhookEndpoint, act: str, form: SinceForm | None
    ) -> HttpResponse:
        self.log_change(request, row, ACTS[act].title)
        if form:
            since = timezone.now() - timedelta(hours=form.cleaned_data["hours"])
            count = webhooks.replay_failed(endpoint=row, since=since, actor=actor(request))
            messages.success(request, f"{count} messages will be sent again.")
            return _back(row)
        run = ACTS[act].run
        result = run(row, actor(request)) if run else None
        if isinstance(result, webhooks.NewSecret):
            return self._secret_page(request, row, result.secret, ACTS[act].title, overlap=True)
        messages.success(request, ACTS[act].done)
        return _back(row)

    def _question(
        self, request: HttpRequest, row: WebhookEndpoint, act: Act, form: SinceForm | None
    ) -> HttpResponse:
        return page(
            self,
            request,
            "webhook/confirm.html",
            title=act.title,
            original=row,
            question=act.question,
            consequence=act.consequence,
            form=form,
            back=reverse("admin:integrations_webhookendpoint_change", args=[row.pk]),
        )

    def _secret_page(
        self,
        request: HttpRequest,
        row: WebhookEndpoint,
        secret: Secret,
        title: str,
        *,
        overlap: bool = False,
    ) -> HttpResponse:
        return page(
            self,
            request,
            "webhook/secret.html",
            title=title,
            original=row,
            secret=secret.reveal(),
            overlap=overlap,
        )

    @admin.display(description="endpoint", ordering="url")
    def origin_text(self, row: WebhookEndpoint) -> str:
        """Where it is, without the path."""
        return plain(row.origin)

    @admin.display(description="address")
    def address(self, row: WebhookEndpoint) -> str:
        """Where it is, without the path."""
        return plain(row.origin)

    @admin.display(description="state")
    def state(self, row: WebhookEndpoint) -> str:
        """Whether it is sent to, and if not, why."""
        if not row.is_active:
            return REASONS.get(row.stopped_reason, row.stopped_reason)
        return "failing" if row.failing_since else "on"

    @admin.display(description="signing secrets")
    def secrets(self, row: WebhookEndpoint) -> str:
        """How many secrets sign, never which."""
        if row.previous_expires_at is None:
            return "one"
        return f"two, the previous one until {row.previous_expires_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="see also")
    def see_also(self, row: WebhookEndpoint) -> str:
        """A link to its deliveries."""
        return listed("webhookdelivery", "Deliveries", endpoint__id__exact=row.pk)

    class Media:
        css = CSS
        js = JS


def _back(row: WebhookEndpoint) -> HttpResponse:
    return redirect(reverse("admin:integrations_webhookendpoint_change", args=[row.pk]))
