"""Whoever changes where a project's own provider is gets nothing that was entered before.

The attacker may change the integration, which every admin of a project can. The canary is an
address of his: a request that arrives there has taken something along.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from integrations import clients, connect, customizing, definitions, proxying, revocation, rotation
from integrations import tokens as token_life
from integrations.clients import ClientConfig
from integrations.connect import Wish
from integrations.definitions import Entered
from integrations.errors import InvalidInput, NotAllowed, NotFound
from integrations.models import (
    AuditEvent,
    ClientVersion,
    Connection,
    Flow,
    Integration,
    OAuthClient,
    Revocation,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.secret import Secret
from tests import factories, trips
from tests.fakeas import visitor as provider_visitor
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
SECRET = "fake-secret"
MOVES = (
    "authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint",
    "api_base_url",
)  # fmt: skip


@pytest.fixture
def integration(provider) -> Integration:
    """Demo Mail, described by a project from what its issuer says."""
    entered = Entered(
        name="Acme ID",
        issuer=f"{provider.url}/demo-mail",
        default_scopes="openid profile",
        api_base_url=f"{provider.url}/demo-mail/api",
    )
    data = definitions.described(entered).data
    project = factories.make_project()
    return customizing.create(project=project, slug="acme-id", data=data, actor="admin:eve")


@pytest.fixture
def dana(integration) -> Visitor:
    """Dana, who entered her own client and could press Continue now."""
    return trips.prepared(integration.project, integration="acme-id")


@pytest.fixture
def connection(provider, integration, dana) -> Connection:
    """A connection that the provider granted."""
    dana.approve()
    row = Connection.objects.get()
    provider.reset(keep_tokens=True)
    return row


def moved(provider, integration: Integration, *names: str) -> dict[str, Any]:
    """Return the description with these addresses at the canary."""
    data = {**(integration.custom_provider or {})}
    for name in names:
        url = f"{provider.url}/canary/{name}"
        if name == "userinfo_endpoint":
            data["identity"] = {**data["identity"], "endpoint": url}
        elif name == "api_base_url":
            data["api"] = {"base_url": url}
        else:
            data[name] = url
    return data


def steal(provider, integration: Integration, *names: str) -> bool:
    """Change these addresses, or all, to the canary's."""
    data = moved(provider, integration, *(names or MOVES))
    return customizing.change(integration=integration, data=data, actor="admin:eve")


def vendor_client(integration: Integration) -> OAuthClient:
    slot = clients.vendor_client(integration)
    config = ClientConfig("fake_ok", Secret(SECRET), {})
    clients.replace_config(client=slot, config=config, actor="test")
    return slot


def fault(act: Any, **kwargs: Any) -> list[tuple[str, str]]:
    """Return the fields at fault, with their codes."""
    with pytest.raises(InvalidInput) as caught:
        act(**kwargs)
    return [(error.field, error.code) for error in caught.value.errors]


def nothing_arrived(provider) -> bool:
    return provider.requests("other") == []


def test_a_described_provider_connects_like_any_other(provider, integration, dana):
    dana.approve()
    row = Connection.objects.get()
    assert (row.status, row.account_label) == ("VALID", "alice@example.test")
    assert provider.requests("token")[0].outcome == "ok"
    assert provider.requests("authorization")[0].param("code_challenge_method") == "S256"


def test_it_requires_the_issuer_in_the_answer(provider, integration, dana):
    provider.configure(profile="demo-mail", iss="missing")
    dana.approve()
    assert trips.failed(dana, "issuer_missing", provider)


def test_another_issuer_in_the_answer_is_a_mixup(provider, integration, dana):
    provider.configure(profile="demo-mail", iss="wrong")
    dana.approve()
    assert trips.failed(dana, "issuer_mismatch", provider)


def test_it_is_offered_refreshed_and_proxied(provider, integration, connection):
    factories.expire(connection)
    assert token_life.access_token_for(connection).generation == 2
    loaded = Connection.objects.get(pk=connection.pk)
    assert proxying.base_url(loaded) == f"{provider.url}/demo-mail/api"


@pytest.mark.parametrize("name", MOVES)
def test_a_refresh_goes_where_the_grant_came_from(provider, integration, connection, name):
    assert steal(provider, integration, name)
    factories.expire(connection)
    token_life.access_token_for(Connection.objects.get())
    assert provider.requests("token")[0].outcome == "ok"
    assert nothing_arrived(provider)


