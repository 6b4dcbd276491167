"""What can be done with a webhook endpoint, each after a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django import forms

from integrations import webhooks
from integrations.models import WebhookEndpoint

CHANGE = "change_webhookendpoint"
REASONS = {
    "off": "switched off",
    "gone": "stopped: it answered 410",
    "failing": "stopped: it failed for three days",
}


@dataclass(frozen=True)
class Act:
    """Something to do with an endpoint after a question; `offered` says when it makes sense."""

    title: str
    question: str
    consequence: str
    done: str
    run: Callable[[WebhookEndpoint, str], object] | None
    offered: Callable[[WebhookEndpoint], bool]


ACTS = {
    "rotate": Act(
        "Rotate the secret",
        "Make a new signing secret for",
        "The secret there is now stays valid beside it for 24 hours.",
        "",
        lambda row, who: webhooks.rotate_secret(endpoint=row, actor=who),
        lambda row: bool(row.pk),
    ),
    "drop-previous": Act(
        "Drop the previous secret",
        "Stop signing with the previous secret for",
        "A receiver that still checks with it refuses messages from now on.",
        "Messages are signed with the current secret only.",
        lambda row, who: webhooks.drop_previous_secret(endpoint=row, actor=who),
        lambda row: row.previous_secret is not None,
    ),
    "switch-off": Act(
        "Switch off",
        "Stop sending to",
        "What waits to be sent is kept as failed, so that you can send it again.",
        "The endpoint was switched off.",
        lambda row, who: webhooks.stop(endpoint=row, reason="off", actor=who),
        lambda row: row.is_active,
    ),
    "switch-on": Act(
        "Switch on",
        "Send again to",
        "It also gets what happened meanwhile, for up to seven days back.",
        "The endpoint was switched on.",
        lambda row, who: webhooks.switch_on(endpoint=row, actor=who),
        lambda row: not row.is_active,
    ),
    "replay": Act(
        "Send again what failed",
        "Send again what failed to reach",
        "Each message keeps its id, so that a receiver can tell what it has.",
        "",
        None,
        lambda row: row.is_active,
    ),
}


class SinceForm(forms.Form):
    """How far back to go."""

    hours = forms.TypedChoiceField(
        label="Failed in the last",
        coerce=int,
        choices=[(1, "hour"), (24, "day"), (72, "three days"), (720, "thirty days")],
        initial=72,
    )
