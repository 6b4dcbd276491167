"""Activity: what happened with one's own connections and apps, and nothing of anybody else's."""

from __future__ import annotations

import re

import pytest
from django.db import connection as database

from integrations import activity, audit
from integrations.models import Connection, EndUser, OAuthClient, Organization
from integrations.models.events import REFRESH_FAILED, REFRESHED
from tests import factories
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
CANARY = "canary-value-of-an-event"


@pytest.fixture
def project(provider):
    """A project that offers Demo Mail."""
    project = factories.make_project()
    factories.make_integration(project)
    return project


@pytest.fixture
def connection(project):
    """Dana's connection, by an app of her own."""
    user = factories.make_end_user(project)
    return factories.make_connection(project.integrations.get(), user, account_label="ops@x.test")


@pytest.fixture
def dana(project, connection):
    """Dana, who looks at her connections."""
    person = Visitor(project)
    person.open(mode="manage")
    return person


def happened(subject, action: str, actor: str = "system", **data: object) -> None:
    project = getattr(subject, "project", None) or subject.integration.project
    audit.record(project=project, actor=actor, action=action, subject=subject, **data)


def about(connection: Connection, action: str) -> Connection | OAuthClient:
    """Return what an event of this kind is about."""
    return connection if action.startswith("connection") else connection.oauth_client


def shown(dana, connection: Connection) -> str:
    page = dana.post("/portal/activity", connection=str(connection.pk))
    assert dana.last.status_code == 200
    return page.text


def organization(project, *people: EndUser) -> Organization:
    row, _ = Organization.objects.get_or_create(project=project, external_id="acme")
    EndUser.objects.filter(pk__in=[each.pk for each in people]).update(organization=row)
    return row


def test_it_is_reached_from_the_list_and_leads_back(dana, connection):
    forms = [form for form in dana.page.forms if form.action == "/portal/activity"]
    assert [form.all["connection"] for form in forms] == [str(connection.pk)]
    shown(dana, connection)
    assert dana.page.form("/portal/manage")


def test_every_event_has_its_sentence(dana, connection):
    for action in activity.SENTENCES:
        happened(about(connection, action), action)
    page = shown(dana, connection)
    assert [text for text in activity.SENTENCES.values() if text not in page] == []


WHO = {
    "user:dana": "By you",
    "user:danaher": "By a colleague",
    "hand-off": "By a colleague",
    "admin:root": "By an administrator of Acme CRM",
    "api_key:ck_abcd": "By Acme CRM",
    "system": "By this service",
}


def test_it_says_who_it_was_without_a_name(dana, connection):
    for actor in WHO:
        happened(connection, "connection.limited", actor)
    page = shown(dana, connection)
    told = re.findall(r"works with limits\. (By .+?) (?=\d)", page)
    assert told == list(reversed(WHO.values()))
    assert [actor for actor in WHO if actor in page] == []


@pytest.mark.parametrize(
    ("action", "data", "text"),
    [
        ("connection.invalid", {"reason": "client_rejected"}, "The provider rejected the app."),
        ("connection.reauthorized", {"cause": "secret_replaced"}, "works again with the new"),
    ],
)
def test_a_reason_that_has_words_is_told(dana, connection, action, data, text):
    happened(connection, action, **data)
    assert text in shown(dana, connection)


def test_the_day_a_secret_expires_on_is_told(dana, connection):
    happened(connection.oauth_client, "client.expiring", expires_on="2027-03-14", days_left=7)
    assert "The app's secret expires on 14 March 2027." in shown(dana, connection)


def test_a_day_that_is_none_is_not_told(dana, connection):
    happened(connection.oauth_client, "client.expiring", expires_on=CANARY)
    assert "The app's secret was found to expire soon." in shown(dana, connection)
    assert CANARY not in dana.page.html


