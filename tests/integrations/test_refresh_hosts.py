"""Hosts that fail are left alone, for all processes, and nobody with a live token notices."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.http import http_date

from integrations import hosts, sweeping, tokens, versions
from integrations.errors import ConnectError, ProviderUnavailable
from integrations.models import AuditEvent, Credential, ProviderHost
from integrations.oauth import answers
from integrations.oauth.http import Answer
from tests import factories, forked, granted
from tests.granted import refreshes

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration(provider):
    return factories.make_integration(factories.make_project())


@pytest.fixture
def connection(provider, integration):
    row = granted.connection(provider, integration)
    factories.expire(row)
    return row


def ask(connection) -> ConnectError | None:
    try:
        tokens.access_token_for(connection)
    except ConnectError as error:
        return error
    return None


def open_the_breaker(connection, provider) -> None:
    provider.configure(profile="demo-mail", token_status=503)
    while refreshes(provider) < hosts.OPEN_AFTER:
        ask(connection)


def test_five_failures_in_a_row_leave_the_host_alone(connection, provider):
    open_the_breaker(connection, provider)
    for _ in range(5):
        error = ask(connection)
        assert isinstance(error, ProviderUnavailable)
        assert 25 <= error.retry_after <= 30
    assert refreshes(provider) == hosts.OPEN_AFTER


def test_a_live_token_is_served_without_a_call_or_a_write_meanwhile(
    connection, provider, integration, django_assert_num_queries
):
    other = granted.connection(provider, integration, sub="omar")
    factories.expire(other, left=120)
    open_the_breaker(connection, provider)
    stored = granted.kept(other)
    with django_assert_num_queries(2):
        assert tokens.access_token_for(other).token.reveal() == stored
    assert refreshes(provider) == hosts.OPEN_AFTER
    assert not other.refresh_attempts.exists()


def test_one_probe_passes_after_the_pause_and_a_success_opens_the_host(connection, provider):
    open_the_breaker(connection, provider)
    provider.reset(keep_tokens=True)
    granted.pass_time(31)
    host = ProviderHost.objects.get(client="")
    hosts.enter(hosts.Host(host.name, "one"))
    with pytest.raises(hosts.Resting):
        hosts.enter(hosts.Host(host.name, "two"))
    granted.pass_time(31)
    assert ask(connection) is None
    host.refresh_from_db()
    assert (host.failures, host.wait_until, host.probe_until) == (0, None, None)


def test_a_probe_that_fails_closes_the_host_again(connection, provider):
    open_the_breaker(connection, provider)
    granted.pass_time(31)
    assert ask(connection) is not None
    assert refreshes(provider) == hosts.OPEN_AFTER + 1
    assert ask(connection) is not None
    assert refreshes(provider) == hosts.OPEN_AFTER + 1


def test_refusals_of_a_grant_or_a_client_are_no_failures_of_the_host(provider, integration):
    provider.configure(profile="demo-mail", token_error="wrong_secret")
    for number in range(6):
        row = granted.connection(provider, integration, sub=f"user-{number}")
        factories.expire(row)
        assert ask(row).code == "client_rejected"
    assert refreshes(provider) == 6
    assert not ProviderHost.objects.filter(failures__gt=0).exists()


def test_a_wish_to_wait_holds_for_this_client_only(connection, provider, integration):
    other = granted.connection(provider, integration, sub="omar")
    factories.expire(other)
    provider.configure(
        profile="demo-mail", times=1, token_status={"status": 429, "retry_after": 40}
    )
    assert ask(connection).retry_after == 40
    assert 38 <= ask(connection).retry_after <= 40
    assert refreshes(provider) == 1
    assert ask(other) is None
    granted.pass_time(41)
    assert ask(connection) is None


def test_a_wish_to_wait_does_not_hold_for_who_only_knows_the_client_id(connection, provider):
    stranger = factories.make_integration(factories.make_project("Elsewhere"))
    used = connection.oauth_client.current_version.client_id
    client = factories.make_client(
        stranger, factories.make_end_user(stranger.project), client_id=used
    )
    version = versions.oauth_client(version=client.current_version)
    hosts.asked_to_wait(hosts.of(version), retry_after=3000)
    with pytest.raises(hosts.Resting):
        hosts.require_open(hosts.of(version))
    assert ask(connection) is None


OVER, NOW, LATER = -90_000, -60, 90_000
ROWS = [
    ({"client": "one", "wait_until": OVER}, 0),
    ({"client": "one", "wait_until": NOW}, 1),
    ({"failures": 5, "wait_until": OVER, "probe_until": OVER}, 0),
    ({"failures": 5, "wait_until": OVER, "probe_until": LATER}, 1),
    ({"failures": 5, "wait_until": LATER}, 1),
    ({"failures": 0}, 0),
]


@pytest.mark.parametrize(("values", "kept"), ROWS)
def test_what_is_long_over_is_forgotten(values, kept):
    now = timezone.now()
    for name in {"wait_until", "probe_until"} & values.keys():
        values = {**values, name: now + timedelta(seconds=values[name])}
    ProviderHost.objects.create(name="a.test", **values)
    assert sweeping.sweep()["hosts"] == 1 - kept
    assert ProviderHost.objects.count() == kept


def test_a_host_that_failed_once_is_forgotten_after_a_day(db):
    hosts.failed(hosts.Host("a.test", "one"))
    hosts.require_open(hosts.Host("a.test", "one"))
    sweeping.sweep()
    assert ProviderHost.objects.get().failures == 1
    granted.pass_time(90_000)
    sweeping.sweep()
    assert not ProviderHost.objects.exists()


def test_a_wish_of_a_failing_host_holds_for_all_and_is_limited(connection, provider, integration):
    other = granted.connection(provider, integration, sub="omar")
    factories.expire(other)
    provider.configure(
        profile="demo-mail", times=1, token_status={"status": 503, "retry_after": 3000}
    )
    ask(connection)
    assert isinstance(error := ask(other), hosts.Resting)
    assert 295 <= error.retry_after <= hosts.HOST_WAIT_MAX
    assert refreshes(provider) == 1


def test_an_outage_of_one_host_does_not_touch_another(connection, provider):
    project = connection.project
    desk = factories.make_integration(project, "demo-desk")
    other = granted.connection(provider, desk, sub="omar", settings={"subdomain": "acme"})
    open_the_breaker(connection, provider)
    assert isinstance(ask(connection), hosts.Resting)
    ProviderHost.objects.update(name="somewhere.else.test")
    factories.expire(other)
    assert ask(other) is None


def test_a_token_endpoint_down_for_ten_minutes_takes_no_live_token_away(provider, integration):
    rows = [granted.connection(provider, integration, sub=f"user-{n}") for n in range(2)]
    for row in rows:
        factories.expire(row, left=11 * 60)
    provider.configure(profile="demo-mail", token_status=503)
    for _ in range(10):
        for row in rows:
            assert tokens.access_token_for(row).token.reveal() == granted.kept(row)
        tokens.refresh_due(per_host=1)
        granted.pass_time(60)
    assert 5 <= refreshes(provider) < 30
    provider.reset(keep_tokens=True)
    granted.pass_time(31)
    assert all(ask(row) is None for row in rows)
    for row in rows:
        row.refresh_from_db()
        assert row.status == "VALID"


@pytest.mark.django_db(transaction=True)
def test_other_processes_know_it(connection, provider):
    provider.configure(profile="demo-mail", token_status=503)
    for _ in range(3):
        forked.run(lambda: ask(connection))
    assert isinstance(ask(connection), hosts.Resting)
    assert refreshes(provider) == hosts.OPEN_AFTER


def test_failures_put_the_background_off_for_longer_each_time(connection, provider):
    provider.configure(profile="demo-mail", token_status=400)
    waits = []
    for _ in range(4):
        ask(connection)
        row = granted.credential(connection)
        waits.append((row.refresh_after - timezone.now()).total_seconds())
    assert 20 < waits[0] < 40
    assert waits == sorted(waits)
    assert waits[3] > 180
    assert granted.credential(connection).failures == 4
    assert tokens.due() == []
    assert AuditEvent.objects.filter(action="connection.refresh_failed").count() == 4


def test_resting_counts_as_no_failure_of_the_connection(connection, provider):
    open_the_breaker(connection, provider)
    before = granted.credential(connection).failures
    events = AuditEvent.objects.count()
    Credential.objects.update(refresh_after=timezone.now() - timedelta(seconds=1))
    assert tokens.refresh_one(connection.pk) == "waiting"
    row = granted.credential(connection)
    assert (row.failures, row.lease_until) == (before, None)
    assert AuditEvent.objects.count() == events
    assert tokens.due() == []


WISHES = {
    "7": 7,
    "99999999": answers.RETRY_MAX,
    "": None,
    "soon": None,
    "-5": None,
    "Wed, 21 Oct 2015 07:28:00 GMT": 0,
    "²": None,
}


@pytest.mark.parametrize(("value", "seconds"), WISHES.items())
def test_a_wish_to_wait_is_read_carefully(value, seconds):
    assert answers.retry_after(Answer(429, {"retry-after": value}, b"")) == seconds


def test_a_wish_may_be_a_moment():
    later = http_date(timezone.now().timestamp() + 90)
    assert 85 <= answers.retry_after(Answer(429, {"retry-after": later}, b"")) <= 90
