"""Callbacks whose process dies, or whose database is away: no half connection, and a way on."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.utils import timezone

from integrations import authorization, grants, sweeping
from integrations.models import Connection, Credential, Flow
from integrations.oauth import client as oauth
from tests import factories, forked, trips
from tests.fakeas import visitor as provider_visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dana(provider):
    """A person who could press Continue now."""
    project = factories.make_project()
    factories.make_integration(project)
    return trips.prepared(project)


def die_before_the_exchange():
    return patch.object(oauth, "exchange", forked.crash)


def die_after_the_exchange():
    real = oauth.exchange

    def exchanged(**arguments: object) -> None:
        real(**arguments)
        forked.crash()

    return patch.object(oauth, "exchange", exchanged)


def die_before_the_commit():
    return patch.object(grants, "_move_flow", forked.crash)


POINTS = {
    "before the exchange": die_before_the_exchange,
    "after the exchange": die_after_the_exchange,
    "before the commit": die_before_the_commit,
}


@pytest.mark.parametrize("point", POINTS)
def test_a_callback_killed_on_its_way_leaves_no_half_connection(dana, point):
    back = provider_visitor.approve(dana.start())

    def work() -> None:
        with POINTS[point]():
            dana.come_back(back)

    assert forked.run(work) == forked.CRASHED
    assert dana.current_flow().status == Flow.Status.EXCHANGING
    assert not Connection.objects.exists()
    assert not Credential.objects.exists()
    Flow.objects.update(updated_at=timezone.now() - timedelta(seconds=121))
    sweeping.sweep()
    ended = dana.current_flow()
    assert (ended.status, ended.error_code) == (Flow.Status.FAILED, "interrupted")
    dana.come_back(back)
    assert not Connection.objects.exists()
    again = trips.prepared(dana.project)
    again.approve()
    assert again.current_flow().status == Flow.Status.COMPLETED
    assert Connection.objects.get().status == "VALID"


def test_a_callback_that_the_database_stopped_can_be_loaded_again(dana, provider, monkeypatch):
    back = provider_visitor.approve(dana.start())
    claim, tries = authorization.claim, []

    def away(request: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("the server closed the connection unexpectedly")
        claim(request)

    monkeypatch.setattr(authorization, "claim", away)
    dana.client.raise_request_exception = False
    dana.come_back(back)
    assert dana.last.status_code == 500
    assert dana.current_flow().status == Flow.Status.WAITING
    assert provider.count("token") == 0
    dana.come_back(back)
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert (provider.count("token"), Connection.objects.count()) == (1, 1)
