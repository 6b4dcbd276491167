"""What `check --deploy` says about settings that hurt in production."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from integrations.checks import check_deployment

GOOD_KEY = "q8Zt0vXc4LwR7nPy2BfK6mHs1JdGaUeT9oIiVbNx"


@pytest.fixture(autouse=True)
def sound(settings: Settings) -> None:
    settings.SECRET_KEY = "another-" + GOOD_KEY
    settings.FERNET_KEYS = [GOOD_KEY]
    settings.BASE_URL = "https://connect.example"
    settings.OUTBOUND_ALLOW_CIDRS = ()


def found() -> list[str | None]:
    return [message.id for message in check_deployment(None)]


def test_sound_settings_pass() -> None:
    assert found() == []


@pytest.mark.parametrize("key", ["k", "a" * 64, "short-but-varied-0123456789"])
def test_a_weak_key_is_an_error(settings: Settings, key: str) -> None:
    settings.FERNET_KEYS = [GOOD_KEY, key]
    assert found() == ["integrations.E001"]


def test_a_key_used_twice_is_an_error(settings: Settings) -> None:
    settings.SECRET_KEY = GOOD_KEY
    assert found() == ["integrations.E002"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://localhost:8000", "integrations.E003"),
        ("https://localhost", "integrations.E004"),
        ("https://acme.localhost", "integrations.E004"),
        ("https://127.0.0.1", "integrations.E004"),
    ],
)
def test_a_base_url_for_this_machine_is_an_error(settings: Settings, url: str, code: str) -> None:
    settings.BASE_URL = url
    assert found() == [code]


def test_an_opened_network_is_a_warning(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    assert found() == ["integrations.W001"]


def test_no_message_repeats_a_key(settings: Settings) -> None:
    settings.FERNET_KEYS = ["weak-key"]
    assert "weak-key" not in str(check_deployment(None))
