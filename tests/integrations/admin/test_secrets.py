"""One canary in every secret, and not one page, history entry or event that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEvent, Integration, Project
from tests.factories import Tokens, make_client, make_connection, make_end_user
from tests.integrations.admin.pages import integration_form, url

pytestmark = pytest.mark.django_db
CANARY = "canary-value-that-nobody-may-read"
MODELS = (
    "project",
    "integration",
    "oauthclient",
    "connection",
    "auditevent",
    "enduser",
    "organization",
    "flow",
)


@pytest.fixture
def filled(admin_client: Client, zendesk: Integration, gmail: Integration) -> Client:
    """Canaries entered by the vendor admin, by an end user and by a provider."""
    form = integration_form(
        zendesk, client_id="id-1", client_secret=f"{CANARY}-1", setting_subdomain="acme"
    )
    page = url("integration_change", zendesk.pk)
    assert admin_client.post(page, form).status_code == 302
    refused = {**form, "client_secret": f"{CANARY}-2", "setting_subdomain": "not a host"}
    assert admin_client.post(page, refused).status_code == 200
    end_user = make_end_user(gmail.project)
    own = make_client(gmail, end_user, secret=f"{CANARY}-3")
    tokens = Tokens(access=f"{CANARY}-4", refresh=f"{CANARY}-5")
    make_connection(gmail, end_user, client=own, tokens=tokens)
    admin_client.post(url("project_api_key_add", gmail.project_id), {"name": "Backend"})
    return admin_client


def pages(client: Client) -> Iterator[str]:
    yield reverse("admin:index")
    for model in MODELS:
        changelist = url(f"{model}_changelist")
        yield changelist
        for row in client.get(changelist).context["cl"].result_list:
            yield url(f"{model}_change", row.pk)
            yield url(f"{model}_history", row.pk)


def test_no_page_shows_a_secret(filled: Client, project: Project) -> None:
    seen = 0
    hidden = project.open_required("audit_key").reveal()
    for page in pages(filled):
        shown = filled.get(page).content.decode()
        assert CANARY not in shown, page
        assert hidden not in shown, page
        seen += 1
    assert seen > 20


def test_a_refused_form_does_not_repeat_the_secret(filled: Client, zendesk: Integration) -> None:
    form = integration_form(zendesk, client_id="", client_secret=CANARY, setting_subdomain="acme")
    shown = filled.post(url("integration_change", zendesk.pk), form).content.decode()
    assert 'name="client_secret"' in shown
    assert CANARY not in shown


def test_the_history_holds_no_secret(filled: Client) -> None:
    entries = [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    assert len(entries) >= 2
    assert not [entry for entry in entries if CANARY in entry]


def test_the_audit_log_holds_no_secret(filled: Client) -> None:
    events = [json.dumps([event.actor, event.data]) for event in AuditEvent.objects.all()]
    assert len(events) >= 5
    assert not [event for event in events if CANARY in event or "cp_live_" in event]


def test_an_error_report_leaves_the_secret_out(
    filled: Client, zendesk: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.views.debug import SafeExceptionReporterFilter

    kept = []

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("integrations.admin.integrations.audit.record", broken)
    filled.raise_request_exception = False
    form = integration_form(zendesk, client_id="id-2", client_secret=CANARY)
    form["setting_subdomain"] = "acme"
    answer = filled.post(url("integration_change", zendesk.pk), form)
    kept = SafeExceptionReporterFilter().get_post_parameters(answer.wsgi_request)
    assert answer.status_code == 500
    assert CANARY not in str(kept)
    assert "id-2" in str(kept)