def test_a_call_passed_on_goes_where_the_grant_came_from(provider, integration, connection):
    steal(provider, integration)
    url = proxying.base_url(Connection.objects.get())
    assert url == f"{provider.url}/demo-mail/api"


def test_a_revocation_goes_where_the_grant_came_from(provider, integration, connection):
    steal(provider, integration)
    revocation.disconnect(connection=connection, actor="test")
    for pk in revocation.due():
        revocation.attempt(pk)
    assert Revocation.objects.get().outcome == Revocation.Outcome.REVOKED
    assert nothing_arrived(provider)


def test_a_revocation_uses_no_newer_client_of_another_place(provider, integration, connection):
    steal(provider, integration)
    factories.replace_secret(connection.oauth_client, "a-secret-for-eve")
    revocation.disconnect(connection=Connection.objects.get(), actor="test")
    for pk in revocation.due():
        revocation.attempt(pk)
    assert provider.requests("revocation")[0].outcome == "revoked"
    assert nothing_arrived(provider)


def test_a_refresh_uses_no_newer_client_of_another_place(provider, integration, connection):
    steal(provider, integration)
    factories.replace_secret(connection.oauth_client, "a-secret-for-eve")
    factories.expire(connection)
    token_life.access_token_for(Connection.objects.get())
    assert [request.outcome for request in provider.requests("token")] == ["ok"]
    assert nothing_arrived(provider)


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("owner", ["vendor", "person"])
def test_a_kept_secret_is_not_kept_for_another_address(
    provider, integration, connection, name, owner
):
    slot = connection.oauth_client if owner == "person" else vendor_client(integration)
    assert steal(provider, integration, name)
    slot = OAuthClient.objects.get(pk=slot.pk)
    config = ClientConfig("fake_ok", None, {})
    found = fault(clients.replace_config, client=slot, config=config, actor="test")
    assert found == [("client_secret", "secret_required")]
    assert ClientVersion.objects.filter(oauth_client=slot).count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"token_endpoint_auth_method": "client_secret_post"},
        {"authorization_response_iss_parameter_supported": False},
        {"issuer": "https://evil.example"},
        {"code_challenge_method": "none", "code_challenge_reason": "so that a code is enough"},
    ],
)
def test_nor_for_a_provider_that_takes_it_another_way(integration, connection, change):
    data = {**integration.custom_provider, **change}
    assert customizing.change(integration=integration, data=data, actor="admin:eve")
    slot = OAuthClient.objects.get(pk=connection.oauth_client_id)
    config = ClientConfig("fake_ok", None, {})
    found = fault(clients.replace_config, client=slot, config=config, actor="test")
    assert found == [("client_secret", "secret_required")]


def test_a_new_secret_alone_does_not_move_an_app(provider, integration, connection):
    steal(provider, integration)
    slot = OAuthClient.objects.get(pk=connection.oauth_client_id)
    with pytest.raises(NotAllowed) as error:
        rotation.replace_secret(client=slot, secret="another-secret", actor="test")
    assert error.value.code == "settings_changed"
    assert nothing_arrived(provider)


def test_the_vendors_client_is_not_used_at_another_address(provider, integration):
    vendor_client(integration)
    steal(provider, integration)
    session = trips.visit(integration.project).session
    with pytest.raises(NotAllowed) as error:
        connect.begin(session=session, wish=Wish("acme-id", (DEFAULT_ACCOUNT,)))
    assert error.value.code == "vendor_client_missing"


def test_a_flow_with_the_vendors_client_has_to_choose_again(provider, integration):
    vendor_client(integration)
    session = trips.visit(integration.project).session
    flow = connect.begin(session=session, wish=Wish("acme-id", (DEFAULT_ACCOUNT,)))
    steal(provider, integration)
    flow.refresh_from_db()
    assert (flow.account_type, flow.client_version, flow.oauth_client) == ("", None, None)


def test_a_flow_with_an_own_client_goes_back_to_its_form(provider, integration, dana):
    steal(provider, integration)
    page = dana.open("acme-id", account_type=OWN_CLIENT)
    assert "client_secret" in page.form("/portal/options").submitted
    dana.post("/oauth/start")
    assert not dana.page.refresh
    assert nothing_arrived(provider)


