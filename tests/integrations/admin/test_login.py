"""Guessing passwords: by name and address, by name from many addresses, by address over names."""

from __future__ import annotations

from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from integrations.models import RateCount
from portal import settings as portal_settings

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery-44"
HOME, STRANGE = "192.0.2.10", "203.0.113."


@pytest.fixture
def vera(db: None) -> User:
    return User.objects.create_superuser("vera", password=PASSWORD)


def sign_in(name: str, password: str, address: str = HOME, **headers: str) -> Any:
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(reverse("admin:login"), {"username": name, "password": password})


def works(answer: Any) -> bool:
    return answer.status_code == 302


def paused(answer: Any) -> bool:
    found = answer.status_code == 429
    assert not found or "Signing in is paused" in answer.content.decode()
    assert not found or int(answer["Retry-After"]) > 0
    return found


def test_the_right_password_works(vera: User) -> None:
    assert works(sign_in("vera", PASSWORD))


def test_five_wrong_passwords_pause_name_and_address(vera: User) -> None:
    answers = [sign_in("vera", f"guess-{number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert paused(answers[-1])
    assert paused(sign_in("vera", PASSWORD))


def test_the_page_says_the_same_for_a_name_that_is_none(vera: User) -> None:
    real = [sign_in("vera", "guess", f"{STRANGE}1") for _ in range(6)][-1]
    none = [sign_in("nobody", "guess", f"{STRANGE}2") for _ in range(6)][-1]
    assert real.status_code == none.status_code == 429

    def words(answer: Any) -> str:
        return answer.content.decode().replace(answer["X-Request-Id"], "")

    assert words(real) == words(none)


def test_a_stranger_elsewhere_does_not_lock_out_an_administrator(vera: User) -> None:
    assert works(sign_in("vera", PASSWORD))
    for number in range(40):
        sign_in("vera", "guess", f"{STRANGE}{number}")
    assert paused(sign_in("vera", PASSWORD, f"{STRANGE}200"))
    assert works(sign_in("vera", PASSWORD))


def test_a_name_is_tried_from_many_addresses_thirty_times_an_hour_only(vera: User) -> None:
    tried = [sign_in("vera", "guess", f"{STRANGE}{number}") for number in range(35)]
    assert [paused(answer) for answer in tried] == [False] * 30 + [True] * 5
    assert paused(sign_in("vera", PASSWORD, f"{STRANGE}99"))


@pytest.mark.parametrize("name", ["VERA", " vera", "vera ", "\uff56era", "\uff36\u24d4ra\u3000"])
def test_other_spellings_of_a_name_count_for_it(vera: User, name: str) -> None:
    for number in range(30):
        sign_in(name, "guess", f"{STRANGE}{number}")
    assert paused(sign_in("vera", "guess", f"{STRANGE}99"))


def test_an_address_used_long_ago_is_unfamiliar_again(vera: User) -> None:
    assert works(sign_in("vera", PASSWORD))
    AccessLog.objects.update(attempt_time="2020-01-01T00:00:00Z")
    for number in range(30):
        sign_in("vera", "guess", f"{STRANGE}{number}")
    assert paused(sign_in("vera", PASSWORD))


def test_spraying_one_password_over_names_is_paused_by_address(vera: User) -> None:
    tried = [sign_in(f"name-{number}", "Winter2026") for number in range(12)]
    assert [paused(answer) for answer in tried] == [False] * 10 + [True] * 2
    assert paused(sign_in("vera", PASSWORD))
    assert works(sign_in("vera", PASSWORD, f"{STRANGE}1"))


def test_a_made_up_forwarded_address_does_not_help(vera: User) -> None:
    forwarded = [f"198.51.100.{number}" for number in range(6)]
    answers = [sign_in("vera", "guess", **{"X-Forwarded-For": made_up}) for made_up in forwarded]
    assert paused(answers[-1])
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {HOME}


def test_other_addresses_of_one_ipv6_network_do_not_help(vera: User) -> None:
    tried = [sign_in("vera", "guess", f"2001:db8::{number}") for number in range(1, 6)]
    assert paused(tried[-1])
    assert paused(sign_in("vera", PASSWORD, "2001:db8::ffff"))
    assert not paused(sign_in("vera", "typo", "2001:db8:0:1::1"))


def test_a_familiar_ipv6_network_stays_so_when_its_address_changes(vera: User) -> None:
    assert works(sign_in("vera", PASSWORD, "2001:db8::1"))
    for number in range(30):
        sign_in("vera", "guess", f"{STRANGE}{number}")
    assert works(sign_in("vera", PASSWORD, "2001:db8::2"))


def test_signing_in_forgets_earlier_mistakes(vera: User) -> None:
    for _ in range(4):
        sign_in("vera", "typo")
    assert works(sign_in("vera", PASSWORD))
    assert not any(paused(sign_in("vera", "typo")) for _ in range(3))


def test_waiting_ends_the_pause_and_trying_meanwhile_does_not_prolong_it(vera: User) -> None:
    for _ in range(5):
        sign_in("vera", "guess")
    since = AccessAttempt.objects.get().attempt_time
    assert paused(sign_in("vera", "guess"))
    assert AccessAttempt.objects.get().attempt_time == since
    AccessAttempt.objects.update(attempt_time="2020-01-01T00:00:00Z")
    RateCount.objects.update(ends_at=1)
    assert works(sign_in("vera", PASSWORD))


def test_looking_at_the_form_is_not_counted(vera: User) -> None:
    for _ in range(20):
        assert Client().get(reverse("admin:login")).status_code == 200
    assert not RateCount.objects.exists()


@pytest.mark.parametrize("where", ["integrations.limits.RateCount.objects.take", "axes"])
def test_a_failing_database_keeps_the_admin_shut(
    vera: User, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise DatabaseError

    target = "portal.admin_site.AccessLog.objects.filter" if where == "axes" else where
    monkeypatch.setattr(target, fail)
    assert paused(sign_in("vera", PASSWORD))


@pytest.mark.parametrize("name", ["", "\x00", "ve\x00ra", "x" * 5_000, "😀", "%s", "'"])
def test_odd_names_are_only_wrong(vera: User, name: str) -> None:
    assert sign_in(name, "guess").status_code == 200


def test_no_password_is_logged_or_kept(vera: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        for _ in range(5):
            sign_in("vera", "canary-guess-77")
        sign_in("vera", PASSWORD, f"{STRANGE}1")
    kept = f"{list(AccessAttempt.objects.values())}{list(AccessLog.objects.values())}"
    assert "vera" in kept
    for secret in ("canary-guess-77", PASSWORD):
        assert secret not in kept + caplog.text


def test_the_log_of_failures_keeps_no_token_of_the_form(vera: User) -> None:
    form = {"username": "vera", "password": "guess", "csrfmiddlewaretoken": "canary-token-78"}
    Client(REMOTE_ADDR=HOME).post(reverse("admin:login"), form)
    kept = AccessAttempt.objects.get().post_data
    assert "csrfmiddlewaretoken" in kept
    assert "canary-token-78" not in kept


def test_passwords_are_kept_by_argon2(settings: Any) -> None:
    settings.PASSWORD_HASHERS = portal_settings.PASSWORD_HASHERS
    assert identify_hasher(make_password("x")).algorithm == "argon2"
