"""The vendor's own client: its secret is written and never read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from integrations import clients
from integrations.models import AuditEvent, ClientVersion, Integration
from tests.integrations.admin.pages import integration_form, url

pytestmark = pytest.mark.django_db
CANARY = "canary-secret-value-7c1d"


def save(client: Client, integration: Integration, **changed: Any) -> str:
    page = url("integration_change", integration.pk)
    answer = client.post(page, integration_form(integration, **changed))
    return "" if answer.status_code == 302 else answer.content.decode()


def set_up(client: Client, integration: Integration, **settings: str) -> ClientVersion:
    named = {f"setting_{name}": value for name, value in settings.items()}
    assert save(client, integration, client_id="id-1", client_secret=CANARY, **named) == ""
    return current(integration)


def current(integration: Integration) -> ClientVersion:
    version = clients.vendor_client(integration).current_version
    assert version is not None
    return version


def test_the_client_is_stored_as_a_version_of_the_slot(
    admin_client: Client, gmail: Integration
) -> None:
    version = set_up(admin_client, gmail)
    assert version.open_required("client_secret").reveal() == CANARY
    event = AuditEvent.objects.filter(object_id=str(version.oauth_client_id)).get()
    assert (event.action, event.actor) == ("client.created", "admin:admin")


def test_the_page_says_only_that_a_secret_is_set(admin_client: Client, gmail: Integration) -> None:
    page = url("integration_change", gmail.pk)
    assert "Not set" in admin_client.get(page).content.decode()
    set_up(admin_client, gmail)
    shown = admin_client.get(page).content.decode()
    assert re.search(r"Set, ends in 7c1d, added \d+ \w+ \d{4}\.", shown)
    assert CANARY not in shown


def test_an_empty_secret_keeps_the_saved_one(admin_client: Client, gmail: Integration) -> None:
    version = set_up(admin_client, gmail)
    assert save(admin_client, gmail, client_id="id-1", description="Mail") == ""
    assert current(gmail).pk == version.pk


def test_a_new_secret_makes_a_new_version(admin_client: Client, gmail: Integration) -> None:
    set_up(admin_client, gmail)
    assert save(admin_client, gmail, client_id="id-1", client_secret="another-secret") == ""
    assert current(gmail).number == 2
    assert current(gmail).open_required("client_secret").reveal() == "another-secret"


def test_a_changed_client_id_needs_the_secret_again(
    admin_client: Client, gmail: Integration
) -> None:
    version = set_up(admin_client, gmail)
    page = save(admin_client, gmail, client_id="id-2")
    assert "again" in page
    assert CANARY not in page
    assert current(gmail).pk == version.pk


def test_a_changed_host_needs_the_secret_again(admin_client: Client, zendesk: Integration) -> None:
    version = set_up(admin_client, zendesk, subdomain="acme")
    page = save(admin_client, zendesk, client_id="id-1", setting_subdomain="evil")
    assert "again" in page
    assert current(zendesk).pk == version.pk
    with_secret = {"client_id": "id-1", "setting_subdomain": "other", "client_secret": "new-secret"}
    assert save(admin_client, zendesk, **with_secret) == ""
    assert current(zendesk).settings["subdomain"] == "other"


@pytest.mark.parametrize("mask", ["••••••••", "********", "●●●●", "......", "···"])
def test_a_mask_is_never_a_secret(admin_client: Client, gmail: Integration, mask: str) -> None:
    version = set_up(admin_client, gmail)
    assert "only a mask" in save(admin_client, gmail, client_id="id-1", client_secret=mask)
    assert current(gmail).pk == version.pk


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_id": "id-1"}, "Enter the"),
        ({"client_secret": CANARY}, "Enter the"),
        ({"client_id": "id-1", "client_secret": "   "}, "Enter the"),
        ({"client_id": '"id-1"', "client_secret": CANARY}, "quotation marks"),
        ({"client_id": '{"web":{"client_id":"x"}}', "client_secret": CANARY}, "whole JSON"),
        ({"client_id": "id-1", "client_secret": "x" * 4097}, "at most 4096"),
    ],
)
def test_what_cannot_be_a_client_is_refused(
    admin_client: Client, gmail: Integration, changed: dict[str, str], words: str
) -> None:
    page = save(admin_client, gmail, **changed)
    assert words in page
    assert CANARY not in page
    assert not ClientVersion.objects.exists()


@pytest.mark.parametrize("subdomain", ["", "evil.com/", "www", "a b", "-x"])
def test_a_bad_setting_is_refused_at_its_field(
    admin_client: Client, zendesk: Integration, subdomain: str
) -> None:
    entered = {"client_id": "id-1", "client_secret": CANARY, "setting_subdomain": subdomain}
    page = save(admin_client, zendesk, **entered)
    assert 'class="form-row errors field-setting_subdomain"' in page
    assert not ClientVersion.objects.exists()


def test_a_refused_client_leaves_no_trace(admin_client: Client, gmail: Integration) -> None:
    before = AuditEvent.objects.count()
    save(admin_client, gmail, client_id="id-1", client_secret="••••", description="Changed")
    gmail.refresh_from_db()
    assert gmail.description == ""
    assert AuditEvent.objects.count() == before


def test_a_good_client_is_not_stored_when_another_field_is_wrong(
    admin_client: Client, gmail: Integration
) -> None:
    page = save(
        admin_client,
        gmail,
        client_id="id-1",
        client_secret=CANARY,
        **{"scope_policy-required-extra": 'x"y'},
    )
    assert page
    assert CANARY not in page
    assert not ClientVersion.objects.exists()


def test_spaces_around_a_client_id_are_removed_and_said(
    admin_client: Client, gmail: Integration
) -> None:
    form = integration_form(gmail, client_id=" id-1 ", client_secret=CANARY)
    answer = admin_client.post(url("integration_change", gmail.pk), form, follow=True)
    assert "We removed spaces around" in answer.content.decode()
    assert current(gmail).client_id == "id-1"


def test_an_offered_account_type_without_a_client_is_pointed_out(
    admin_client: Client, gmail: Integration
) -> None:
    form = integration_form(gmail, description="Mail")
    answer = admin_client.post(url("integration_change", gmail.pk), form, follow=True)
    assert "People cannot connect through your app yet" in answer.content.decode()


def test_the_history_names_fields_and_no_values(admin_client: Client, gmail: Integration) -> None:
    set_up(admin_client, gmail)
    entry = LogEntry.objects.latest("pk")
    assert "Client secret" in entry.change_message
    assert CANARY not in entry.change_message