def test_a_flow_that_kept_its_old_client_does_not_leave(provider, integration, dana):
    """As one would that was saved in the very moment of the change."""
    version = dana.current_flow().client_version
    steal(provider, integration)
    flow = dana.current_flow()
    Flow.objects.filter(pk=flow.pk).update(client_version=version)
    flow.refresh_from_db()
    with pytest.raises(NotAllowed) as error:
        connect.authorize(flow=flow)
    assert error.value.code == "options_missing"


@pytest.mark.parametrize("name", MOVES)
def test_a_code_that_is_under_way_is_not_exchanged(provider, integration, dana, name):
    url = provider_visitor.approve(dana.start())
    steal(provider, integration, name)
    dana.come_back(url)
    assert not Connection.objects.exists()
    assert provider.count("token") == 0
    assert nothing_arrived(provider)


def test_a_secret_entered_for_the_new_address_goes_there(provider, integration, connection):
    steal(provider, integration, "token_endpoint")
    slot = OAuthClient.objects.get(pk=connection.oauth_client_id)
    factories.replace_secret(slot, "a-secret-for-eve")
    version = OAuthClient.objects.get(pk=slot.pk).current_version
    assert version.provider.token_endpoint == f"{provider.url}/canary/token_endpoint"
    kept = Connection.objects.get().credential.client_version
    assert kept.provider.token_endpoint == f"{provider.url}/demo-mail/oauth/token"


def test_a_change_that_moves_nothing_keeps_everything(provider, integration, connection):
    data = {**integration.custom_provider, "name": "Acme Identity", "default_scopes": ["openid"]}
    assert not customizing.change(integration=integration, data=data, actor="admin:eve")
    assert customizing.left_behind(integration, data) == (0, 0)
    slot = OAuthClient.objects.get(pk=connection.oauth_client_id)
    config = ClientConfig("fake_ok", None, {})
    clients.replace_config(client=slot, config=config, actor="test")
    factories.expire(connection)
    token_life.access_token_for(Connection.objects.get())
    assert provider.requests("token")[0].outcome == "ok"


def test_it_says_how_many_are_left_behind(provider, integration, connection):
    vendor_client(integration)
    data = moved(provider, integration, "token_endpoint")
    assert customizing.left_behind(integration, data) == (2, 1)
    assert customizing.left_behind(integration, integration.custom_provider) == (0, 0)


@pytest.mark.parametrize("change", [{"name": "x"}, {"token_endpoint": "https://evil.example/t"}])
def test_a_writer_to_the_database_cannot_point_a_secret_elsewhere(integration, dana, change):
    version = ClientVersion.objects.get()
    ClientVersion.objects.update(custom_provider={**version.custom_provider, **change})
    dana.post("/oauth/start")
    assert dana.current_flow().status != Flow.Status.WAITING
    assert not dana.page.refresh


def test_nor_by_taking_away_that_it_is_the_projects_own(provider, integration, connection):
    steal(provider, integration)
    ClientVersion.objects.update(custom_provider=None)
    factories.expire(connection)
    assert token_life.refresh_one(connection.pk) == "broken"
    assert nothing_arrived(provider)


@pytest.mark.parametrize(
    "wrong", [{"provider_slug": "custom"}, {"provider_slug": "demo-mail", "custom_provider": {}}]
)
def test_the_database_refuses_a_half_described_provider(provider, wrong):
    project = factories.make_project()
    with pytest.raises(IntegrityError), transaction.atomic():
        Integration.objects.create(project=project, slug="half", **wrong)


def test_a_description_that_no_longer_passes_is_like_a_file_that_is_gone(integration):
    Integration.objects.update(custom_provider={"name": "broken"})
    row = Integration.objects.get()
    assert not row.is_known
    with pytest.raises(NotFound):
        _ = row.provider


def test_a_slug_is_used_once_in_a_project(integration):
    data = integration.custom_provider
    again = {"project": integration.project, "slug": "acme-id", "data": data, "actor": "test"}
    assert fault(customizing.create, **again) == [("slug", "taken")]


def test_a_provider_of_the_catalog_is_not_described_over(provider):
    mail = factories.make_integration(factories.make_project())
    with pytest.raises(Integration.DoesNotExist):
        customizing.change(integration=mail, data={}, actor="admin:eve")


def test_the_history_names_the_hosts_and_how_grave_it_is(provider, integration, connection):
    steal(provider, integration, "token_endpoint")
    event = AuditEvent.objects.filter(action="integration.provider_changed").get()
    host = provider.url.removeprefix("http://")
    assert (event.data["severity"], event.data["hosts"]) == ("high", [host])
