"""The page that replaces a secret: tried first, refused without harm, and shown to nobody."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from integrations import clients
from integrations.models import ClientVersion, Connection, OAuthClient
from tests import factories, granted, stored, trips
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
NEW, WRONG = "the-new-secret-of-the-app", "a-secret-that-is-wrong"
KEPT = (OAuthClient, ClientVersion, Connection)


@pytest.fixture
def connection(provider, project):
    """Dana's connection, which the provider really granted."""
    made = granted.connection(provider, project.integrations.get())
    Connection.objects.update(account_label="alice@example.test")
    return made


@pytest.fixture
def slot(connection) -> OAuthClient:
    return connection.oauth_client


@pytest.fixture
def dana(project, connection) -> Visitor:
    """Dana, whose visit is open."""
    return Visitor(project, handle=trips.visit(project).handle.reveal())


def asked(who: Visitor, slot: Any, **typed: str) -> str:
    """Post the page's form and return the page."""
    return who.post("/portal/secret", client=str(slot), **typed).html


def at_provider(provider, slot: OAuthClient, secret: str = NEW) -> None:
    """Let the provider accept only this secret for the app."""
    known = provider.world.store.clients
    key = (slot.integration.provider_slug, slot.current_version.client_id)
    known[key] = replace(known[key], client_secret=secret)


def secret_of(slot: OAuthClient) -> str:
    slot.refresh_from_db()
    return slot.current_version.open_required("client_secret").reveal()


def test_the_form_says_which_app_it_is_and_who_uses_it(dana, slot):
    page = asked(dana, slot.pk)
    assert dana.last.status_code == 200
    assert "Replace the secret of your Demo Mail app" in page
    for fact in (slot.current_version.client_id, "alice@example.test", "Saved now"):
        assert fact in page
    assert granted.SECRET not in page
    shown = dana.page.form("/portal/secret").submitted
    assert (shown["client"], shown["client_secret"]) == ([str(slot.pk)], [""])


def test_the_form_is_reached_from_the_list_of_connections(dana, slot):
    dana.post("/portal/manage")
    form = dana.page.form("/portal/secret")
    assert form.submitted["client"] == [str(slot.pk)]


def test_the_right_secret_takes_over_and_everyone_stays_connected(dana, provider, slot):
    at_provider(provider, slot)
    day = (timezone.now() + timedelta(days=90)).date()
    page = asked(dana, slot.pk, client_secret=f" {NEW}\n", secret_expires_on=day.isoformat())
    assert dana.last.status_code == 200
    assert "The secret of your Demo Mail app was replaced" in page
    assert "stay connected: 1." in page
    assert NEW not in page
    assert secret_of(slot) == NEW
    assert slot.current_version.secret_expires_on == day
    assert Connection.objects.get().status == "VALID"


def versions_of(slot) -> list[tuple[object, ...]]:
    """Return what the slot holds and held; that the old secret was taken meanwhile is no change."""
    columns = ("pk", "number", "client_id", "last4", "secret_expires_on")
    return list(slot.versions.order_by("number").values_list(*columns))


def test_a_wrong_secret_is_refused_and_nothing_is_changed(dana, slot, provider):
    before = versions_of(slot)
    page = asked(dana, slot.pk, client_secret=WRONG, secret_expires_on="2027-03-14")
    assert dana.last.status_code == 422
    assert "Demo Mail did not take this secret." in unescape(page)
    assert WRONG not in page
    assert 'value="2027-03-14"' in page
    assert versions_of(slot) == before
    assert secret_of(slot) == granted.SECRET
    assert Connection.objects.get().status == "VALID"


