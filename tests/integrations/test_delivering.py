"""Sending webhooks: signed, in order, again until taken, and never to an address inside."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from integrations import audit, delivering, dispatching, webhooks
from integrations.models import AuditEvent, WebhookDelivery, WebhookEndpoint
from integrations.oauth.http import Transport
from tests import factories, threads
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db


class Sender:
    """A project with one endpoint, and connections that things happen to."""

    def __init__(self, url: str) -> None:
        self.project = factories.make_project()
        factories.make_integration(self.project, "gmail")
        (self.integration,) = self.project.integrations.all()
        self.user = factories.make_end_user(self.project)
        self.client = factories.make_client(self.integration, self.user)
        made = webhooks.create(project=self.project, url=url, actor="test")
        self.endpoint, self.secret = made.endpoint, made.secret.reveal()

    def connection(self) -> Any:
        return factories.make_connection(self.integration, self.user, client=self.client)

    def happen(
        self, connection: Any, action: str = "connection.disconnecting", **data: Any
    ) -> None:
        """Record an event and make its delivery."""
        with transaction.atomic():
            audit.record(
                project=self.project, actor="test", action=action, subject=connection, **data
            )
        while dispatching.dispatch(self.endpoint.pk):
            pass

    def send(self) -> bool:
        """Send the next message, however long the endpoint should rest."""
        WebhookEndpoint.objects.update(retry_at=None)
        return delivering.send_next(self.endpoint.pk)

    def due_again(self) -> None:
        """Let the time pass until everything may be tried again."""
        WebhookEndpoint.objects.update(retry_at=None)
        WebhookDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))

    def delivery(self) -> WebhookDelivery:
        return WebhookDelivery.objects.get()

    def fresh(self) -> WebhookEndpoint:
        self.endpoint.refresh_from_db()
        return self.endpoint


@pytest.fixture
def sender(receiver: Receiver) -> Sender:
    """A project whose endpoint is the receiver."""
    return Sender(receiver.url)


def test_a_message_arrives_signed_and_once(sender, receiver):
    sender.happen(sender.connection())
    assert delivering.due(10) == [sender.endpoint.pk]
    assert sender.send()
    (request,) = receiver.requests
    payload = request.verified(sender.secret)
    assert payload["type"] == "connection.disconnected"
    delivery = sender.delivery()
    assert request.headers["webhook-id"] == delivery.message_id
    assert request.headers["content-type"] == "application/json"
    assert (delivery.status, delivery.tries, delivery.last_status) == ("DELIVERED", 1, 204)
    assert not sender.send()
    assert delivering.due(10) == []


def test_what_was_recorded_about_another_key_does_not_verify(sender, receiver):
    sender.happen(sender.connection())
    sender.send()
    other = webhooks.create(project=sender.project, url=receiver.url, actor="test")
    with pytest.raises(WebhookVerificationError):
        receiver.requests[0].verified(other.secret.reveal())


def test_both_secrets_verify_while_one_is_exchanged(sender, receiver):
    new = webhooks.rotate_secret(endpoint=sender.endpoint, actor="test").secret.reveal()
    sender.happen(sender.connection())
    sender.send()
    for secret in (sender.secret, new):
        receiver.requests[0].verified(secret)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 502, 503])
def test_a_refusal_is_tried_again_later(sender, receiver, status):
    receiver.answer = lambda received: status
    sender.happen(sender.connection())
    assert not sender.send()
    delivery, endpoint = sender.delivery(), sender.fresh()
    assert (delivery.status, delivery.last_status, delivery.last_error) == (
        "PENDING",
        status,
        "refused",
    )
    assert delivery.next_at > timezone.now() + timedelta(seconds=2)
    assert (endpoint.failures, endpoint.is_active) == (1, True)
    assert endpoint.failing_since is not None
    assert endpoint.retry_at > timezone.now()
    assert delivering.due(10) == delivering.due(10, failing=True) == []


def test_a_retry_has_the_same_id_and_body_and_a_new_time(sender, receiver):
    receiver.answer = lambda received: 500
    sender.happen(sender.connection())
    sender.send()
    sender.due_again()
    assert delivering.due(10, failing=True) == [sender.endpoint.pk]
    receiver.answer = lambda received: 200
    assert sender.send()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    second.verified(sender.secret)
    endpoint = sender.fresh()
    assert (endpoint.failures, endpoint.failing_since, endpoint.retry_at) == (0, None, None)


def test_the_pauses_grow_and_differ(sender):
    pauses = [[delivering._spread(delivering.BACK_OFF, n) for n in range(1, 12)] for _ in "ab"]
    assert all(
        later > earlier for earlier, later in zip(pauses[0][:8], pauses[0][1:9], strict=True)
    )
    assert pauses[0] != pauses[1]
    assert sum(delivering.BACK_OFF) < 3 * 86_400 < sum(delivering.BACK_OFF) + 5 * 43_200


def test_a_redirect_is_not_followed(sender, receiver):
    receiver.answer = lambda received: 307
    receiver.headers = {"Location": f"{receiver.url}/elsewhere"}
    sender.happen(sender.connection())
    assert not sender.send()
    assert [request.path for request in receiver.requests] == ["/hooks"]
    assert sender.delivery().last_error == "provider_redirect"


def test_an_answer_without_end_is_cut_and_counts_as_failed(sender, receiver):
    receiver.answer, receiver.body = lambda received: 200, b"x" * 70_000
    sender.happen(sender.connection())
    assert not sender.send()
    assert sender.delivery().last_error == "provider_bad_response"


def test_a_receiver_that_does_not_answer_is_left_at_the_deadline(sender, receiver, monkeypatch):
    def slow(received: object) -> int:
        time.sleep(0.3)
        return 204

    quick = Transport(allow=delivering.settings.OUTBOUND_ALLOW_CIDRS, deadline=0.1)
    monkeypatch.setattr(delivering, "_transport", lambda: quick)
    receiver.answer = slow
    sender.happen(sender.connection())
    assert not sender.send()
    delivery = sender.delivery()
    assert (delivery.last_status, delivery.last_error) == (None, "provider_timeout")


def test_nothing_listening_is_a_failure_like_others(sender, receiver):
    WebhookEndpoint.objects.update(url="http://127.0.0.1:1/hooks")
    sender.happen(sender.connection())
    assert not sender.send()
    assert (sender.delivery().last_error, receiver.requests) == ("provider_unreachable", [])


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hooks",
        "http://127.0.0.1:{port}/hooks",
        "http://localhost:{port}/hooks",
        "http://0.0.0.0:{port}/hooks",
    ],
)
def test_an_address_inside_is_refused_at_each_call(sender, receiver, monkeypatch, url):
    # As in production, where no address range is allowed; a name may lead inside at any time.
    monkeypatch.setattr(delivering, "_transport", lambda: Transport(deadline=1))
    port = receiver.url.split(":")[2].split("/")[0]
    WebhookEndpoint.objects.update(url=url.format(port=port))
    sender.happen(sender.connection())
    assert not sender.send()
    assert sender.delivery().last_error == "provider_address_refused"
    assert receiver.requests == []


def test_retry_after_is_honoured(sender, receiver):
    receiver.answer, receiver.headers = lambda received: 503, {"Retry-After": "7200"}
    sender.happen(sender.connection())
    sender_now = timezone.now()
    assert not delivering.send_next(sender.endpoint.pk)
    later = sender_now + timedelta(seconds=7190)
    assert sender.delivery().next_at > later
    assert sender.fresh().retry_at > later


@pytest.mark.parametrize("value", ["soon", "-5", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 30, ""])
def test_a_retry_after_that_is_no_number_of_seconds_changes_nothing(sender, receiver, value):
    receiver.answer, receiver.headers = lambda received: 503, {"Retry-After": value}
    sender.happen(sender.connection())
    sender.send()
    assert sender.delivery().next_at < timezone.now() + timedelta(seconds=10)


def test_a_retry_after_of_years_is_a_day(sender, receiver):
    receiver.answer, receiver.headers = lambda received: 503, {"Retry-After": "99999999"}
    sender.happen(sender.connection())
    sender.send()
    delivery = sender.delivery()
    assert delivery.status == "PENDING"
    assert delivery.next_at < timezone.now() + timedelta(days=1, minutes=1)


def test_gone_stops_the_endpoint_at_once(sender, receiver):
    receiver.answer = lambda received: 410
    sender.happen(sender.connection())
    sender.happen(sender.connection())
    assert not sender.send()
    assert not sender.send()
    assert (sender.fresh().is_active, sender.endpoint.stopped_reason) == (False, "gone")
    assert len(receiver.requests) == 1
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"FAILED"}
    assert AuditEvent.objects.get(action="webhook.stopped").data["reason"] == "gone"


def test_an_endpoint_that_failed_for_three_days_is_switched_off(sender, receiver):
    receiver.answer = lambda received: 500
    sender.happen(sender.connection())
    sender.send()
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=3, seconds=1))
    sender.due_again()
    sender.send()
    assert sender.fresh().stopped_reason == "failing"
    assert AuditEvent.objects.get(action="webhook.stopped").data["severity"] == "high"


def test_an_endpoint_that_failed_for_less_goes_on(sender, receiver):
    receiver.answer = lambda received: 500
    sender.happen(sender.connection())
    sender.send()
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=2, hours=23))
    sender.due_again()
    sender.send()
    assert sender.fresh().is_active


def test_a_message_is_given_up_after_three_days_and_can_be_replayed(sender, receiver):
    receiver.answer = lambda received: 500
    sender.happen(sender.connection())
    WebhookDelivery.objects.update(give_up_at=timezone.now() + timedelta(seconds=1))
    sender.send()
    assert sender.delivery().status == "FAILED"
    receiver.answer = lambda received: 200
    assert webhooks.replay(delivery=sender.delivery(), actor="admin:a")
    assert sender.send()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_what_happened_to_one_connection_is_told_in_order(sender, receiver):
    first, other = sender.connection(), sender.connection()
    for action in ("connection.created", "connection.disconnecting"):
        sender.happen(first, action, status="VALID")
    sender.happen(other, "connection.created", status="VALID")
    receiver.answer = lambda received: 500 if len(receiver.requests) == 1 else 200
    assert not sender.send()
    # The second message of this connection waits for its first; another connection does not.
    assert sender.send()
    assert not sender.send()
    sender.due_again()
    assert sender.send()
    assert sender.send()
    told = [
        (each.data["type"], each.data["data"]["connection"]["id"]) for each in receiver.requests
    ]
    assert told == [
        ("connection.created", str(first.pk)),
        ("connection.created", str(other.pk)),
        ("connection.created", str(first.pk)),
        ("connection.disconnected", str(first.pk)),
    ]


def test_a_message_that_was_given_up_holds_up_no_later_one(sender, receiver):
    connection = sender.connection()
    sender.happen(connection, "connection.created", status="VALID")
    sender.happen(connection, "connection.disconnecting")
    WebhookDelivery.objects.filter(event_type="connection.created").update(status="FAILED")
    assert sender.send()
    assert receiver.types() == ["connection.disconnected"]


def test_a_worker_killed_while_sending_leaves_a_lease_that_ends(sender, receiver):
    sender.happen(sender.connection())
    claimed = delivering._claimed(sender.endpoint)
    assert claimed is not None
    assert not sender.send()
    assert delivering.due(10) == []
    ended = timezone.now() - timedelta(seconds=1)
    WebhookDelivery.objects.update(lease_until=ended)
    assert sender.send()
    assert (len(receiver.requests), sender.delivery().tries) == (1, 2)


def test_a_sender_that_comes_back_late_changes_nothing(sender, receiver):
    sender.happen(sender.connection())
    slow = delivering._claimed(sender.endpoint)
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sender.send()
    delivering._keep(slow, delivering.Outcome(500, "refused"))
    delivery = sender.delivery()
    assert (delivery.status, delivery.last_status, delivery.last_error) == ("DELIVERED", 204, "")


def test_a_switched_off_endpoint_is_not_called(sender, receiver):
    sender.happen(sender.connection())
    webhooks.stop(endpoint=sender.endpoint, reason="off", actor="test")
    assert not sender.send()
    assert receiver.requests == []


def test_a_resting_endpoint_is_not_called(sender, receiver):
    sender.happen(sender.connection())
    WebhookEndpoint.objects.update(retry_at=timezone.now() + timedelta(minutes=1))
    assert not delivering.send_next(sender.endpoint.pk)
    assert receiver.requests == []


def test_a_secret_that_cannot_be_opened_is_a_failure_not_an_unsigned_message(sender, receiver):
    other = webhooks.create(project=sender.project, url=receiver.url, actor="test").endpoint
    stolen = WebhookEndpoint.objects.values_list("secret", flat=True).get(pk=other.pk)
    WebhookEndpoint.objects.filter(pk=sender.endpoint.pk).update(secret=stolen)
    sender.happen(sender.connection())
    assert not sender.send()
    assert WebhookDelivery.objects.get(endpoint=sender.endpoint).last_error == "integrity_error"
    assert receiver.requests == []


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_each_message_once(receiver):
    sender = Sender(receiver.url)
    for _ in range(4):
        sender.happen(sender.connection())

    def work() -> int:
        return sum(delivering.send_next(sender.endpoint.pk) for _ in range(6))

    assert sum(threads.at_once(4, work)) == 4
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 4
