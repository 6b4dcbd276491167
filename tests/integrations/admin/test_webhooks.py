"""Webhooks in the admin: secrets shown once, addresses never whole, acts behind a question."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations import webhooks
from integrations.models import AuditEvent, Project, WebhookDelivery, WebhookEndpoint
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db
ADDRESS = "https://hooks.acme.example/in/token-of-the-receiver"
SHOWN = re.compile(rb'value="(whsec_[^"]+)"')
ACTS = ("rotate", "switch-off", "replay")


@pytest.fixture
def made(project: Project) -> webhooks.NewSecret:
    return webhooks.create(project=project, url=ADDRESS, actor="test")


@pytest.fixture
def endpoint(made: webhooks.NewSecret) -> WebhookEndpoint:
    return made.endpoint


@pytest.fixture
def delivery(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message that was given up."""
    event = AuditEvent.objects.filter(project=endpoint.project).order_by("-sequence")[0]
    now = timezone.now()
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event=event, sequence=event.sequence, payload='{"inner":"content"}',
        status="FAILED", next_at=now, give_up_at=now, event_type="connection.created",
        message_id="msg_1", subject="s", last_status=503, tries=9,
    )  # fmt: skip


def actors(action: str) -> list[str]:
    return list(AuditEvent.objects.filter(action=action).values_list("actor", flat=True))


def act(client: Client, endpoint: WebhookEndpoint, name: str, **form: Any) -> Any:
    return client.post(url("webhookendpoint_act", endpoint.pk, name), form)


def test_a_created_endpoint_shows_its_secret_once(admin_client: Client, project: Project) -> None:
    form = {"project": project.pk, "url": ADDRESS, "event_types": ["session.failed"]}
    answer = admin_client.post(url("webhookendpoint_add"), form)
    row = WebhookEndpoint.objects.get()
    assert [SHOWN.search(answer.content)[1].decode()] == [row.open_required("secret").reveal()]
    assert (row.url, row.event_types) == (ADDRESS, ["session.failed"])
    assert actors("webhook.created") == ["admin:admin"]
    page = admin_client.get(url("webhookendpoint_change", row.pk)).content
    assert b"whsec_" not in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""},
        {"url": "http://hooks.acme.example/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://hooks.acme.internal/"},
        {"event_types": ["connection.stolen"]},
        {"project": ""},
    ],
    ids=str,
)
def test_it_refuses_a_wrong_endpoint(
    admin_client: Client, project: Project, wrong: dict[str, Any]
) -> None:
    form = {"project": project.pk, "url": ADDRESS, **wrong}
    answer = admin_client.post(url("webhookendpoint_add"), form)
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("name", ["webhookendpoint_change", "webhookendpoint_changelist"])
def test_no_page_shows_the_path_of_the_address(
    admin_client: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery, name: str
) -> None:
    page = url(name, endpoint.pk) if name.endswith("change") else url(name)
    shown = admin_client.get(page).content
    assert b"https://hooks.acme.example" in shown
    assert b"token-of-the-receiver" not in shown


def test_an_empty_address_keeps_the_one_there_is(
    admin_client: Client, endpoint: WebhookEndpoint
) -> None:
    form = {"url": "", "event_types": ["session.failed"]}
    answer = admin_client.post(url("webhookendpoint_change", endpoint.pk), form)
    assert answer.status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.event_types) == (ADDRESS, ["session.failed"])
    assert actors("webhook.changed") == ["admin:admin"]


def test_a_wrong_new_address_changes_nothing(
    admin_client: Client, endpoint: WebhookEndpoint
) -> None:
    form = {"url": "https://127.0.0.1/"}
    page = admin_client.post(url("webhookendpoint_change", endpoint.pk), form)
    endpoint.refresh_from_db()
    assert (page.status_code, endpoint.url) == (200, ADDRESS)


def test_an_endpoint_stays_with_its_project(
    admin_client: Client, endpoint: WebhookEndpoint, project: Project
) -> None:
    from tests.factories import make_project

    form = {"url": "", "project": make_project("Globex").pk}
    admin_client.post(url("webhookendpoint_change", endpoint.pk), form)
    endpoint.refresh_from_db()
    assert endpoint.project_id == project.pk


