"""Webhook endpoints: who may be called, which secrets sign, what stops and what is sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from integrations import audit, dispatching, webhooks
from integrations.errors import InvalidInput, SealBroken
from integrations.models import AuditEvent, WebhookDelivery, WebhookEndpoint
from tests import factories

pytestmark = pytest.mark.django_db

URL = "https://hooks.acme.example/portal?token=receivers-own"
BODY = '{"type":"connection.created"}'


@pytest.fixture
def project():
    """A project with one integration."""
    project = factories.make_project()
    factories.make_integration(project)
    return project


@pytest.fixture
def made(project):
    """A new endpoint, with its secret."""
    return webhooks.create(project=project, url=URL, actor="test")


@pytest.fixture
def endpoint(made):
    """A new endpoint."""
    return made.endpoint


def signed(endpoint: WebhookEndpoint, *, at=None, body: str = BODY) -> dict[str, str]:
    """Return the headers of a message."""
    at = at or timezone.now()
    return dict(webhooks.signatures(endpoint=endpoint, message_id="msg_1", at=at, body=body))


def failed_delivery(endpoint: WebhookEndpoint, **fields) -> WebhookDelivery:
    """Make a delivery that was given up."""
    event = AuditEvent.objects.filter(project=endpoint.project).order_by("sequence").last()
    now = timezone.now()
    given = {"status": "FAILED", "next_at": now, "give_up_at": now, "tries": 9, **fields}
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        event=event,
        sequence=event.sequence,
        payload=BODY,
        **{"event_type": "connection.created", "message_id": "msg_1", "subject": "s", **given},
    )


def events(action: str) -> list[AuditEvent]:
    """Return the events of an action."""
    return list(AuditEvent.objects.filter(action=action))


def test_a_new_endpoint_has_a_secret_that_the_library_takes(made):
    assert made.secret.reveal().startswith("whsec_")
    assert Webhook(made.secret.reveal()).verify(BODY, signed(made.endpoint)) == {
        "type": "connection.created"
    }


def test_the_secret_is_nowhere_but_in_its_sealed_column(made):
    row = WebhookEndpoint.objects.filter(pk=made.endpoint.pk).values_list()[0]
    shown = [str(row), repr(made), str(made.endpoint), str(events("webhook.created")[0].data)]
    assert not any(made.secret.reveal() in text for text in shown)
    assert made.endpoint.open_required("secret") == made.secret


def test_the_path_of_the_address_is_not_recorded_or_shown(made):
    recorded = str(events("webhook.created")[0].data)
    assert "https://hooks.acme.example" in recorded
    assert "receivers-own" not in recorded + str(made.endpoint)


def test_a_new_endpoint_begins_with_what_happens_next(endpoint):
    assert endpoint.cursor == endpoint.project.audit_head.sequence
    assert dispatching.behind(10) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://hooks.acme.example/",
        "http://hooks.acme.example/",
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://localhost/",
        "https://hooks.acme.internal/",
        "https://hooks.acme.example:8443/",
        "https://user:password@hooks.acme.example/",
        "https://hooks.acme.example/#part",
        "https://hooks.acme.example\\@evil.example/",
        "javascript:alert(1)",
        "hooks.acme.example",
    ],
)
def test_it_refuses_an_address_that_may_not_be_called(project, url):
    with pytest.raises(InvalidInput) as refused:
        webhooks.create(project=project, url=url, actor="test")
    assert refused.value.errors[0].field == "url"
    assert not WebhookEndpoint.objects.exists()


def test_plain_http_is_for_loopback_and_only_where_the_operator_allows_it(project, settings):
    webhooks.create(project=project, url="http://127.0.0.1:9/hooks", actor="test")
    settings.OUTBOUND_LOOPBACK_HTTP = False
    with pytest.raises(InvalidInput):
        webhooks.create(project=project, url="http://127.0.0.1:9/hooks", actor="test")


def test_it_refuses_an_unknown_event_type(project):
    with pytest.raises(InvalidInput) as refused:
        webhooks.create(project=project, url=URL, event_types=["connection.stolen"], actor="test")
    assert refused.value.errors[0].field == "event_types"


def test_a_changed_address_is_recorded_without_its_path(endpoint):
    url = "https://other.acme.example/secret-path"
    webhooks.change(endpoint=endpoint, url=url, event_types=["session.failed"], actor="admin:a")
    assert (endpoint.url, endpoint.event_types) == (url, ["session.failed"])
    (event,) = events("webhook.changed")
    assert (event.actor, event.data["address"]) == ("admin:a", "changed")
    assert "secret-path" not in str(event.data)


def test_an_empty_address_keeps_the_one_there_is(endpoint):
    webhooks.change(endpoint=endpoint, url="", event_types=[], actor="test")
    assert endpoint.url == URL
    assert events("webhook.changed") == []


def test_it_refuses_to_change_to_an_address_inside(endpoint):
    with pytest.raises(InvalidInput):
        webhooks.change(endpoint=endpoint, url="https://192.168.0.1/", event_types=[], actor="test")
    assert WebhookEndpoint.objects.get().url == URL


def test_two_secrets_are_live_while_one_is_exchanged(made):
    old = made.secret.reveal()
    new = webhooks.rotate_secret(endpoint=made.endpoint, actor="admin:a").secret.reveal()
    headers = signed(made.endpoint)
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    assert old != new
    assert not {old, new} & set(str(events("webhook.secret_rotated")[0].data).split("'"))


def test_the_secret_before_ends_after_a_day(made):
    webhooks.rotate_secret(endpoint=made.endpoint, actor="test")
    WebhookEndpoint.objects.update(previous_expires_at=timezone.now() - timedelta(seconds=1))
    made.endpoint.refresh_from_db()
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret.reveal()).verify(BODY, signed(made.endpoint))


def test_the_secret_before_can_be_dropped_at_once(made):
    webhooks.rotate_secret(endpoint=made.endpoint, actor="test")
    webhooks.drop_previous_secret(endpoint=made.endpoint, actor="admin:a")
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret.reveal()).verify(BODY, signed(made.endpoint))
    assert len(events("webhook.previous_secret_dropped")) == 1


def test_dropping_nothing_records_nothing(endpoint):
    webhooks.drop_previous_secret(endpoint=endpoint, actor="test")
    assert events("webhook.previous_secret_dropped") == []


def test_a_third_rotation_leaves_only_the_last_two(made):
    webhooks.rotate_secret(endpoint=made.endpoint, actor="test")
    webhooks.rotate_secret(endpoint=made.endpoint, actor="test")
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret.reveal()).verify(BODY, signed(made.endpoint))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
    ids=str,
)
def test_a_changed_message_does_not_verify(made, change):
    headers = {**signed(made.endpoint), **change}
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret.reveal()).verify(BODY, headers)


def test_a_changed_body_does_not_verify(made):
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret.reveal()).verify(BODY + " ", signed(made.endpoint))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_message_replayed_later_or_dated_ahead_does_not_verify(made, minutes):
    headers = signed(made.endpoint, at=timezone.now() + timedelta(minutes=minutes))
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret.reveal()).verify(BODY, headers)


def test_a_secret_of_another_endpoint_does_not_verify(made, project):
    other = webhooks.create(project=project, url=URL, actor="test")
    with pytest.raises(WebhookVerificationError):
        Webhook(other.secret.reveal()).verify(BODY, signed(made.endpoint))


def test_a_secret_copied_to_another_endpoint_is_refused(made, project):
    other = webhooks.create(project=project, url=URL, actor="test")
    stolen = WebhookEndpoint.objects.values_list("secret", flat=True).get(pk=made.endpoint.pk)
    WebhookEndpoint.objects.filter(pk=other.endpoint.pk).update(secret=stolen)
    with pytest.raises(SealBroken):
        signed(WebhookEndpoint.objects.get(pk=other.endpoint.pk))


def test_a_stopped_endpoint_keeps_what_was_to_be_sent_for_replay(endpoint):
    delivery = failed_delivery(endpoint, status="PENDING")
    assert webhooks.stop(endpoint=endpoint, reason="gone")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_error) == ("FAILED", "endpoint_stopped")
    (event,) = events("webhook.stopped")
    assert (event.data["reason"], event.data["severity"]) == ("gone", "high")


def test_an_endpoint_stops_once(endpoint):
    assert webhooks.stop(endpoint=endpoint, reason="gone")
    assert not webhooks.stop(endpoint=endpoint, reason="failing")
    assert len(events("webhook.stopped")) == 1


def test_switched_on_again_it_sends_what_happened_meanwhile(endpoint, project):
    webhooks.stop(endpoint=endpoint, reason="off", actor="admin:a")
    cursor = endpoint.cursor
    audit.record(project=project, actor="test", action="thing.done", subject=project)
    webhooks.switch_on(endpoint=endpoint, actor="admin:a")
    assert (endpoint.is_active, endpoint.stopped_reason, endpoint.cursor) == (True, "", cursor)
    assert dispatching.behind(10) == [endpoint.pk]


def test_switched_on_after_long_it_leaves_out_what_is_old(endpoint, project):
    webhooks.stop(endpoint=endpoint, reason="off", actor="admin:a")
    old = audit.record(project=project, actor="test", action="thing.done", subject=project)
    AuditEvent.objects.filter(sequence__lte=old.sequence).update(
        at=timezone.now() - webhooks.LOOK_BACK - timedelta(hours=1)
    )
    webhooks.switch_on(endpoint=endpoint, actor="admin:a")
    assert endpoint.cursor == old.sequence


def test_switching_on_what_is_on_changes_nothing(endpoint):
    webhooks.switch_on(endpoint=endpoint, actor="test")
    assert events("webhook.switched_on") == []


def test_a_replay_keeps_id_and_payload(endpoint):
    delivery = failed_delivery(endpoint)
    assert webhooks.replay(delivery=delivery, actor="admin:a")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.tries, delivery.message_id) == ("PENDING", 0, "msg_1")
    assert delivery.give_up_at > timezone.now() + timedelta(days=2)
    assert events("webhook.replayed")[0].actor == "admin:a"


def test_what_waits_to_be_sent_is_not_replayed(endpoint):
    assert not webhooks.replay(delivery=failed_delivery(endpoint, status="PENDING"), actor="test")
    assert events("webhook.replayed") == []


def test_all_that_failed_since_a_time_is_replayed_and_nothing_else(endpoint, project):
    other = webhooks.create(project=project, url=URL, actor="test").endpoint
    since = timezone.now() - timedelta(hours=1)
    old = failed_delivery(endpoint, event_type="a")
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=since - timedelta(hours=1))
    failed_delivery(endpoint, event_type="b", status="DELIVERED")
    failed_delivery(other, event_type="c")
    failed_delivery(endpoint, event_type="d")
    assert webhooks.replay_failed(endpoint=endpoint, since=since, actor="admin:a") == 1
    assert list(
        WebhookDelivery.objects.filter(status="PENDING").values_list("event_type", flat=True)
    ) == ["d"]
    assert events("webhook.replayed")[0].data["count"] == 1
