"""What became of each webhook message, and sending one again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from integrations import webhooks
from integrations.admin.base import (
    CSS,
    NOTHING,
    ReadOnlyAdmin,
    actor,
    link,
    page,
    require_right,
    required_object,
)
from integrations.admin.webhook_acts import CHANGE
from integrations.models import WebhookDelivery


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What became of each message. What it said is in the audit log."""

    change_form_template = "admin/integrations/webhook/delivery.html"
    list_display = ("event_type", "endpoint", "status", "tries", "answer", "last_tried_at", "due")
    list_select_related = ("endpoint",)
    list_filter = ("status", "event_type", "endpoint")
    search_fields = ("=message_id", "=subject")
    search_help_text = "Search by message id, connection id, flow id or client id."
    ordering = ("-created_at",)
    fields = (
        "event_type",
        "endpoint_link",
        "event_link",
        "message_id",
        "subject",
        "status",
        "tries",
        "answer",
        "last_tried_at",
        "due",
        "give_up_at",
        "created_at",
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before sending again."""
        own = path(
            "<uuid:pk>/replay/",
            self.admin_site.admin_view(self.replay_view),
            name="integrations_webhookdelivery_replay",
        )
        return [own, *super().get_urls()]

    def replay_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask, then send one message again."""
        row: WebhookDelivery = required_object(self, request, pk, "view")
        require_right(request, CHANGE)
        back = reverse("admin:integrations_webhookdelivery_change", args=[pk])
        if request.method != "POST":
            return page(
                self,
                request,
                "webhook/confirm.html",
                title="Send again",
                original=row,
                question="Send again",
                consequence="The message keeps its id and its content.",
                back=back,
            )
        if webhooks.replay(delivery=row, actor=actor(request)):
            messages.success(request, "The message will be sent again.")
        else:
            messages.info(request, "The message waits to be sent already.")
        return redirect(back)

    @admin.display(description="answer")
    def answer(self, row: WebhookDelivery) -> str:
        """The last answer's status, or why there was none."""
        return str(row.last_status or row.last_error or NOTHING)

    @admin.display(description="next try")
    def due(self, row: WebhookDelivery) -> Any:
        """When it is tried next, if it is."""
        return row.next_at if row.status == WebhookDelivery.Status.PENDING else NOTHING

    @admin.display(description="endpoint")
    def endpoint_link(self, row: WebhookDelivery) -> str:
        """A link to the endpoint."""
        return link(row.endpoint)

    @admin.display(description="audit event")
    def event_link(self, row: WebhookDelivery) -> str:
        """A link to the event that it tells of."""
        return link(row.event)

    class Media:
        css = CSS
