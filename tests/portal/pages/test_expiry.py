"""The day a secret ends: asked for where secrets end, kept with its secret, checked as typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from integrations.models import ClientVersion, Flow
from tests.portal.pages.own_client_form import Entry

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date()
DAY = (TODAY + timedelta(days=90)).isoformat()
FIELD = "secret_expires_on"


@pytest.fixture
def form() -> Entry:
    """The form of a provider whose secrets end."""
    return Entry("outlook")


def again(form: Entry) -> str:
    """Go back to the form and return the day it shows."""
    form.visitor.post("/portal/step", to="options")
    return form.shown[FIELD][0]


def stored(form: Entry) -> str:
    end = form.stored().secret_expires_on
    return end.isoformat() if end else ""


def is_over(form: Entry) -> str:
    """Let time pass until the saved secret has ended; return its day."""
    ended = TODAY - timedelta(days=3)
    ClientVersion.objects.update(secret_expires_on=ended)
    Flow.objects.update(draft={})
    return ended.isoformat()


@pytest.mark.parametrize(
    ("integration", "asks"), [("outlook", True), ("sharepoint", True), ("gmail", False)]
)
def test_it_is_asked_for_only_where_secrets_end(integration, asks):
    assert (FIELD in Entry(integration).shown) is asks


def test_where_it_is_not_asked_for_it_is_not_read():
    form = Entry("gmail")
    form.goes_on(secret_expires_on="nonsense")
    assert stored(form) == ""


@pytest.mark.parametrize("typed", [DAY, f" {DAY}\n", ""])
def test_it_is_stored_and_shown_again(form, typed):
    form.goes_on(secret_expires_on=typed)
    assert stored(form) == typed.strip()
    assert again(form).strip() == typed.strip()


def test_a_new_visit_shows_what_is_saved(form):
    form.goes_on(secret_expires_on=DAY)
    form.visitor.post("/portal/cancel")
    form.visitor.open("outlook")
    assert form.visitor.page.form("/portal/options").submitted[FIELD] == [DAY]
    assert f"expires on {date.fromisoformat(DAY):%-d %B %Y}" in form.visitor.page.text


@pytest.mark.parametrize("typed", ["", DAY])
def test_a_kept_secret_takes_the_day_that_is_entered(form, typed):
    form.goes_on(secret_expires_on=(TODAY + timedelta(days=5)).isoformat())
    again(form)
    form.goes_on(client_secret="", secret_expires_on=typed)
    assert stored(form) == typed


def test_a_day_that_is_over_by_now_stops_no_other_change(form):
    form.goes_on(secret_expires_on=DAY)
    ended = is_over(form)
    assert again(form) == ended
    form.goes_on(client_secret="", extra_scopes="Mail.Read")
    assert stored(form) == ended


def test_a_new_secret_does_not_take_over_a_day_that_is_over(form):
    form.goes_on(secret_expires_on=DAY)
    is_over(form)
    again(form)
    assert set(form.refused(client_secret="another-secret-of-the-app")) == {FIELD}


@pytest.mark.parametrize(
    "typed",
    [
        "soon", "14.3.2027", "2027-02-30", "20270314", "2027-3-14", '"><script>alert(1)</script>',
        "2001-01-01", "٢٠٢٧-٠٣-١٤", "9" * 5_000, (TODAY + timedelta(days=732)).isoformat(),
        (TODAY - timedelta(days=1)).isoformat(),
    ],
)  # fmt: skip
def test_what_is_no_good_day_is_refused_at_its_field_and_kept(form, typed):
    assert set(form.refused(secret_expires_on=typed)) == {FIELD}
    assert form.shown[FIELD] == [typed[:4_200]]
    assert "<script>alert" not in form.html


def test_every_fault_is_named_in_the_order_of_the_form(form):
    errors = form.refused(client_id="", client_secret="", secret_expires_on="x")
    assert list(errors) == ["client_id", "client_secret", FIELD]
