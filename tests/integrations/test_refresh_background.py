"""What is refreshed before anybody asks, how many at a time, and what is left alone."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations import refresh, tokens
from integrations.models import Connection, Credential, Integration
from tests import factories, granted
from tests.granted import refreshes

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration(provider):
    return factories.make_integration(factories.make_project())


@pytest.fixture
def connection(provider, integration):
    row = granted.connection(provider, integration)
    factories.expire(row, left=100)
    return row


def test_what_is_due_is_refreshed_and_counted(connection, provider):
    assert tokens.due() == [connection.pk]
    assert tokens.refresh_due() == {"refreshed": 1, "failed": 0}
    assert tokens.due() == []
    assert tokens.refresh_due() == {"refreshed": 0, "failed": 0}
    assert refreshes(provider) == 1


def test_a_failure_is_counted_and_put_off(connection, provider):
    provider.configure(profile="demo-mail", token_status=400)
    assert tokens.refresh_due() == {"refreshed": 0, "failed": 1}
    assert tokens.refresh_due() == {"refreshed": 0, "failed": 0}
    assert refreshes(provider) == 1


NOT_DUE = {
    "fresh": {"refresh_after": timezone.now() + timedelta(days=1)},
    "without an end": {"refresh_after": None},
    "without refresh token": {"refresh_token": None},
    "leased": {"lease_until": timezone.now() + timedelta(days=1)},
}


@pytest.mark.parametrize("values", NOT_DUE.values(), ids=NOT_DUE)
def test_what_is_not_due_is_left_alone(connection, provider, values):
    Credential.objects.update(**values)
    assert tokens.due() == []
    assert tokens.refresh_due() == {"refreshed": 0, "failed": 0}
    assert refreshes(provider) == 0


@pytest.mark.parametrize("status", ["DISCONNECTED", "DISCONNECTING", "PENDING"])
def test_connections_that_are_not_live_are_left_alone(connection, provider, status):
    Connection.objects.update(status=status)
    assert tokens.due() == []
    assert tokens.refresh_one(connection.pk) == "unusable"
    assert refreshes(provider) == 0


def test_those_that_wait_longest_come_first(provider, integration):
    rows = [granted.connection(provider, integration, sub=f"user-{n}") for n in range(4)]
    for ago, row in zip((10, 50, 20, 40), rows, strict=True):
        after = timezone.now() - timedelta(seconds=ago)
        Credential.objects.filter(pk=row.pk).update(refresh_after=after)
    assert tokens.due(limit=3) == [rows[1].pk, rows[3].pk, rows[2].pk]


def test_many_of_one_host_do_not_hide_those_of_another(provider, integration):
    desk = factories.make_integration(integration.project, "demo-desk")
    places = [(integration, {}), (desk, {"subdomain": "acme"}), (desk, {"subdomain": "beta"})]
    rows = [
        granted.connection(provider, kind, sub=f"user-{place}-{number}", settings=settings)
        for place, (kind, settings) in enumerate(places)
        for number in range(3 - place)
    ]
    for age, row in zip(range(6, 0, -1), rows, strict=True):
        after = timezone.now() - timedelta(seconds=10 * age)
        Credential.objects.filter(pk=row.pk).update(refresh_after=after)
    turns = [rows[number].pk for number in (0, 3, 5, 1, 4, 2)]
    assert tokens.due(limit=3) == turns[:3]
    assert tokens.due(limit=6) == turns
    assert tokens.due(limit=7) == [row.pk for row in rows]


def test_a_provider_that_left_the_catalog_keeps_no_other_from_being_refreshed(
    connection, provider, integration
):
    gone = factories.make_integration(integration.project, "demo-desk")
    lost = granted.connection(provider, gone, sub="omar", settings={"subdomain": "acme"})
    factories.expire(lost)
    Integration.objects.filter(pk=gone.pk).update(provider_slug="no-more")
    assert tokens.refresh_due() == {"refreshed": 1, "failed": 1}


def test_one_at_a_time_says_what_happened(connection, provider):
    Credential.objects.update(lease_until=timezone.now() + timedelta(seconds=50))
    assert tokens.refresh_one(connection.pk) == "busy"
    Credential.objects.update(lease_until=None)
    assert tokens.refresh_one(connection.pk) == "refreshed"
    assert tokens.refresh_one(connection.pk) == "fresh"
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_status=400)
    assert tokens.refresh_one(connection.pk) == "failed"
    provider.configure(profile="demo-mail", token_status=None)
    provider.revoke_grants(profile="demo-mail")
    assert tokens.refresh_one(connection.pk) == "unusable"
    connection.delete()
    assert tokens.refresh_one(connection.pk) == "unusable"
    assert refreshes(provider) == 3


def test_a_broken_seal_is_said_and_not_met_at_every_turn(connection, provider):
    table = Credential._meta.db_table
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET refresh_token = access_token")
    assert tokens.refresh_one(connection.pk) == "broken"
    assert tokens.due() == []
    assert granted.credential(connection).lease_until is None
    assert refreshes(provider) == 0


@pytest.mark.django_db(transaction=True)
def test_a_host_gets_so_many_calls_at_once_and_no_more(provider, integration, monkeypatch):
    for number in range(12):
        row = granted.connection(provider, integration, sub=f"user-{number}")
        factories.expire(row, left=100)
    now, most, lock = [0], [0], threading.Lock()
    real = refresh.refresh

    def counted(credential: Credential) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            time.sleep(0.05)
            return real(credential)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(refresh, "refresh", counted)
    assert tokens.refresh_due(per_host=3) == {"refreshed": 12, "failed": 0}
    assert most[0] == 3
    assert refreshes(provider) == 12


def test_the_scan_reads_an_index_of_what_is_due(connection):
    index = next(one for one in Credential._meta.indexes if one.name == "credential_due")
    assert index.fields == ["refresh_after"]
    assert index.condition is not None
