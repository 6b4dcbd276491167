"""The artefacts beside the own-client form: they follow what is chosen and hold no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.catalog import registry
from integrations.models import Flow
from tests import factories
from tests.visitor import Page, Visitor

pytestmark = pytest.mark.django_db
SECRET = "a-secret-that-is-typed"


@pytest.fixture(scope="module")
def shipped() -> Mapping[str, Any]:
    return registry.load()


@pytest.fixture
def real(db: None, shipped: Mapping[str, Any]) -> Any:
    """The catalog as it is shipped."""
    before = registry.installed()
    registry.install(shipped)
    yield
    registry.install(before)


def person(slug: str, **fields: Any) -> Visitor:
    """Return somebody who sees the own-client form of this provider."""
    project = factories.make_project()
    factories.make_integration(project, slug, **fields)
    visitor = Visitor(project)
    visitor.open(slug)
    return visitor


def link(page: Page, start: str) -> str:
    """Return the first address on the page that begins so."""
    text = page.html.replace("&amp;", "&")
    return start + text.partition(f'href="{start}')[2].partition('"')[0]


def manifest(page: Page) -> dict[str, Any]:
    query = parse_qs(urlsplit(link(page, "https://api.slack.com/apps?new_app=1")).query)
    found: dict[str, Any] = json.loads(query["manifest_json"][0])
    return found


def fill_in(visitor: Visitor, script: bool = False, **fields: Any) -> Page:
    shown = visitor.page.form("/portal/options").submitted
    headers = {"HX-Request": "true"} if script else {}
    return visitor.post("/portal/create", headers=headers, **{**shown, **fields})


def test_a_manifest_has_the_redirect_url_and_the_default_permissions(real):
    dana = person("slack")
    oauth = manifest(dana.page)["oauth_config"]
    slot = dana.current_flow().oauth_client
    assert oauth["redirect_urls"] == [slot.redirect_uri()]
    assert oauth["scopes"]["bot"] == ["channels:read", "chat:write", "users:read", "team:read"]


def test_it_follows_what_is_chosen_without_a_script(real):
    dana = person("slack")
    page = fill_in(dana, scope=["chat:write"], extra_scopes="emoji:read", client_id="12.34")
    assert manifest(page)["oauth_config"]["scopes"]["bot"] == ["chat:write", "emoji:read"]
    assert page.fields["client_id"] == "12.34"


def test_a_script_gets_that_part_alone(real):
    dana = person("slack")
    page = fill_in(dana, script=True, scope=["chat:write"])
    assert manifest(page)["oauth_config"]["scopes"]["bot"] == ["chat:write"]
    assert 'id="page"' not in page.html
    assert 'id="create"' in page.html


def test_required_permissions_are_always_in_it(real):
    dana = person("slack", required_scopes=["team:read"])
    page = fill_in(dana, scope=["chat:write"])
    assert manifest(page)["oauth_config"]["scopes"]["bot"] == ["team:read", "chat:write"]


def test_no_secret_is_shown_or_kept(real):
    dana = person("slack")
    page = fill_in(dana, client_secret=SECRET)
    assert SECRET not in page.html
    assert SECRET not in str(Flow.objects.values_list("draft", flat=True))


@pytest.mark.parametrize("name", ['Acme "CRM"', "'; rm -rf / #", "</a><b>", "{redirect_url}"])
def test_the_vendors_name_cannot_break_out(real, name):
    project = factories.make_project(name)
    factories.make_integration(project, "slack")
    visitor = Visitor(project)
    visitor.open("slack")
    assert manifest(visitor.page)["display_information"]["name"] == name


def test_a_setting_is_asked_for_before_it_is_needed(real):
    dana = person("zendesk")
    assert "Enter this in the form first: Zendesk subdomain." in dana.page.text
    page = fill_in(dana, setting_subdomain="acme")
    assert "https://acme.zendesk.com/admin/apps-integrations/apis/oauth-clients" in page.html


@pytest.mark.parametrize("typed", ["evil.example/", "acme.evil.example", "a b", "', '"])
def test_a_setting_that_cannot_be_makes_no_address(real, typed):
    dana = person("zendesk")
    page = fill_in(dana, setting_subdomain=typed)
    assert "Enter this in the form first" in page.text
    assert 'href="https://evil' not in page.html


def test_permissions_without_a_name_there_are_named_to_be_added(real):
    dana = person("outlook")
    page = fill_in(dana, scope=["Mail.Read"], extra_scopes="Odd.Scope")
    assert "Add these permissions by hand: Odd.Scope" in page.text
    assert "570282fd-fa5c-430d-a7fd-fc8dc98a9dca=Scope" in page.text


def test_a_manifest_can_be_kept_as_a_file(real):
    dana = person("salesforce")
    assert 'download="connect.ecaOauth-meta.xml" href="data:application/octet-stream' in (
        dana.page.html
    )


def test_a_provider_without_artefacts_shows_nothing_of_it(provider):
    project = factories.make_project()
    factories.make_integration(project)
    visitor = Visitor(project)
    assert "Create it for me" not in visitor.open().text


def test_the_vendors_app_has_none(real):
    project = factories.make_project()
    mail = factories.make_integration(project, "slack")
    from integrations import clients
    from integrations.clients import ClientConfig
    from integrations.secret import Secret

    config = ClientConfig("1.2", Secret(SECRET), {})
    clients.replace_config(client=clients.vendor_client(mail), config=config, actor="test")
    visitor = Visitor(project)
    visitor.open("slack", account_type="default")
    refused = visitor.post("/portal/create", scope=["chat:write"])
    assert "not offered" in refused.text or "cannot" in refused.text.casefold()
