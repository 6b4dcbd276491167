"""The own-client form takes each text as the table says, and says at its field what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.text import storable
from tests import stored
from tests.bad_inputs.doors import Door
from tests.bad_inputs.values import Value, values_at
from tests.portal.pages.own_client_form import SECRET, Entry

pytestmark = pytest.mark.django_db
NAMES = {"subdomain": "setting_subdomain", "scopes": "extra_scopes"}
ROWS = values_at(Door.FORM)


@pytest.fixture
def form(provider: Any) -> Entry:
    return Entry("zendesk")


def typed(value: Value) -> dict[str, Any]:
    return {"extra_scopes": "", NAMES.get(value.field, value.field): value.text}


@pytest.mark.parametrize("row", ROWS)
def test_what_is_refused_is_named_kept_for_correction_and_stored_nowhere(form, provider, row):
    before = stored.rows(*stored.KEPT)
    for value in ROWS[row]:
        if value.code:
            errors = form.refused(**typed(value))
            wanted = "scopes" if value.field == "scopes" else NAMES.get(value.field, value.field)
            assert list(errors) == [wanted], value
            kept = storable(value.text) if value.field == "client_id" else "fake_ok"
            kept = "" if value.code == "looks_like_secret" else kept
            assert (form.shown["client_id"], form.shown["client_secret"]) == ([kept], [""])
            assert "X-Evil" not in form.visitor.last.headers
    assert stored.rows(*stored.KEPT) == before
    assert provider.requests("token") == []


@pytest.mark.parametrize(
    "row", [row for row, values in ROWS.items() if any(value.kept for value in values)]
)
def test_what_is_accepted_is_stored_as_the_table_says(form, row):
    for value in ROWS[row]:
        if value.kept:
            form = Entry("zendesk")
            form.goes_on(**typed(value))
            assert kept_by(form, value.field) == value.kept
            assert "<script>alert" not in form.html


def kept_by(form: Entry, field: str) -> str:
    version = form.visitor.current_flow().oauth_client.current_version
    if field == "client_secret":
        return version.open_required("client_secret").reveal()
    if field == "scopes":
        chosen = form.visitor.current_flow().scopes
        return " ".join(chosen[len(form.made.provider.default_scopes) :])
    return version.settings["subdomain"] if field == "subdomain" else version.client_id


def test_a_good_form_is_stored(form):
    form.goes_on()
    assert kept_by(form, "client_secret") == SECRET
