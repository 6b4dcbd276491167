"""A provider that an admin describes: shown before it is kept, host by host."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import signing
from django.test import Client

from integrations import customizing, definitions
from integrations.definitions import Entered
from integrations.models import AuditEvent, Integration, Membership, Project
from integrations.oauth.http import Transport
from tests import factories
from tests.integrations.admin.pages import integration_form, url
from tests.visitor import Page

pytestmark = pytest.mark.django_db
ENDPOINTS = {
    "authorization_endpoint": "https://id.acme.example/authorize",
    "token_endpoint": "https://id.acme.example/token",
}
ELSEWHERE = {
    "userinfo_endpoint": "https://people.acme.example/me",
    "revocation_endpoint": "https://end.acme.example/revoke",
}


@pytest.fixture
def described(provider, project: Project) -> Integration:
    """A provider that a project described from its endpoints."""
    data = definitions.described(Entered(name="Acme ID", endpoints=ENDPOINTS)).data
    return customizing.create(project=project, slug="acme-id", data=data, actor="test")


def form_of(of: Project, provider: Any, **changed: Any) -> dict[str, Any]:
    form = {
        "project": str(of.pk),
        "name": "Acme ID",
        "slug": "acme-id",
        "issuer": f"{provider.url}/demo-mail",
    }
    return {name: value for name, value in {**form, **changed}.items() if value is not None}


def looked_at(client: Client, form: dict[str, Any], address: str = "") -> Page:
    """Post the form and return the page that shows what would be kept."""
    answer = client.post(address or url("integration_describe"), form)
    assert answer.status_code == 200
    return Page(answer.content.decode())


def keep(client: Client, page: Page, *hosts: str, address: str = "") -> Any:
    signed = page.fields["reviewed"]
    form = {"reviewed": signed, "confirmed": list(hosts)}
    return client.post(address or url("integration_describe"), form)


def test_a_provider_is_shown_before_it_is_kept(admin_client, provider, project):
    page = looked_at(admin_client, form_of(project, provider))
    assert f"{provider.url}/demo-mail/oauth/token" in page.text
    assert not Integration.objects.exists()
    assert keep(admin_client, page).status_code == 302
    row = Integration.objects.get()
    assert (row.slug, row.provider_slug, row.provider.name) == ("acme-id", "custom", "Acme ID")
    event = AuditEvent.objects.filter(action="integration.created").get()
    assert event.actor == "admin:admin"


def test_it_is_then_an_integration_like_any_other(admin_client, described):
    address = url("integration_change", described.pk)
    page = admin_client.get(address).content.decode()
    assert "Change the provider" in page
    form = integration_form(described, client_id="an-app", client_secret="a-secret-of-the-vendor")
    assert admin_client.post(address, form).status_code == 302
    listed = admin_client.get(url("integration_changelist")).content.decode()
    assert "Acme ID" in listed


def test_an_error_names_its_field(admin_client, provider, project):
    provider.configure(profile="demo-mail", metadata_issuer="https://evil.example")
    page = looked_at(admin_client, form_of(project, provider))
    assert "another issuer: https://evil.example" in page.text
    assert "reviewed" not in page.fields


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"slug": "my-proxy"}, "letters proxy"),
        ({"slug": ""}, "required"),
        ({"name": ""}, "required"),
        ({"issuer": ""}, "Enter the authorization endpoint"),
        ({"issuer": "http://id.acme.example"}, "must begin with https"),
        ({"token_endpoint": "https://id.acme.example/t"}, "not both"),
        ({"default_scopes": 'quo"te'}, "is not a permission"),
        ({"api_base_url": "https://10.0.0.5"}, "public host name"),
        ({"console": "javascript:alert(1)"}, "must begin with https"),
        ({"project": "7a1b1111-2222-4333-8444-555555555555"}, "valid choice"),
    ],
)
def test_what_cannot_be_is_refused(admin_client, provider, project, changed, words):
    page = looked_at(admin_client, form_of(project, provider, **changed))
    assert words in page.text
    assert "reviewed" not in page.fields


def test_other_hosts_are_confirmed_one_by_one(admin_client, provider, project, monkeypatch):
    monkeypatch.setattr(Transport, "look_up", lambda *args: None)
    provider.configure(profile="demo-mail", metadata_set=ELSEWHERE)
    page = looked_at(admin_client, form_of(project, provider))
    assert "people.acme.example Userinfo endpoint" in page.text
    for hosts in ((), ("people.acme.example",), ("evil.example", "end.acme.example")):
        answer = keep(admin_client, page, *hosts)
        assert "Confirm each host" in answer.content.decode()
    assert not Integration.objects.exists()
    assert keep(admin_client, page, "people.acme.example", "end.acme.example").status_code == 302
    assert Integration.objects.exists()


@pytest.mark.parametrize(
    "mangle", [lambda text: text[:-1], lambda text: "", lambda text: f"a{text}"]
)
def test_only_what_was_shown_is_kept(admin_client, provider, project, mangle):
    page = looked_at(admin_client, form_of(project, provider))
    signed = mangle(page.fields["reviewed"])
    answer = admin_client.post(url("integration_describe"), {"reviewed": signed}, follow=True)
    assert "not what would be kept now" in answer.content.decode()
    assert not Integration.objects.exists()


def test_what_another_person_was_shown_is_not_kept(admin_client, provider, project):
    page = looked_at(admin_client, form_of(project, provider))
    other = Client()
    other.force_login(User.objects.create_superuser("olga"))
    keep(other, page)
    assert not Integration.objects.exists()


def test_what_was_shown_long_ago_is_not_kept(admin_client, provider, project, monkeypatch):
    page = looked_at(admin_client, form_of(project, provider))
    late = signing.time.time() + 3_600
    monkeypatch.setattr(signing.time, "time", lambda: late)
    admin_client.force_login(User.objects.get(username="admin"))
    keep(admin_client, page)
    assert not Integration.objects.exists()


def test_what_was_shown_of_one_is_not_kept_for_another(admin_client, provider, described):
    address = url("integration_provider", described.pk)
    changed = {"name": "Acme ID", **ENDPOINTS, "token_endpoint": "https://id.acme.example/t2"}
    page = looked_at(admin_client, changed, address)
    second = customizing.create(
        project=factories.make_project("Other", which=3),
        slug="acme-id",
        data=described.custom_provider,
        actor="test",
    )
    keep(admin_client, page, address=url("integration_provider", second.pk))
    second.refresh_from_db()
    assert second.provider.token_endpoint == ENDPOINTS["token_endpoint"]


def test_a_change_shows_what_is_different_and_what_it_costs(admin_client, provider, described):
    dana = factories.make_end_user(described.project)
    factories.make_connection(described, dana)
    address = url("integration_provider", described.pk)
    changed = {"name": "Acme ID", **ENDPOINTS, "token_endpoint": "https://id.acme.example/t2"}
    page = looked_at(admin_client, changed, address)
    assert "https://id.acme.example/token" in page.text
    assert "https://id.acme.example/t2" in page.text
    assert "https://id.acme.example/authorize" not in page.text
    assert "secret has to be entered again: 1" in page.text
    assert keep(admin_client, page, address=address).status_code == 302
    described.refresh_from_db()
    assert described.provider.token_endpoint == "https://id.acme.example/t2"


def test_reading_again_what_did_not_change_keeps_nothing(admin_client, provider, project):
    page = looked_at(admin_client, form_of(project, provider))
    keep(admin_client, page)
    row = Integration.objects.get()
    address = url("integration_provider", row.pk)
    shown = Page(admin_client.get(address).content.decode()).fields
    again = looked_at(admin_client, {**shown, "auth_method": ""}, address)
    assert "Nothing is different" in again.text


def test_a_change_by_somebody_else_meanwhile_is_not_undone(admin_client, provider, described):
    address = url("integration_provider", described.pk)
    changed = {"name": "Acme ID", **ENDPOINTS, "token_endpoint": "https://id.acme.example/t2"}
    page = looked_at(admin_client, changed, address)
    other = {**described.custom_provider, "name": "Changed meanwhile"}
    customizing.change(integration=described, data=other, actor="test")
    keep(admin_client, page, address=address)
    described.refresh_from_db()
    assert described.provider.name == "Changed meanwhile"


def test_the_vendors_secret_is_asked_for_again(admin_client, provider, described):
    address = url("integration_change", described.pk)
    form = {"client_id": "an-app", "client_secret": "a-secret-of-the-vendor"}
    admin_client.post(address, integration_form(described, **form))
    data = {**described.custom_provider, "token_endpoint": "https://evil.example/token"}
    customizing.change(integration=described, data=data, actor="test")
    assert "Enter it again" in admin_client.get(address).content.decode()
    kept = integration_form(described, client_id="an-app", description="x")
    answer = admin_client.post(address, kept)
    assert answer.status_code == 302
    changed = integration_form(described, client_id="another-app")
    assert "again" in admin_client.post(address, changed).content.decode()


def test_a_provider_of_the_catalog_has_no_such_page(admin_client, gmail):
    assert admin_client.get(url("integration_provider", gmail.pk)).status_code == 404
    page = admin_client.get(url("integration_change", gmail.pk)).content.decode()
    assert "Change the provider" not in page


def test_who_may_only_look_describes_nothing(viewer_client, described):
    assert viewer_client.get(url("integration_describe")).status_code == 403
    assert viewer_client.get(url("integration_provider", described.pk)).status_code == 403
    listed = viewer_client.get(url("integration_changelist")).content.decode()
    assert "Describe a provider" not in listed


def test_somebody_of_another_project_finds_nothing(provider, described):
    other = factories.make_project("Other", which=3)
    user = User.objects.create_user("olaf", is_staff=True)
    user.groups.add(Group.objects.get(name="admin"))
    Membership.objects.create(user=user).projects.set([other])
    client = Client()
    client.force_login(user)
    assert client.get(url("integration_provider", described.pk)).status_code == 404
    page = looked_at(client, form_of(described.project, provider, slug="mine"))
    assert "valid choice" in page.text


def test_the_vendors_own_app_can_be_created_too(admin_client, project):
    slack = factories.make_integration(project, "slack", default_scopes=["team:read"])
    page = admin_client.get(url("integration_change", slack.pk)).content.decode()
    slot = slack.clients.get()
    assert "https://api.slack.com/apps?new_app=1&amp;manifest_json=" in page
    assert f"&quot;redirect_urls&quot;: [&quot;{slot.redirect_uri()}&quot;]" in page
    assert "[&quot;team:read&quot;]" in page
