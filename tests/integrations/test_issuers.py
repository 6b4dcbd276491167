"""What a setting does to an issuer, and a provider's own clock to a refresh."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import lifetimes
from integrations.catalog import files, registry
from integrations.models import Connection, Flow
from integrations.oauth import client as oauth
from tests.fakeas.played.provider import Played
from tests.integrations.test_callbacks import changed
from tests.integrations.test_every_provider import prepared

CATALOG = registry.load()


@pytest.fixture
def play():
    """Play Okta, whose issuer is the domain that was entered."""
    installed, transport = registry.installed(), oauth.transport
    registry.install(CATALOG)
    played = Played("okta", files.built_in("okta"))
    oauth.use(played)
    yield played
    registry.install(installed)
    oauth.use(transport)


@pytest.mark.django_db
@pytest.mark.parametrize("iss", ["https://evil.okta.com", "https://{domain}", "https://acme.okta"])
def test_an_answer_of_another_issuer_is_refused(play, iss):
    dana = prepared(play)
    dana.come_back(changed(play.approve(dana.start()), iss=iss))
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.FAILED, "issuer_mismatch")
    assert not play.seen
    assert not Connection.objects.exists()


@pytest.mark.django_db
def test_an_answer_of_the_issuer_of_the_domain_entered_is_taken(play):
    dana = prepared(play)
    url = play.approve(dana.start())
    dana.come_back(changed(url, iss=f"https://{play.settings['domain']}"))
    assert dana.current_flow().error_code == ""


def test_a_refresh_waits_for_a_provider_that_takes_none_before():
    now = timezone.now()
    end = now + timedelta(minutes=10)
    exact, usual = CATALOG["exact-online"], CATALOG["sage-accounting"]
    moments = [
        lifetimes.refresh_after(pk=uuid.UUID(int=number), start=now, end=end, provider=exact)
        for number in (0, 511, 1023)
    ]
    assert all(end - timedelta(seconds=30) <= at < end for at in moments)
    early = lifetimes.refresh_after(pk=uuid.UUID(int=0), start=now, end=end, provider=usual)
    assert early == end - timedelta(minutes=2)
