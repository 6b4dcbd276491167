"""Where a connection's API is: only ever at the provider's own hosts."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from integrations import proxying
from integrations.catalog import registry
from integrations.catalog.api import Api
from integrations.errors import NotAllowed
from integrations.models import Connection, Credential
from tests import factories

pytestmark = pytest.mark.django_db
CLOUD = "a1b11111-2222-3333-4444-555555555555"


@pytest.fixture
def real(db: None) -> Any:
    """The catalog as it is shipped."""
    installed = {item.slug: item for item in registry.providers()}
    registry.install(registry.load())
    yield
    registry.install(installed)


def connected(slug: str, *, settings: dict[str, str] | None = None, **fields: Any) -> Connection:
    """Return a connection of a provider."""
    project = factories.make_project()
    integration = factories.make_integration(project, slug)
    who = factories.make_end_user(project)
    client = factories.make_client(integration, who, settings=settings)
    made = factories.make_connection(integration, who, client=client, **fields)
    return Connection.objects.select_related("integration", "credential__client_version").get(
        pk=made.pk
    )


SALESFORCE = {"domain": "login.salesforce.com"}


@pytest.mark.parametrize(
    ("slug", "settings", "fields", "url"),
    [
        ("gmail", {}, {}, "https://gmail.googleapis.com"),
        ("outlook", {"tenant": "organizations"}, {}, "https://graph.microsoft.com/v1.0"),
        ("sharepoint", {"tenant": "organizations"}, {}, "https://graph.microsoft.com/v1.0"),
        ("slack", {}, {}, "https://slack.com/api"),
        ("zendesk", {"subdomain": "acme"}, {}, "https://acme.zendesk.com/api/v2"),
        (
            "jira",
            {},
            {"provider_data": {"cloud_id": CLOUD}},
            f"https://api.atlassian.com/ex/jira/{CLOUD}",
        ),
        ("jira", {}, {"account_id": CLOUD}, f"https://api.atlassian.com/ex/jira/{CLOUD}"),
        (
            "salesforce",
            SALESFORCE,
            {"provider_data": {"instance_url": "https://acme.my.salesforce.com"}},
            "https://acme.my.salesforce.com",
        ),
        (
            "salesforce",
            SALESFORCE,
            {"provider_data": {"instance_url": "https://acme--dev.sandbox.my.salesforce.com/"}},
            "https://acme--dev.sandbox.my.salesforce.com",
        ),
        (
            "salesforce",
            SALESFORCE,
            {"provider_data": {"instance_url": "https://na139.salesforce.com"}},
            "https://na139.salesforce.com",
        ),
    ],
)
def test_the_seven_have_an_address(real, slug, settings, fields, url):
    assert proxying.base_url(connected(slug, settings=settings, **fields)) == url


@pytest.mark.parametrize(
    "instance",
    [
        "",
        "https://evil.example",
        "https://salesforce.com.evil.example",
        "https://evil.example/.salesforce.com",
        "https://evil.example#.my.salesforce.com",
        "https://x@evil.example/acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://acme.my.salesforce.com@evil.example",
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com/x",
        "https://acme.my.salesforce.com\n",
        "https://evilsalesforce.com",
        "https://a.b.my.salesforce.com.",
        "https://127.0.0.1",
    ],
)
def test_an_answer_names_no_other_host(real, instance):
    connection = connected(
        "salesforce", settings=SALESFORCE, provider_data={"instance_url": instance}
    )
    with pytest.raises(NotAllowed, match="proxy_address_unknown"):
        proxying.base_url(connection)


@pytest.mark.parametrize("cloud", ["", "../../admin", CLOUD.upper(), f"{CLOUD}/x", f"{CLOUD}\n"])
def test_a_cloud_id_is_an_id(real, cloud):
    connection = connected("jira", account_id="x", provider_data={"cloud_id": cloud})
    with pytest.raises(NotAllowed, match="proxy_address_unknown"):
        proxying.base_url(connection)


def test_captured_data_cannot_take_the_place_of_a_setting(real):
    settings = {"subdomain": "acme"}
    connection = connected("zendesk", settings=settings, provider_data={"subdomain": "evil"})
    assert proxying.base_url(connection) == "https://acme.zendesk.com/api/v2"


@pytest.mark.parametrize("subdomain", ["evil.example/x", "a.b", "-a", "", "www\n", "x@evil"])
def test_a_stored_setting_is_checked_again(real, subdomain):
    connection = connected("zendesk", settings={"subdomain": "acme"})
    connection.credential.client_version.settings = {"subdomain": subdomain}
    with pytest.raises(NotAllowed, match="proxy_address_unknown"):
        proxying.base_url(connection)
    assert Credential.objects.count() == 1


@pytest.mark.parametrize(
    "table",
    [
        {"base_url": "http://api.example.com"},
        {"base_url": "https://api.example.com/"},
        {"base_url": "https://api.example.com?a=b"},
        {"base_url": "https://user@api.example.com"},
        {"base_url": "https://api.example.com:8443"},
        {"base_url": "https://{a}", "values": ({"name": "b", "source": "b", "pattern": r"\Ab\Z"},)},
        {"base_url": "https://{a}", "values": ({"name": "a", "source": "a", "pattern": "a"},)},
        {
            "base_url": "https://{a}",
            "values": ({"name": "a", "source": "a b", "pattern": r"\A\Z"},),
        },
        {"base_url": "https://x.example", "host": "evil"},
    ],
)
def test_an_address_that_nothing_holds_is_not_served(table):
    with pytest.raises(ValidationError):
        Api.model_validate(table)
