"""A refresh and a disconnection at the same moment: nothing is resurrected, nothing left alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from integrations import revocation, tokens
from integrations.errors import ConnectError
from integrations.models import Connection, Credential, Revocation
from integrations.oauth import client as oauth
from integrations.secret import Secret
from tests import factories, trips

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["demo-mail", "demo-desk"])
def connection(request, provider):
    """A connection whose token has run out: at one provider that rotates and one that does not."""
    slug, project = request.param, factories.make_project()
    factories.make_integration(project, slug)
    settings = {"subdomain": "acme"} if slug == "demo-desk" else {}
    trips.prepared(project, "dana", slug, settings=settings).approve()
    connection = Connection.objects.get()
    factories.expire(connection)
    return connection


@pytest.mark.parametrize("order", ["before", "during", "after"])
def test_a_disconnection_beats_a_refresh(connection, provider, monkeypatch, order):
    refresh = oauth.refresh

    def interleaved(**call):
        if order == "before":
            revocation.disconnect(connection=connection, actor="test")
        answer = refresh(**call)
        if order == "during":
            revocation.disconnect(connection=connection, actor="test")
        return answer

    monkeypatch.setattr(oauth, "refresh", interleaved)
    if order == "after":
        assert isinstance(tokens.access_token_for(connection).token, Secret)
        revocation.disconnect(connection=connection, actor="test")
    with pytest.raises(ConnectError):
        tokens.access_token_for(connection)
    assert not Credential.objects.exists()
    assert {revocation.attempt(pk) for pk in revocation.due()} == {"revoked"}
    assert all(grant["revoked"] for grant in provider.grants(connection.integration.slug))
    connection.refresh_from_db()
    assert (connection.status, connection.revocation) == ("DISCONNECTED", "revoked")


def test_a_grant_that_was_ended_first_is_dead_when_the_refresh_arrives(
    connection, provider, monkeypatch
):
    refresh = oauth.refresh

    def late(**call):
        revocation.disconnect(connection=connection, actor="test")
        for pk in revocation.due():
            revocation.attempt(pk)
        return refresh(**call)

    monkeypatch.setattr(oauth, "refresh", late)
    with pytest.raises(ConnectError):
        tokens.access_token_for(connection)
    assert all(grant["revoked"] for grant in provider.grants(connection.integration.slug))
    connection.refresh_from_db()
    assert (connection.status, connection.revocation) == ("DISCONNECTED", "revoked")


def test_many_grants_of_one_host_do_not_hide_those_of_another(provider):
    project, made = factories.make_project(), []
    gmail, mail = (factories.make_integration(project, slug) for slug in ("gmail", "demo-mail"))
    for kind, sub in ((gmail, "dana"), (gmail, "omar"), (mail, "eve")):
        connection = factories.make_connection(kind, factories.make_end_user(project, sub))
        revocation.disconnect(connection=connection, actor="test")
        made.insert(0, Revocation.objects.get(connection=connection).pk)
    for hours, pk in enumerate(made):
        rows = Revocation.objects.filter(pk=pk)
        rows.update(due_at=F("due_at") - timedelta(hours=hours))
    newest, second, first = made
    assert revocation.due(limit=2) == [first, newest]
    assert revocation.due(limit=3) == [first, newest, second]
    assert revocation.due(limit=4) == [first, second, newest]
