"""Asking a provider in advance: advice that is slow, private, and never in the way."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import audit, hosts, mistakes, preflight, rotation, versions
from integrations.catalog import registry
from integrations.catalog.preflight import Preflight, pinned
from integrations.catalog.schema import Provider
from integrations.models import AuditEvent, ClientCheck, ProviderHost, RateCount
from integrations.preflight import Outcome
from integrations.secret import Secret
from tests import factories, granted, trips

pytestmark = pytest.mark.django_db
RECIPE = Preflight(accepted=("invalid_grant",), rejected=("invalid_client",))
SECRET = "a-secret-nobody-may-read"


@pytest.fixture(autouse=True)
def recipe(provider, catalog):
    """Demo Mail with a recipe, for it answers by the letter of RFC 6749."""
    asked = catalog["demo-mail"].model_copy(update={"preflight": RECIPE})
    registry.install({**catalog, "demo-mail": asked})


@pytest.fixture
def project(provider):
    project = factories.make_project()
    factories.make_integration(project)
    return project


def flow_of(project, sub: str = "dana", **config):
    return trips.prepared(project, sub, **config).current_flow()


def asked(flow) -> Outcome:
    return preflight.ask_for(version=flow.client_version, who=flow.session)


def test_a_good_pair_is_accepted_and_kept(project, provider):
    flow = flow_of(project)
    assert preflight.outcome(flow.client_version) is None
    assert asked(flow) == Outcome.ACCEPTED
    assert preflight.outcome(flow.client_version) == Outcome.ACCEPTED
    assert provider.count("token") == 1
    (pair,) = (row for row in preflight.checks(flow.client_version) if row.name == "credentials")
    assert (pair.result, pair.field) == ("accepted", "")
    assert "accepts" in pair.text


def test_a_wrong_secret_is_told_and_stops_nobody(project):
    flow = flow_of(project, client_secret=Secret("wrong"))
    assert asked(flow) == Outcome.REJECTED
    (pair,) = (row for row in preflight.checks(flow.client_version) if row.name == "credentials")
    assert (pair.result, pair.field) == ("rejected", "client_secret")
    assert trips.returning(flow).start()


def test_an_expired_secret_has_words_of_its_own(project, provider, catalog):
    recipe = RECIPE.model_copy(update={"expired": ("AADSTS7000222",)})
    known = catalog["demo-mail"].model_copy(update={"preflight": recipe})
    registry.install({**catalog, "demo-mail": known})
    body = {"error": "invalid_client", "error_description": "AADSTS7000222: too old."}
    provider.configure(token_body={"body": str(body).replace("'", '"'), "status": 401})
    flow = flow_of(project)
    assert asked(flow) == Outcome.EXPIRED
    assert any("expired" in row.text for row in preflight.checks(flow.client_version))


def test_without_a_recipe_nothing_is_sent(project, provider, catalog):
    registry.install(catalog)
    flow = flow_of(project)
    assert asked(flow) == Outcome.UNKNOWN
    assert provider.count("token") == 0
    assert not ClientCheck.objects.exists()


def test_a_slow_provider_is_not_waited_for(project, provider, monkeypatch):
    monkeypatch.setattr(preflight, "SECONDS", 0.2)
    provider.configure(token_delay=2, times=1)
    flow = flow_of(project)
    began = time.monotonic()
    assert asked(flow) == Outcome.UNKNOWN
    assert time.monotonic() - began < 1.5
    # Our impatience is no failure of the provider.
    assert not ProviderHost.objects.filter(failures__gt=0).exists()


def test_a_provider_that_fails_is_counted_and_rests(project, provider):
    provider.configure(token_status=503)
    for number in range(hosts.OPEN_AFTER):
        asked(flow_of(project, f"person-{number}", client_id=f"app-{number}"))
    sent = provider.count("token")
    assert asked(flow_of(project)) == Outcome.UNKNOWN
    assert provider.count("token") == sent == hosts.OPEN_AFTER


def test_one_person_cannot_try_many_secrets(project, provider, settings):
    settings.LIMITS = {"preflight": "3/3600"}
    flows = [flow_of(project, client_id=f"app-{number}") for number in range(5)]
    for flow in flows:
        asked(flow)
    assert provider.count("token") == 3
    assert preflight.outcome(flows[-1].client_version) is None


def test_many_people_cannot_try_secrets_of_one_client(project, provider, settings):
    settings.LIMITS = {"preflight_client": "3/3600"}
    for number in range(5):
        asked(flow_of(project, f"person-{number}", client_secret=Secret(f"guess-{number}")))
    assert provider.count("token") == 3


def test_the_tries_of_one_project_show_in_no_other(project, provider, settings):
    settings.LIMITS = {"preflight_client": "1/3600"}
    asked(flow_of(project))
    other = factories.make_project("Other", which=1)
    factories.make_integration(other)
    assert asked(flow_of(other, "eve")) == Outcome.ACCEPTED


def test_a_failing_count_lets_nothing_through(project, provider, monkeypatch):
    def broken(*_):
        from django.db import DatabaseError

        raise DatabaseError

    monkeypatch.setattr(type(RateCount.objects), "take", broken)
    assert asked(flow_of(project)) == Outcome.UNKNOWN
    assert provider.count("token") == 0


def test_only_one_asks_at_a_time(project, provider):
    flow = flow_of(project)
    later = timezone.now() + timedelta(seconds=20)
    ClientCheck.objects.create(client_version=flow.client_version, lease_until=later)
    assert asked(flow) == Outcome.UNKNOWN
    assert provider.count("token") == 0


def test_the_record_names_no_secret(project, caplog):
    caplog.set_level("DEBUG")
    asked(flow_of(project, client_secret=Secret(SECRET)))
    event = AuditEvent.objects.get(project=project, action="client.checked")
    assert event.data == {"version": 1, "outcome": "rejected"}
    assert event.actor == "user:dana"
    assert SECRET not in caplog.text
    assert audit.verify(project) is None


def test_a_replaced_secret_without_a_grant_is_checked_in_advance(project, provider):
    flow = flow_of(project)
    done = rotation.replace_secret(client=flow.oauth_client, secret="wrong", actor="test")
    assert (done.checked, done.told) == (False, Outcome.REJECTED)
    again = rotation.replace_secret(client=flow.oauth_client, secret="fake-secret", actor="test")
    assert (again.checked, again.told) == (False, Outcome.ACCEPTED)


def test_a_replaced_secret_with_a_grant_is_tried_on_it_alone(project, provider):
    integration = project.integrations.get()
    row = granted.connection(provider, integration)
    slot = row.oauth_client
    slot.refresh_from_db()
    known = provider.world.store.clients
    key = ("demo-mail", slot.current_version.client_id)
    known[key] = replace(known[key], client_secret="new-one")
    done = rotation.replace_secret(client=slot, secret="new-one", actor="test")
    assert done.checked
    assert not ClientCheck.objects.exists()


def test_a_client_entered_for_another_address_is_not_asked_about(project, monkeypatch):
    flow = flow_of(project)
    monkeypatch.setattr(versions, "fits", lambda _: False)
    assert not preflight.can_ask(flow.client_version)


@pytest.mark.parametrize(
    ("endpoint", "pattern", "expected"),
    [
        ("https://token.example/x", "", True),
        ("https://{place}.zendesk.com/x", r"\A[a-z]+\Z", True),
        ("https://{place}/x", r"\A[a-z]+\.my\.salesforce\.com\Z", True),
        ("https://{place}/x", r"\A(?:a\.b\.com|[a-z]+\.my\.b\.com)\Z", True),
        ("https://{place}.com/x", r"\A[a-z]+\Z", False),
        ("https://{place}/x", r"\A[a-z.]+\Z", False),
        ("https://{place}/x", r"\A(?:a\.b\.com|[a-z.]+)\Z", False),
        ("https://{place}/x", r"\A[a-z]+.b.com\Z", False),
        ("https://a.{place}/x", r"\A[a-z]+\Z", False),
    ],
)
def test_a_host_that_people_form_must_end_at_the_provider(endpoint, pattern, expected):
    class Named:
        name = "place"

    Named.pattern = pattern
    assert pinned(endpoint, [Named]) is expected


def test_a_file_that_would_send_secrets_anywhere_is_refused(catalog):
    data = registry.load()["gitlab"].model_dump(mode="python")
    data["preflight"] = {"accepted": ("invalid_grant",), "rejected": ("invalid_client",)}
    with pytest.raises(ValueError, match="preflight asks a host"):
        Provider.model_validate(data)


def test_a_word_that_means_two_things_is_refused():
    with pytest.raises(ValueError, match="one thing"):
        Preflight(accepted=("invalid_grant",), rejected=("invalid_grant",))
    with pytest.raises(ValueError, match="need rejected"):
        Preflight(accepted=("invalid_grant",))


GUID = "8d0f7c2e-1b3a-4c5d-9e8f-0a1b2c3d4e5f"
GOOGLE = "123456789-abcdefghij.apps.googleusercontent.com"


@pytest.mark.parametrize(
    ("slug", "client_id", "secret", "fields"),
    [
        ("gmail", GOOGLE, "GOCSPX-x", []),
        ("gmail", "not-of-google", "GOCSPX-x", ["client_id"]),
        ("outlook", GUID, "abc~value", []),
        ("outlook", GUID, "9" + GUID[1:], ["client_secret"]),
        ("hubspot", "anything", "x", []),
    ],
)
def test_what_looks_wrong_is_told_by_field(slug, client_id, secret, fields):
    entry = registry.load()[slug]
    found = mistakes.noticed(provider=entry, client_id=client_id, secret=Secret(secret))
    assert list(found) == fields
    assert all(secret not in text for text in found.values())


@pytest.mark.parametrize(
    ("slug", "client_id", "secret", "refused"),
    [
        ("gmail", "GOCSPX-x", "", True),
        ("hubspot", "  'GOCSPX-x'", "x", True),
        ("hubspot", "GO\u200bCSPX-x", "x", True),
        ("gmail", "of-no-known-form", GOOGLE, True),
        ("gmail", "of-no-known-form", f" {GOOGLE}\n", True),
        ("gmail", "x" * 60_000, GOOGLE, True),
        ("hubspot", "same", "same", True),
        ("hubspot", '"same"', " same", True),
        ("notion", "secret_" + "aB3" * 15, "", True),
        ("gmail", "of-no-known-form", "neither", False),
        ("gmail", GOOGLE, "GOCSPX-x", False),
        ("gmail", GOOGLE, "9" + GOOGLE, False),
        ("zendesk", "secret_santa", "x", False),
        ("zendesk", "pat-and-mat", "x", False),
        ("hubspot", "", "", False),
        ("hubspot", "\u200b", " ", False),
    ],
)
def test_a_secret_in_place_of_the_client_id_is_known(slug, client_id, secret, refused):
    entry = registry.load()[slug]
    found = mistakes.is_secret(
        provider=entry, client_id=client_id, secret=Secret(secret) if secret else None
    )
    assert found is refused


def test_what_looks_wrong_is_saved_all_the_same(project, catalog):
    shape = RECIPE.model_copy(update={"client_id": r"\Aapp-[0-9]+\Z"})
    registry.install(
        {**catalog, "demo-mail": catalog["demo-mail"].model_copy(update={"preflight": shape})}
    )
    flow = flow_of(project)
    assert flow.client_version.client_id == "fake_ok"
    (row, *_) = preflight.checks(flow.client_version)
    assert (row.name, row.result, row.field) == ("client_id", "rejected", "client_id")
