"""Replacing a secret by the API: the person their own, the vendor's backend any of the project."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from integrations import clients, keys
from integrations.apikeys import KeyPolicy
from integrations.models import AuditEvent, ClientVersion, Connection, OAuthClient
from tests import factories, granted, stored
from tests.portal.api.conftest import Caller, vendor_of

pytestmark = pytest.mark.django_db
NEW, WRONG = "the-new-secret-of-the-app", "a-secret-that-is-wrong"
KEPT = (OAuthClient, ClientVersion, Connection)


@pytest.fixture
def connection(provider, project):
    """Dana's connection, which the provider really granted."""
    return granted.connection(provider, project.integrations.get())


@pytest.fixture
def slot(connection) -> OAuthClient:
    return connection.oauth_client


@pytest.fixture(params=["person", "vendor"])
def caller(request, project) -> tuple[Caller, str]:
    """Somebody who may, and where they do it."""
    if request.param == "vendor":
        return vendor_of(project), "/v1/clients"
    person = Caller(f"Bearer {factories.user_token(project)}")
    person("GET", "/v1/me")  # the token's own name and email are taken over here
    return person, "/v1/me/clients"


def put(caller: tuple[Caller, str], slot: Any, secret: Any = NEW, **more: Any) -> Any:
    """Send a secret; no answer repeats it."""
    call, path = caller
    answer = call("PUT", f"{path}/{slot}/secret", {"client_secret": secret, **more})
    assert str(secret) not in answer.content.decode()
    return answer


def at_provider(provider, slot: OAuthClient, secret: str = NEW) -> None:
    """Let the provider accept only this secret for the app."""
    known = provider.world.store.clients
    key = (slot.integration.provider_slug, slot.current_version.client_id)
    known[key] = replace(known[key], client_secret=secret)


def secret_of(slot: OAuthClient) -> str:
    slot.refresh_from_db()
    return slot.current_version.open_required("client_secret").reveal()


def test_the_right_secret_takes_over_and_everyone_stays_connected(caller, provider, slot):
    at_provider(provider, slot)
    answer = put(caller, slot.pk, expires_on="2027-03-14")
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert (said["checked"], said["connections"]) == (True, 1)
    assert (said["id"], said["secret_expires_on"]) == (str(slot.pk), "2027-03-14")
    assert secret_of(slot) == NEW
    assert Connection.objects.get().status == "VALID"
    event = AuditEvent.objects.get(action="client.rotated")
    assert event.actor.split(":")[0] in ("user", "api_key")
    assert NEW not in str(event.data)


def test_a_wrong_secret_is_refused_and_nothing_is_changed(caller, slot):
    before = ClientVersion.objects.count()
    answer = put(caller, slot.pk, WRONG)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("client_secret", "invalid_client")
    assert ClientVersion.objects.count() == before
    assert secret_of(slot) == granted.SECRET
    assert Connection.objects.get().status == "VALID"


def test_a_provider_that_cannot_be_asked_is_said(caller, provider, slot):
    provider.configure(profile="demo-mail", token_status=503, times=2)
    answer = put(caller, slot.pk)
    assert (answer.status_code, answer.json()["checked"]) == (200, False)


@pytest.mark.parametrize("day", ["2020-01-01", "2999-01-01", "soon", "2027-02-30", "2027-1-1"])
def test_a_bad_day_is_refused_by_name(caller, slot, provider, day):
    before = stored.rows(*KEPT)
    answer = put(caller, slot.pk, expires_on=day)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["secret_expires_on"]
    assert stored.rows(*KEPT) == before
    assert granted.refreshes(provider) == 0


@pytest.mark.parametrize("kind", ["another project's", "nobody's", "draft"])
def test_a_client_that_is_not_there_for_the_caller(caller, project, provider, kind):
    if kind == "another project's":
        other = factories.make_integration(factories.make_project("Globex"), "demo-mail")
        pk = factories.make_client(other, factories.make_end_user(other.project)).pk
    elif kind == "draft":
        pk = clients.draft_client(
            integration=project.integrations.get(), end_user=factories.make_end_user(project)
        ).pk
    else:
        pk = project.pk
    before = stored.rows(*KEPT)
    answer = put(caller, pk)
    assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")
    assert stored.rows(*KEPT) == before
    assert granted.refreshes(provider) == 0


def test_a_person_replaces_no_secret_of_another_and_none_of_the_vendor(project, slot):
    mallory = Caller(f"Bearer {factories.user_token(project, 'mallory')}")
    vendors = clients.vendor_client(project.integrations.get())
    for pk in (slot.pk, vendors.pk):
        answer = put((mallory, "/v1/me/clients"), pk)
        assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")
    assert secret_of(slot) == granted.SECRET


def test_a_key_without_the_scope_may_not(project, slot):
    policy = KeyPolicy(scopes=tuple(sorted(set(keys.EVERYTHING.scopes) - {"clients:write"})))
    reader = Caller(f"Bearer {factories.make_api_key(project, policy)}")
    answer = put((reader, "/v1/clients"), slot.pk)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert secret_of(slot) == granted.SECRET


def test_too_many_tries_of_a_person_are_refused(project, slot, settings, provider):
    settings.LIMITS = {"save_options": "1/3600"}
    person = (Caller(f"Bearer {factories.user_token(project)}"), "/v1/me/clients")
    assert put(person, slot.pk, WRONG).status_code == 422
    before = granted.refreshes(provider)
    answer = put(person, slot.pk)
    assert answer.status_code == 429
    assert 3500 <= int(answer["Retry-After"]) <= 3600
    assert granted.refreshes(provider) == before


@pytest.mark.parametrize("secret", [NEW, WRONG, f"{NEW}\nX: 1", "\ud800" + NEW])
def test_no_log_has_the_secret(caller, slot, provider, caplog, secret):
    caplog.set_level(logging.DEBUG)
    at_provider(provider, slot)
    call, path = caller
    answer = call("PUT", f"{path}/{slot.pk}/secret", {"client_secret": secret})
    for part in (NEW, WRONG, granted.SECRET):
        assert part not in caplog.text
        assert part not in answer.content.decode()
