"""The catalog in the admin: found by name or category, and switched on from there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.catalog import registry
from tests.gallery.markup import Page
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db


def listed(client: Client, **query: str) -> tuple[Page, list[str]]:
    page = Page.of(client.get(url("integration_catalog"), query).content.decode())
    return page, [href.partition("=")[2] for href in page.values("a", "href") if "slug=" in href]


def test_it_lists_every_provider(admin_client: Client) -> None:
    _, slugs = listed(admin_client)
    assert sorted(slugs) == sorted(registry.installed())


def test_a_search_finds_names_and_former_names(admin_client: Client) -> None:
    assert listed(admin_client, q="google DRIVE")[1] == ["google-drive"]
    assert listed(admin_client, q="googledrive")[1] == ["google-drive"]


def test_a_category_and_a_name_are_both_needed(admin_client: Client) -> None:
    _, slugs = listed(admin_client, category="CRM", q="zoho")
    assert slugs == ["zoho-crm"]


@pytest.mark.parametrize("query", [{"q": "<b>nothing</b>"}, {"category": "'; --"}, {"q": "x" * 99}])
def test_what_is_not_there_is_said(admin_client: Client, query: dict[str, str]) -> None:
    answer = admin_client.get(url("integration_catalog"), query)
    assert "No provider has these words" in answer.content.decode()
    assert b"<b>nothing" not in answer.content


def test_the_button_leads_to_a_form_with_the_provider_chosen(admin_client: Client) -> None:
    [href] = [
        each
        for each in listed(admin_client, q="slack")[0].values("a", "href")
        if each.endswith("provider_slug=slack")
    ]
    form = admin_client.get(href).content.decode()
    assert '<option value="slack" selected>' in form


def test_somebody_without_the_right_does_not_see_it(client: Client) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(url("integration_catalog")).status_code == 403


def test_somebody_who_may_only_look_gets_no_button(viewer_client: Client) -> None:
    assert listed(viewer_client)[1] == []
    assert b"Gmail" in viewer_client.get(url("integration_catalog")).content
