"""The vendor's app goes where the vendor said: no person chooses the host for its secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from integrations import clients, connect, versions
from integrations.catalog import registry
from integrations.catalog.schema import Provider
from integrations.clients import ClientConfig
from integrations.connect import Wish
from integrations.errors import ConnectError
from integrations.models import ClientVersion, Flow, Integration
from integrations.models.projects import DEFAULT_ACCOUNT
from integrations.secret import Secret
from tests import factories, trips
from tests.portal.visits import Headless
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
SHIPPED = registry.load()
WITH_HOSTS = sorted(slug for slug in SHIPPED if SHIPPED[slug].host_settings())
NAMED = {
    "auth0", "databricks", "generic-oidc", "github-enterprise-server", "gitlab",
    "jira-data-center", "keycloak", "okta", "pingone", "servicenow", "snowflake", "zendesk",
}  # fmt: skip


@pytest.fixture
def real(db: None) -> Any:
    """The catalog as it is shipped."""
    before = registry.installed()
    registry.install(SHIPPED)
    yield
    registry.install(before)


def settings_of(provider: Provider) -> dict[str, str]:
    return {item.name: item.default or item.placeholder for item in provider.settings}


def evil(provider: Provider) -> Mapping[str, str]:
    """Return another host that the provider's own patterns would allow, if they allow any."""
    return dict.fromkeys(provider.host_settings(), "evil.example")


def offered(slug: str) -> Integration:
    """Offer a provider with the vendor's app, at the vendor's own host."""
    project = factories.make_project()
    integration = factories.make_integration(project, slug)
    config = ClientConfig("vendors-app", Secret("secret-of-the-vendor"), settings_of(SHIPPED[slug]))
    slot = clients.vendor_client(integration)
    clients.replace_config(client=slot, config=config, actor="test")
    return integration


def test_the_providers_with_a_host_of_ones_own_are_among_them():
    assert set(WITH_HOSTS) >= NAMED & set(SHIPPED)


@pytest.mark.parametrize("slug", WITH_HOSTS)
def test_nothing_a_person_sends_moves_the_vendors_app(real, slug):
    integration = offered(slug)
    session = trips.visit(integration.project).session
    flow = connect.begin(session=session, wish=Wish(slug, (DEFAULT_ACCOUNT,)))
    before = ClientVersion.objects.get()
    place = versions.token_host(before)
    config = ClientConfig("evil", Secret("evil-secret-of-somebody"), evil(SHIPPED[slug]))
    with pytest.raises(ConnectError):
        connect.save_options(flow=flow, config=config, scope_text="")
    # As if what was typed for an own app had stayed with the flow.
    Flow.objects.filter(pk=flow.pk).update(draft={"settings": dict(evil(SHIPPED[slug]))})
    flow.refresh_from_db()
    trip = connect.authorize(flow=flow)
    assert "evil.example" not in trip.url
    assert urlsplit(trip.url).scheme == "https"
    version = ClientVersion.objects.get()
    assert (version.pk, version.settings, versions.token_host(version)) == (
        before.pk,
        before.settings,
        place,
    )


@pytest.mark.parametrize("slug", ["gitlab", "keycloak", "zendesk"])
def test_no_page_of_the_portal_does_it(real, slug):
    integration = offered(slug)
    person = Visitor(integration.project)
    person.open(slug, account_type=DEFAULT_ACCOUNT)
    typed = {f"setting_{name}": value for name, value in evil(SHIPPED[slug]).items()}
    for path in ("/portal/options", "/portal/create", "/portal/another-client", "/oauth/start"):
        person.post(path, client_id="evil", client_secret="evil-secret-of-somebody", **typed)
    assert ClientVersion.objects.get().settings == settings_of(SHIPPED[slug])
    flow = person.current_flow()
    assert "evil.example" not in str(flow.draft)


@pytest.mark.parametrize("slug", ["gitlab", "keycloak", "zendesk"])
def test_no_call_of_the_api_does_it(real, slug):
    integration = offered(slug)
    host = Headless(integration.project)
    host.begin(integration=slug, account_type=[DEFAULT_ACCOUNT])
    body = {
        "client_id": "evil",
        "client_secret": "evil-secret-of-somebody",
        "scopes": [],
        "settings": dict(evil(SHIPPED[slug])),
    }
    assert host.step("pre-options", body).status_code in (403, 409, 422)
    assert ClientVersion.objects.get().settings == settings_of(SHIPPED[slug])


def test_an_own_app_at_an_own_host_leaves_the_vendors_alone(real):
    integration = offered("gitlab")
    config = {"settings": {"host": "gitlab.dana.example"}}
    trips.prepared(integration.project, integration="gitlab", **config)
    hosts = {
        version.client_id: versions.token_host(version) for version in ClientVersion.objects.all()
    }
    assert hosts == {
        "vendors-app": settings_of(SHIPPED["gitlab"])["host"],
        "fake_ok": "gitlab.dana.example",
    }
