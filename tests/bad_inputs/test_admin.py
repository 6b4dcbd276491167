"""The admin takes the vendor's client as the form takes a person's, and addresses strictly."""

from __future__ import annotations

from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from integrations import clients
from integrations.errors import CatalogError
from integrations.models import ClientVersion, Integration, KeySet, Project, WebhookEndpoint
from tests import factories, stored
from tests.bad_inputs.doors import Door
from tests.bad_inputs.urls import Url, urls_at
from tests.bad_inputs.values import Value, values_at
from tests.integrations.admin.pages import integration_form, url
from tests.integrations.catalog.provider_files import loaded

pytestmark = pytest.mark.django_db
ROWS = values_at(Door.ADMIN_CLIENT)
KEY_SETS, WEBHOOKS, FILES = (urls_at(door) for door in (Door.KEY_SET, Door.WEBHOOK, Door.CATALOG))
SECRET = "canary-of-the-admin"


def save(admin: Client, integration: Integration, value: Value) -> Any:
    """Post the vendor's client, good but for the value."""
    entered = {"client_id": "id-1", "client_secret": SECRET, "setting_subdomain": "acme"}
    entered[name_of(value)] = value.text
    form = integration_form(integration, **entered)
    return admin.post(url("integration_change", integration.pk), form, follow=True)


def name_of(value: Value) -> str:
    return f"setting_{value.field}" if value.field == "subdomain" else value.field


@pytest.mark.parametrize("row", ROWS)
def test_a_bad_text_is_refused_at_its_field_and_stored_nowhere(admin_client, zendesk, row):
    clients.vendor_client(zendesk)
    before = stored.rows(*stored.KEPT)
    for value in ROWS[row]:
        if value.code:
            page = save(admin_client, zendesk, value)
            html = page.content.decode()
            assert page.redirect_chain == [], value
            assert f"errors field-{name_of(value)}" in html, value
            assert html.count('class="form-row errors ') == 1
            assert SECRET not in html
            if (
                value.field == "client_secret" and value.text.strip()
            ) or value.code == "looks_like_secret":
                assert value.text not in unescape(html)
            elif value.field != "client_secret":
                assert f'name="{name_of(value)}"' in html
                assert not value.text or f'value="{escape(value.text)}"' in html
    assert stored.rows(*stored.KEPT) == before


@pytest.mark.parametrize(
    "row", [row for row, values in ROWS.items() if any(value.kept for value in values)]
)
def test_what_is_accepted_is_stored_as_the_table_says(admin_client, project, row):
    for value in ROWS[row]:
        if value.kept:
            integration = factories.make_integration(factories.make_project(), "zendesk")
            page = save(admin_client, integration, value)
            assert page.redirect_chain, value
            version = clients.vendor_client(integration).current_version
            assert version is not None
            assert kept_by(version, value.field) == value.kept


def kept_by(version: ClientVersion, field: str) -> str:
    if field == "client_secret":
        return version.open_required("client_secret").reveal()
    return version.settings["subdomain"] if field == "subdomain" else version.client_id


def kept_urls(entry: Url) -> list[str]:
    return [entry.kept] if entry.kept else []


@pytest.mark.parametrize("row", KEY_SETS)
def test_the_address_of_a_key_set_is_taken_as_the_table_says(
    admin_client: Client, project: Project, row: int
) -> None:
    page = url("project_key_set", project.pk)
    for entry in KEY_SETS[row]:
        before = stored.rows(*stored.KEPT)
        answer = admin_client.post(page, {"url": entry.text})
        assert (answer.status_code == 302) == bool(entry.kept), entry
        assert [each.url for each in KeySet.objects.all()] == kept_urls(entry)
        KeySet.objects.all().delete()
        if not entry.kept:
            assert "errorlist" in answer.content.decode()
            assert stored.rows(*stored.KEPT) == before


@pytest.mark.parametrize("row", WEBHOOKS)
def test_the_address_of_a_receiver_is_taken_as_the_table_says(
    admin_client: Client, project: Project, row: int
) -> None:
    for entry in WEBHOOKS[row]:
        form = {"project": project.pk, "url": entry.text, "event_types": ["session.failed"]}
        answer = admin_client.post(url("webhookendpoint_add"), form)
        assert answer.status_code == 200
        assert [each.url for each in WebhookEndpoint.objects.all()] == kept_urls(entry)
        WebhookEndpoint.objects.all().delete()
        assert bool(entry.kept) or "errorlist" in answer.content.decode()


@pytest.mark.parametrize("row", FILES)
@pytest.mark.parametrize("key", ["authorization_endpoint", "token_endpoint"])
def test_a_provider_file_with_such_an_address_is_refused(
    tmp_path: Path, key: str, row: int
) -> None:
    for entry in FILES[row]:
        with pytest.raises(CatalogError) as refused:
            loaded(tmp_path, **{key: entry.text})
        assert (refused.value.key, refused.value.file) == (key, str(tmp_path / "acme.toml"))