def test_a_provider_that_cannot_be_asked_leaves_the_old_one_in_use(dana, provider, slot):
    provider.configure(profile="demo-mail", token_status=503, times=2)
    page = asked(dana, slot.pk, client_secret=NEW)
    assert dana.last.status_code == 200
    assert "We could not try it at Demo Mail yet." in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("2020-01-01", "This day is over."),
        ("2999-01-01", "No secret is good for that long."),
        ("tomorrow", "Enter the day the secret expires like 2027-03-14"),
        ("2027-02-30", "Enter the day the secret expires like 2027-03-14"),
        ('"><script>alert(1)</script>', "Enter the day"),
        ("2027-01-01\x00", "Enter the day"),
        ("2" * 500, "Enter the day"),
    ],
)
def test_a_bad_day_is_kept_and_the_secret_is_not(dana, slot, provider, typed, words):
    before = stored.rows(*KEPT)
    page = asked(dana, slot.pk, client_secret=NEW, secret_expires_on=typed)
    assert dana.last.status_code == 422
    assert words in unescape(page)
    assert 'id="secret_expires_on_error"' in page
    assert NEW not in page
    assert "<script>alert" not in page
    shown = dana.page.form("/portal/secret").submitted
    assert shown["secret_expires_on"] == [typed.replace("\x00", "\ufffd")[:40]]
    assert shown["client_secret"] == [""]
    assert stored.rows(*KEPT) == before
    assert granted.refreshes(provider) == 0


@pytest.mark.parametrize("client", ["mallory's", "the vendor's", "nobody's", "", "x", "draft"])
def test_a_client_that_is_not_ones_own_does_not_exist(dana, project, provider, client):
    integration = project.integrations.get()
    if client == "mallory's":
        mallory = factories.make_end_user(project, "mallory")
        client = str(factories.make_client(integration, mallory).pk)
    elif client == "the vendor's":
        client = str(clients.vendor_client(integration).pk)
    elif client == "nobody's":
        client = "00000000-0000-0000-0000-000000000000"
    elif client == "draft":
        dana_s = factories.make_end_user(project)
        client = str(clients.draft_client(integration=integration, end_user=dana_s).pk)
    before = stored.rows(*KEPT)
    for typed in ({}, {"client_secret": NEW}):
        page = asked(dana, client, **typed)
        assert dana.last.status_code == 404
        assert NEW not in page
    assert stored.rows(*KEPT) == before
    assert granted.refreshes(provider) == 0


def test_too_many_tries_keep_the_page(dana, slot, settings, provider):
    settings.LIMITS = {"save_options": "1/3600"}
    asked(dana, slot.pk, client_secret=WRONG)
    asked_before = granted.refreshes(provider)
    page = asked(dana, slot.pk, client_secret=NEW, secret_expires_on="2027-03-14")
    assert dana.last.status_code == 429
    assert 3500 <= int(dana.last["Retry-After"]) <= 3600
    assert 'id="client_secret_error"' in page
    assert 'value="2027-03-14"' in page
    assert NEW not in page
    assert granted.refreshes(provider) == asked_before
    assert secret_of(slot) == granted.SECRET


def test_looking_at_the_form_is_no_try(dana, slot, settings):
    settings.LIMITS = {"save_options": "1/3600"}
    for _ in range(3):
        asked(dana, slot.pk)
        assert dana.last.status_code == 200


@pytest.mark.parametrize("typed", [NEW, WRONG, f"{NEW}\nX-Evil: 1", f"{NEW}\x00"])
def test_no_log_and_no_header_has_the_secret(dana, slot, provider, caplog, typed):
    caplog.set_level(logging.DEBUG)
    at_provider(provider, slot)
    page = asked(dana, slot.pk, client_secret=typed)
    for part in (typed, NEW, WRONG, granted.SECRET):
        assert part not in caplog.text
        assert part not in page
        assert part not in str(dana.last.headers)


def test_a_changed_address_of_the_provider_asks_for_the_whole_form(dana, slot):
    ClientVersion.objects.update(config_hash="0" * 64)
    page = asked(dana, slot.pk, client_secret=NEW)
    assert dana.last.status_code == 403
    assert NEW not in page
    assert slot.versions.count() == 1
