"""Disconnecting on the pages: asked first, said honestly, and followed to its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import revocation
from integrations.models import Connection, Integration, Revocation
from tests import factories
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(provider):
    """A project that offers Demo Mail."""
    project = factories.make_project()
    factories.make_integration(project)
    return project


@pytest.fixture
def connection(project):
    """Dana's connection."""
    user = factories.make_end_user(project)
    return factories.make_connection(project.integrations.get(), user, account_label="ops@x.test")


@pytest.fixture
def dana(project, connection):
    """Dana, who looks at her connections."""
    person = Visitor(project)
    person.open(mode="manage")
    return person


def seen_again(dana):
    """Return the list as it is shown the next time."""
    return dana.post("/portal/manage")


def test_it_says_that_the_access_is_being_removed_and_then_that_it_was(dana, connection):
    page = dana.post("/portal/disconnect", connection=str(connection.pk), confirm="1")
    assert "Demo Mail is disconnected" in page.text
    assert "Disconnected. Removing access at Demo Mail…" in page.text
    assert not [form for form in page.forms if form.action == "/portal/reconnect"]
    revocation.attempt(Revocation.objects.get().pk)
    assert "Disconnected. Demo Mail has removed the access." in seen_again(dana).text


def test_nothing_happens_without_the_answer(dana, connection):
    page = dana.post("/portal/disconnect", connection=str(connection.pk))
    assert "Disconnect Demo Mail?" in page.text
    connection.refresh_from_db()
    assert connection.status == "VALID"


@pytest.mark.parametrize("status", ["DISCONNECTING", "DISCONNECTED"])
def test_what_is_gone_cannot_be_disconnected_or_reconnected(dana, connection, status):
    Connection.objects.update(status=status)
    for path in ("/portal/disconnect", "/portal/reconnect"):
        dana.post(path, connection=str(connection.pk), confirm="1")
        assert dana.answers[-1].status_code == 404


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("", "There was nothing to remove at Demo Mail."),
        ("shared", "Another connection uses the same approval at Demo Mail, so it stays there."),
        ("unsupported", "Demo Mail lets only you remove the access."),
        ("failed", "Demo Mail did not confirm that the access was removed. Remove it there."),
    ],
)
def test_each_result_is_said_as_it_is(dana, connection, outcome, said):
    ended = {"status": "DISCONNECTED", "disconnected_at": timezone.now()}
    Connection.objects.update(**ended, revocation=outcome)
    assert said in seen_again(dana).text


@pytest.mark.parametrize("outcome", ["unsupported", "failed"])
def test_where_the_person_must_act_it_says_how_and_leads_there(provider, outcome):
    project = factories.make_project()
    jira, user = factories.make_integration(project, "jira"), factories.make_end_user(project)
    gone = {"disconnected_at": timezone.now(), "revocation": outcome}
    factories.make_connection(jira, user, status="DISCONNECTED", **gone)
    dana = Visitor(project)
    page = dana.open(mode="manage")
    assert "https://id.atlassian.com/manage-profile/apps" in page.html
    assert "Find the app and choose Remove access." in page.text


def test_it_is_forgotten_after_a_week(dana, connection):
    before = timezone.now() - timedelta(days=8)
    Connection.objects.update(status="DISCONNECTED", disconnected_at=before, revocation="failed")
    assert "Disconnected lately" not in seen_again(dana).text


def test_nobody_sees_what_others_disconnected(project, connection):
    revocation.disconnect(connection=connection, actor="test")
    page = Visitor(project, "eve").open(mode="manage")
    assert "Disconnected lately" not in page.text
    assert "ops@x.test" not in page.text


def test_a_provider_that_left_the_catalog_takes_nothing_away(dana, connection):
    ended = {"status": "DISCONNECTED", "disconnected_at": timezone.now()}
    Connection.objects.update(**ended, revocation="unsupported")
    Integration.objects.update(provider_slug="gone", slug="demo-mail")
    assert "demo-mail lets only you remove the access." in seen_again(dana).text.replace("D", "d")