def test_no_value_of_an_event_is_shown(dana, connection):
    names = (
        "reason",
        "cause",
        "error",
        "code",
        "client_id",
        "flow",
        "hand_off",
        "asked_by",
        "user",
    )
    data = dict.fromkeys((*names, "organization", "revocation", "status", "outcome"), CANARY)
    for action in activity.SENTENCES:
        happened(about(connection, action), action, f"user:{CANARY}", **data)
    shown(dana, connection)
    assert CANARY not in dana.page.html


def test_an_event_without_a_sentence_is_not_shown(dana, connection):
    before = shown(dana, connection)
    for action in (REFRESHED, REFRESH_FAILED, "connection.tried", "seal.broken", "new.action"):
        happened(connection, action)
    assert shown(dana, connection) == before


def test_the_newest_twenty_are_shown_the_newest_first(dana, connection):
    for _ in range(25):
        happened(connection.oauth_client, "client.checked")
    happened(connection, "connection.limited")
    entries = shown(dana, connection)
    assert dana.page.html.count("<dt>") == 20
    assert entries.index("works with limits") < entries.index("checked with the provider")


def test_an_ended_connection_still_tells_what_became_of_it(dana, connection):
    dana.post("/portal/disconnect", connection=str(connection.pk), confirm="1")
    assert dana.page.form("/portal/activity").all["connection"] == str(connection.pk)
    assert "The connection was ended. By you" in " ".join(shown(dana, connection).split())


def test_a_colleagues_connection_by_the_same_app_is_not_told(dana, connection, project):
    bob = factories.make_end_user(project, "bob")
    client = connection.oauth_client
    other = factories.make_connection(project.integrations.get(), bob, client=client)
    happened(other, "connection.limited", "user:bob")
    assert "works with limits" not in shown(dana, connection)
    assert dana.post("/portal/activity", connection=str(other.pk))
    assert dana.last.status_code == 404


def test_somebody_elses_app_is_not_told_by_ones_own_connection(dana, connection, project):
    bob = factories.make_end_user(project, "bob")
    client = factories.make_client(project.integrations.get(), bob)
    Connection.objects.filter(pk=connection.pk).update(oauth_client=client)
    happened(client, "client.rotated", "user:bob")
    assert "secret was replaced" not in shown(dana, connection)
    dana.post("/portal/activity", client=str(client.pk))
    assert dana.last.status_code == 404


def test_the_organizations_app_is_told_to_no_mere_member(dana, connection, project):
    client = connection.oauth_client
    row = organization(project, connection.end_user)
    OAuthClient.objects.filter(pk=client.pk).update(
        owner="organization", organization=row, end_user=None
    )
    happened(client, "client.rotated", "user:bob")
    dana.open(mode="manage", user_token=factories.user_token(project, org="acme"))
    assert "secret was replaced" not in shown(dana, connection)
    dana.post("/portal/activity", client=str(client.pk))
    assert dana.last.status_code == 404


def test_an_administrator_sees_a_shared_app_from_the_day_it_was_shared(project):
    bob = factories.make_end_user(project, "bob")
    client = factories.make_client(project.integrations.get(), bob)
    happened(client, "client.checked", "user:bob")
    happened(client, "client.updated", "user:dana")
    happened(client, activity.PROMOTED, "user:bob", user="bob", organization="acme")
    happened(client, "client.rotated", "user:bob")
    row = organization(project, bob)
    OAuthClient.objects.filter(pk=client.pk).update(
        owner="organization", organization=row, end_user=None
    )
    dana = Visitor(project)
    token = factories.user_token(project, org="acme", org_admin=True)
    dana.open(mode="manage", user_token=token)
    dana.post("/portal/activity", client=dana.page.form("/portal/activity").all["client"])
    text = dana.page.text
    assert "secret was replaced" in text
    assert "shared with the organization" in text
    assert "details were changed" in text  # by Dana herself
    assert "checked with the provider" not in text


def test_its_question_is_answered_by_the_index(connection):
    if database.vendor == "postgresql":
        with database.cursor() as cursor:  # of few rows it would read all
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    assert "audit_of_object" in activity.newest(connection, connection).explain()
