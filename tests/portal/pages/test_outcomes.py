"""After consent: what was asked for, what was given, what is required, and what nobody told."""

from __future__ import annotations

import pytest

from integrations.models import Connection
from tests.portal.pages.own_client_form import Entry
from tests.visitor import Page

pytestmark = pytest.mark.django_db


def connected(form: Entry, client_id: str = "fake_ok", **changed: object) -> Page:
    """Connect, change what is stored as named, and look at the result."""
    form.goes_on(client_id=client_id, client_secret="fake-secret")
    form.visitor.approve()
    Connection.objects.update(**changed)
    return form.visitor.status()


def test_what_was_given_is_listed_in_words(provider):
    page = connected(Entry(policy={"required_scopes": ["mail.read"]}))
    assert "3 given, 3 asked for" in page.text
    assert "Read messages mail.read Given Required by Acme CRM" in page.text
    assert "Not given" not in page.text
    assert "did not say" not in page.text


def test_what_is_lacking_is_listed_with_what_will_not_work(provider):
    required = ["mail.read", "profile"]
    page = connected(Entry(policy={"required_scopes": required}), "fake_partial")
    assert "Demo Mail is connected with limits" in page.text
    words = "See the name and email address of the account profile"
    assert f"Until they are given, Acme CRM cannot do this: {words}" in page.text
    assert f"{words} Not given Required by Acme CRM" in page.text
    assert "Know which account it is openid Not told" in page.text
    assert "Ask again" in page.text


def test_a_provider_that_did_not_say_is_not_said_to_have_given(provider):
    form = Entry()
    page = connected(form, scopes_reported=False)
    told = "Demo Mail did not say which permissions it gave. These were asked for."
    assert told in page.text
    assert "Given" not in page.text
    page = form.visitor.post("/portal/manage")
    assert told in page.text
    assert "Given" not in page.text


def test_whether_the_provider_said_so_is_stored(provider):
    connected(Entry())
    assert Connection.objects.get().scopes_reported


def test_a_cancelled_flow_lists_nothing(provider):
    form = Entry()
    page = form.visitor.post("/portal/cancel")
    assert "asked for" not in page.text