def test_a_rotated_secret_is_shown_once(admin_client: Client, made: webhooks.NewSecret) -> None:
    answer = act(admin_client, made.endpoint, "rotate")
    made.endpoint.refresh_from_db()
    new = made.endpoint.open_required("secret").reveal()
    assert SHOWN.findall(answer.content) == [new.encode()]
    assert new != made.secret.reveal()
    assert actors("webhook.secret_rotated") == ["admin:admin"]


def test_the_previous_secret_is_dropped(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    assert act(admin_client, endpoint, "drop-previous").status_code == 404
    act(admin_client, endpoint, "rotate")
    assert act(admin_client, endpoint, "drop-previous").status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.open("previous_secret") is None


def test_off_and_on_again(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    act(admin_client, endpoint, "switch-off")
    assert act(admin_client, endpoint, "switch-off").status_code == 404
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.stopped_reason) == (False, "off")
    act(admin_client, endpoint, "switch-on")
    endpoint.refresh_from_db()
    assert endpoint.is_active
    assert actors("webhook.stopped") == actors("webhook.switched_on") == ["admin:admin"]


def test_an_endpoint_that_was_stopped_is_announced(
    admin_client: Client, endpoint: WebhookEndpoint
) -> None:
    webhooks.stop(endpoint=endpoint, reason="failing")
    assert b"failed for three days" in admin_client.get(url("webhookendpoint_changelist")).content


@pytest.mark.parametrize("name", ACTS)
def test_asking_changes_nothing(
    admin_client: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery, name: str
) -> None:
    before = WebhookEndpoint.objects.values("is_active", "previous_expires_at").get()
    recorded = AuditEvent.objects.count()
    page = admin_client.get(url("webhookendpoint_act", endpoint.pk, name))
    assert page.status_code == 200
    assert WebhookEndpoint.objects.values("is_active", "previous_expires_at").get() == before
    assert AuditEvent.objects.count() == recorded


@pytest.mark.parametrize("name", ACTS)
def test_viewers_do_nothing(
    viewer_client: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery, name: str
) -> None:
    recorded = AuditEvent.objects.count()
    assert act(viewer_client, endpoint, name, hours=1).status_code == 403
    replay = viewer_client.post(url("webhookdelivery_replay", delivery.pk))
    assert replay.status_code == 403
    assert AuditEvent.objects.count() == recorded


@pytest.mark.parametrize("name", ACTS)
def test_strangers_are_sent_to_the_login(
    client: Client, endpoint: WebhookEndpoint, name: str
) -> None:
    answer = act(client, endpoint, name)
    assert answer["Location"].startswith("/admin/login/")
    assert AuditEvent.objects.filter(actor__startswith="admin").count() == 0


def test_an_unknown_act_is_not_found(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    assert act(admin_client, endpoint, "explode").status_code == 404


def test_endpoints_are_not_deleted(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    page = f"/admin/integrations/webhookendpoint/{endpoint.pk}/delete/"
    assert admin_client.post(page, {"post": "yes"}).status_code in (403, 404)
    assert WebhookEndpoint.objects.exists()


def test_one_message_is_sent_again(admin_client: Client, delivery: WebhookDelivery) -> None:
    page = url("webhookdelivery_replay", delivery.pk)
    assert b"keeps its id" in admin_client.get(page).content
    assert admin_client.post(page).status_code == 302
    delivery.refresh_from_db()
    assert delivery.status == "PENDING"
    assert actors("webhook.replayed") == ["admin:admin"]


def test_what_failed_since_a_time_is_sent_again(
    admin_client: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(hours=5))
    act(admin_client, endpoint, "replay", hours=1)
    assert WebhookDelivery.objects.get().status == "FAILED"
    act(admin_client, endpoint, "replay", hours=24)
    assert WebhookDelivery.objects.get().status == "PENDING"


@pytest.mark.parametrize("hours", ["", "5", "-1", "x"])
def test_it_refuses_a_time_that_is_not_offered(
    admin_client: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery, hours: str
) -> None:
    assert act(admin_client, endpoint, "replay", hours=hours).status_code == 200
    assert WebhookDelivery.objects.get().status == "FAILED"


def test_deliveries_show_the_answer_and_no_content(
    admin_client: Client, delivery: WebhookDelivery
) -> None:
    for page in (url("webhookdelivery_changelist"), url("webhookdelivery_change", delivery.pk)):
        shown = admin_client.get(page).content
        assert b"503" in shown
        assert b"inner" not in shown
        assert b"token-of-the-receiver" not in shown
