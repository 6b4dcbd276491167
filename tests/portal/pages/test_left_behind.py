"""Another app is entered: who has to connect again is named before anybody leaves."""

from __future__ import annotations

import pytest
from django.utils.html import escape

from integrations.models import Connection
from tests import factories
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
WORDS = "until then they stay with the one before: "
HOSTILE = "<b>ops</b>&\u202e"


@pytest.fixture
def connected(provider) -> Visitor:
    """Dana, with one account connected through her own app, at the form once more."""
    project = factories.make_project()
    factories.make_integration(project, "demo-mail")
    dana = Visitor(project)
    dana.open()
    dana.enter()
    dana.approve()
    dana.open()
    dana.post("/portal/step", to="options")
    return dana


def enter(who: Visitor, **typed: str) -> str:
    """Enter what is typed and return the review page."""
    who.enter(**{"client_id": "fake_rotating", **typed})
    assert "Ready to connect" in who.page.text
    return who.page.html


def test_the_accounts_of_the_app_before_are_named(connected):
    label = Connection.objects.get().account_label
    assert f"{WORDS}<bdi>{label}</bdi>." in enter(connected)


def test_several_are_listed_and_nothing_in_them_becomes_markup(connected):
    first = Connection.objects.get()
    Connection.objects.update(account_label="a")
    factories.make_connection(
        first.integration, first.end_user, client=first.oauth_client, account_label=HOSTILE,
        external_id="second",
    )  # fmt: skip
    page = enter(connected)
    assert f"<bdi>{escape(HOSTILE)}</bdi>" in page
    assert "<bdi>a</bdi>" in page
    assert "<b>ops" not in page


def test_an_account_without_a_name_is_called_by_its_provider(connected):
    Connection.objects.update(account_label="")
    assert f"{WORDS}<bdi>Demo Mail</bdi>." in enter(connected)


@pytest.mark.parametrize("typed", [{"client_secret": ""}, {"client_secret": "another-secret"}])
def test_nobody_is_named_while_the_app_stays(connected, typed):
    assert WORDS not in enter(connected, client_id="fake_ok", **typed)


@pytest.mark.parametrize(
    ("status", "reason"),
    [("DISCONNECTED", ""), ("DISCONNECTING", ""), ("INVALID", "client_rejected")],
)
def test_what_does_not_work_any_more_is_not_named(connected, status, reason):
    Connection.objects.update(status=status, reason=reason)
    assert WORDS not in enter(connected)


def test_a_first_app_leaves_nobody_behind(provider):
    project = factories.make_project()
    factories.make_integration(project, "demo-mail")
    dana = Visitor(project)
    dana.open()
    assert WORDS not in enter(dana)


def test_the_connection_that_is_renewed_comes_along(connected):
    connected.post("/portal/reconnect", connection=str(Connection.objects.get().pk))
    connected.post("/portal/step", to="options")
    assert WORDS not in enter(connected)


def test_another_persons_accounts_are_not_named(connected):
    first = Connection.objects.get()
    eve = factories.make_end_user(first.project, "eve")
    factories.make_connection(
        first.integration, eve, client=first.oauth_client, account_label="eve@example.test"
    )
    assert "eve@example.test" not in enter(connected)
