"""Slots and what they hold: a stored secret is never sent anywhere new."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from integrations import clients
from integrations.catalog import registry
from integrations.clients import ClientConfig
from integrations.errors import InvalidInput
from integrations.models import AuditEvent, ClientVersion, OAuthClient
from integrations.models.clients import LAST4_MIN_LENGTH as SHOWN
from integrations.secret import Secret
from tests import factories, threads

pytestmark = pytest.mark.django_db

SECRET = "a-secret-of-24-characters"


@pytest.fixture
def desk(provider):
    """An integration whose endpoints hold a setting."""
    return factories.make_integration(factories.make_project(), "demo-desk")


@pytest.fixture
def slot(desk):
    """A person's active client at acme."""
    return factories.make_client(
        desk,
        factories.make_end_user(desk.project),
        client_id="app",
        secret=SECRET,
        settings={"subdomain": "acme"},
    )


def replace(slot, client_id: str = "app", secret: str | None = None, **settings: str):
    """Submit a form for the slot; no secret means the one that is stored."""
    config = ClientConfig(
        client_id,
        None if secret is None else Secret(secret),
        {"subdomain": "acme"} | settings,
    )
    return clients.replace_config(client=slot, config=config, actor="test")


def refused(slot, **submitted) -> list[tuple[str, str]]:
    """Return field and code of every refusal; nothing may have been stored."""
    before = ClientVersion.objects.count()
    with pytest.raises(InvalidInput) as error:
        replace(slot, **submitted)
    assert ClientVersion.objects.count() == before
    assert SECRET not in str(error.value.errors)
    return [(each.field, each.code) for each in error.value.errors]


@pytest.mark.parametrize("submitted", [{"subdomain": "evil"}, {"client_id": "another"}], ids=str)
@pytest.mark.parametrize("secret", [None, ""])
def test_another_host_or_client_needs_the_secret_again(slot, submitted, secret):
    assert refused(slot, secret=secret, **submitted) == [("client_secret", "secret_required")]
    assert slot.current_version.settings == {"subdomain": "acme"}


@pytest.mark.parametrize("submitted", [{"subdomain": "other"}, {"client_id": "another"}], ids=str)
def test_another_host_or_client_is_stored_with_its_secret(slot, submitted):
    saved = replace(slot, secret="the-secret-of-the-other", **submitted)
    assert saved.version.number == 2
    assert slot.current_version == saved.version
    assert saved.version.open_required("client_secret") == Secret("the-secret-of-the-other")


def test_an_endpoint_that_moved_in_the_catalog_needs_the_secret_again(slot, monkeypatch):
    moved = registry.provider("demo-desk").model_copy(
        update={"token_endpoint": "http://127.0.0.1:1/{subdomain}/token"}
    )
    monkeypatch.setitem(registry._providers, "demo-desk", moved)
    assert refused(slot) == [("client_secret", "secret_required")]


@pytest.mark.parametrize("mask", ["••••••••", "********", "....", "••••cret"])
def test_a_mask_is_never_a_secret(slot, mask):
    assert refused(slot, secret=mask) == [("client_secret", "mask")]


def test_blanks_are_no_secret(slot):
    assert refused(slot, secret="   ") == [("client_secret", "required")]


def test_a_draft_needs_a_secret(desk):
    draft = clients.draft_client(integration=desk, end_user=factories.make_end_user(desk.project))
    assert refused(draft) == [("client_secret", "required")]
    draft.refresh_from_db()
    assert (draft.state, draft.current_version) == ("DRAFT", None)


def test_every_field_at_fault_is_named(slot):
    fields = [field for field, _ in refused(slot, client_id="a b", secret="•••", subdomain="a/b")]
    assert sorted(fields) == ["client_id", "client_secret", "subdomain"]


@pytest.mark.parametrize("secret", [None, "", SECRET, f"  {SECRET}\n"])
def test_an_unchanged_client_makes_no_version(slot, secret):
    events = AuditEvent.objects.count()
    saved = replace(slot, secret=secret)
    assert saved.version.number == 1
    assert (ClientVersion.objects.count(), AuditEvent.objects.count()) == (1, events)


def test_another_secret_alone_makes_a_version(slot):
    saved = replace(slot, secret="another-secret")
    assert (saved.version.number, saved.version.client_id) == (2, "app")


