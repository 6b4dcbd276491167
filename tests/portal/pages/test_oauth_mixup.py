"""Answers that belong elsewhere, or to what is no longer so: nothing is sent for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integrations import clients
from integrations.clients import ClientConfig
from integrations.models import (
    AuthorizationRequest,
    Credential,
    Flow,
    Integration,
    OAuthClient,
    PortalSession,
    Project,
    SigningKey,
)
from integrations.models.clients import new_slot
from integrations.secret import Secret
from tests import factories, trips
from tests.fakeas import visitor as person

pytestmark = pytest.mark.django_db


def another_slot(kind: str, project: Project) -> OAuthClient:
    """Return the slot of somebody or something else."""
    if kind == "other project":
        project = factories.make_project("Globex")
        factories.make_integration(project, "demo-mail")
    if kind == "other integration":
        factories.make_integration(project, "demo-desk")
    slug = "demo-desk" if kind == "other integration" else "demo-mail"
    integration = Integration.objects.get(project=project, slug=slug)
    if kind == "vendor's own":
        return clients.vendor_client(integration)
    sub = "mallory" if kind == "other person" else "dana"
    settings = {"subdomain": "acme"} if slug == "demo-desk" else {}
    who = factories.make_end_user(project, sub)
    return factories.make_client(integration, who, settings=settings)


@pytest.mark.parametrize(
    "kind",
    ["other integration", "other project", "vendor's own", "other person", "other client"],
)
def test_an_answer_at_the_address_of_another_slot_is_refused(dana, project, provider, kind):
    slot = another_slot(kind, project)
    dana.come_back(trips.answer(dana.start(), provider, path=f"/oauth/callback/{slot.slot}"))
    assert trips.failed(dana, "mixup_blocked", provider)
    assert trips.refusals(project) == [("oauth.refused", "mixup_blocked", "high")]


def test_an_answer_at_the_address_of_no_slot_is_refused(dana, provider):
    dana.come_back(trips.answer(dana.start(), provider, path=f"/oauth/callback/{new_slot()}"))
    assert trips.failed(dana, "mixup_blocked", provider)


def test_a_provider_that_sends_the_person_to_an_honest_one_gets_no_code(project, provider):
    factories.make_integration(project, "demo-desk")
    honest = trips.prepared(project)
    target = trips.parameters(honest.start())
    names = ("client_id", "redirect_uri", "scope")
    elsewhere = {
        "url": f"{provider.url}/demo-mail/oauth/authorize",
        **{name: target[name] for name in names},
    }
    provider.configure(profile="demo-desk", mixup_redirect=elsewhere)
    victim = trips.prepared(project, integration="demo-desk", settings={"subdomain": "evil"})
    victim.come_back(person.approve(victim.start()))
    assert trips.failed(victim, "mixup_blocked", provider)


@pytest.mark.parametrize(
    ("mode", "code"), [("wrong", "issuer_mismatch"), ("missing", "issuer_missing")]
)
def test_an_answer_of_another_issuer_is_refused(dana, project, provider, mode, code):
    provider.configure(profile="demo-mail", iss=mode)
    dana.approve()
    assert trips.failed(dana, code, provider)
    assert trips.refusals(project) == [("oauth.refused", code, "high")]


def test_an_answer_with_two_issuers_is_refused(dana, provider):
    provider.configure(profile="demo-mail", iss="duplicate")
    dana.come_back(person.approve(dana.start()))
    assert dana.last.status_code == 400
    assert trips.failed(dana, "answer_malformed", provider)


@pytest.mark.parametrize("change", ["/", "?a=b", "#a"])
def test_an_issuer_is_compared_as_a_whole(dana, provider, change):
    dana.come_back(trips.answer(dana.start(), provider, iss=f"{provider.url}/demo-mail{change}"))
    assert trips.failed(dana, "issuer_mismatch", provider)


def test_an_error_of_another_issuer_is_not_believed(dana, provider):
    error = {"code": None, "error": "access_denied", "iss": "https://evil.example"}
    dana.come_back(trips.answer(dana.start(), provider, **error))
    assert trips.failed(dana, "issuer_mismatch", provider)


def test_an_answer_after_ten_minutes_is_refused(dana, project, provider):
    started = dana.start()
    AuthorizationRequest.objects.update(expires_at=timezone.now())
    dana.come_back(trips.answer(started, provider))
    assert trips.failed(dana, "consent_timeout", provider)
    assert trips.refusals(project) == [("flow.failed", "consent_timeout", "low")]


def test_the_checks_come_in_a_fixed_order(project, provider):
    """Everything is wrong at once; each round puts the first wrong thing right."""
    wrong = {"code": None, "error": "access_denied", "iss": "https://evil.example"}
    faults = {
        "session_binding_failed": {},
        "mixup_blocked": {"browser": True},
        "issuer_mismatch": {"browser": True, "path": ""},
        "consent_timeout": {"browser": True, "path": "", "iss": f"{provider.url}/demo-mail"},
    }
    for number, (code, right) in enumerate(faults.items()):
        dana = trips.prepared(project, f"dana-{number}")
        started = dana.start()
        AuthorizationRequest.objects.update(expires_at=timezone.now())
        browser = dana.client if right.pop("browser", False) else Client()
        other = {"path": f"/oauth/callback/{new_slot()}"}
        browser.get(trips.answer(started, provider, **(wrong | other | right)))
        assert trips.failed(dana, code, provider)


def changed_client(dana):
    """Replace the client of the trip that is under way."""
    config = ClientConfig("fake_partial", Secret("fake-secret"), {})
    clients.replace_config(client=OAuthClient.objects.get(), config=config, actor="test")


MEANWHILE = {
    "client changed": (changed_client, "settings_changed"),
    "visit ended": (
        lambda dana: PortalSession.objects.update(ended_at=timezone.now()),
        "session_expired",
    ),
    "key revoked": (
        lambda dana: SigningKey.objects.update(revoked_at=timezone.now()),
        "session_expired",
    ),
    "project closed": (lambda dana: Project.objects.update(is_active=False), "session_expired"),
    "integration closed": (
        lambda dana: Integration.objects.update(is_active=False),
        "integration_not_found",
    ),
    "other account type": (
        lambda dana: Flow.objects.update(oauth_client=None, client_version=None),
        "settings_changed",
    ),
    "back at the form": (
        lambda dana: Flow.objects.update(client_version=None),
        "settings_changed",
    ),
    "other permissions": (
        lambda dana: Flow.objects.update(status="DRAFT", scopes=["contacts.read"]),
        "settings_changed",
    ),
}


@pytest.mark.parametrize(("change", "code"), MEANWHILE.values(), ids=MEANWHILE)
def test_an_answer_to_what_is_no_longer_so_is_refused(dana, provider, change, code):
    started = dana.start()
    change(dana)
    dana.come_back(trips.answer(started, provider))
    assert trips.failed(dana, code, provider)


def test_a_changed_address_of_the_provider_is_noticed(dana, provider, monkeypatch):
    from integrations.catalog import registry

    started = dana.start()
    moved = registry.provider("demo-mail").model_copy(
        update={"token_endpoint": f"{provider.url}/evil/token"}
    )
    monkeypatch.setitem(registry._providers, "demo-mail", moved)
    dana.come_back(trips.answer(started, provider))
    assert trips.failed(dana, "settings_changed", provider)


def test_a_visit_whose_time_runs_out_meanwhile_does_not_spoil_the_answer(dana):
    started = dana.start()
    long_ago = timezone.now() - timedelta(hours=1)
    PortalSession.objects.update(last_seen_at=long_ago, expires_at=long_ago)
    dana.come_back(person.approve(started))
    assert Credential.objects.count() == 1