def test_a_setting_that_forms_no_address_keeps_the_secret(provider):
    slack = factories.make_integration(factories.make_project(), "slack")
    slot = factories.make_client(slack, factories.make_end_user(slack.project), secret=SECRET)
    config = ClientConfig("fake_ok", None, {"user_scopes": "search:read"})
    saved = clients.replace_config(client=slot, config=config, actor="test")
    assert saved.version.number == 2
    assert saved.version.open_required("client_secret") == Secret(SECRET)


def test_slot_and_redirect_url_stay_through_every_change(slot):
    before = slot.redirect_uri()
    replace(slot, client_id="another", secret="s1")
    replace(slot, client_id="third", secret="s2", subdomain="other")
    assert OAuthClient.objects.get().redirect_uri() == before
    assert before == f"http://localhost:8000/oauth/callback/{slot.slot}"
    assert len(slot.slot) == 26


def test_earlier_versions_stay_as_they_were(slot):
    first = slot.current_version
    replace(slot, client_id="another", secret="s1")
    first.refresh_from_db()
    assert (first.client_id, first.settings) == ("app", {"subdomain": "acme"})
    assert first.open_required("client_secret") == Secret(SECRET)


def test_changes_are_recorded_without_the_secret(slot):
    replace(slot, client_id="another", secret="s-of-another")
    events = AuditEvent.objects.filter(action__startswith="client.").order_by("sequence")
    assert [(each.action, each.data["version"]) for each in events] == [
        ("client.created", 1),
        ("client.updated", 2),
    ]
    assert not [each for each in events if "s-of-another" in str(each.data) + each.hash]


@pytest.mark.parametrize(
    ("secret", "shown"), [("x" * (SHOWN - 1), ""), ("x" * (SHOWN - 4) + "1234", "1234")]
)
def test_the_end_of_a_long_secret_may_be_shown(slot, secret, shown):
    assert replace(slot, secret=secret).version.last4 == shown


def test_a_person_has_one_draft_and_then_their_newest_client(desk):
    dana = factories.make_end_user(desk.project)
    draft = clients.own_client(integration=desk, end_user=dana)
    assert clients.own_client(integration=desk, end_user=dana) == draft
    replace(draft, secret="s")
    assert clients.own_client(integration=desk, end_user=dana) == draft
    second = clients.draft_client(integration=desk, end_user=dana)
    assert second.slot != draft.slot
    replace(second, secret="s")
    assert clients.own_client(integration=desk, end_user=dana) == second


def test_people_share_no_slot(desk):
    people = [factories.make_end_user(desk.project, name) for name in ("dana", "mallory")]
    slots = [clients.own_client(integration=desk, end_user=each).slot for each in people]
    assert len({*slots, clients.vendor_client(desk).slot}) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("owner", ["end user", "vendor"])
def test_many_requests_at_once_make_one_slot(desk, owner):
    dana = factories.make_end_user(desk.project)

    def slot() -> str:
        if owner == "vendor":
            return clients.vendor_client(desk).slot
        return clients.draft_client(integration=desk, end_user=dana).slot

    assert len(set(threads.at_once(10, slot))) == 1
    assert OAuthClient.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_changes_at_once_are_numbered_one_after_the_other(slot):
    numbers = threads.at_once(6, lambda: replace(slot, secret="same-for-all").version.number)
    assert set(numbers) == {2}
    assert ClientVersion.objects.count() == 2


RULES = {
    "two of the vendor": {"owner": "vendor"},
    "two drafts of a person": {"owner": "end_user", "end_user": True},
    "a person's without a person": {"owner": "end_user"},
    "the vendor's with a person": {"owner": "vendor", "end_user": True, "state": "DRAFT"},
    "active without a version": {"owner": "end_user", "end_user": True, "state": "ACTIVE"},
}


@pytest.mark.parametrize("fields", RULES.values(), ids=RULES)
def test_the_database_refuses_what_may_not_be(desk, fields):
    dana = factories.make_end_user(desk.project)
    clients.vendor_client(desk)
    clients.draft_client(integration=desk, end_user=dana)
    wrong = fields | ({"end_user": dana} if fields.get("end_user") else {})
    with pytest.raises(IntegrityError), transaction.atomic():
        OAuthClient.objects.create(integration=desk, **wrong)
