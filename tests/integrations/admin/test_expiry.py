"""The day a secret ends, in the admin: entered with the vendor's client, found in the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from integrations import clients
from integrations.models import ClientVersion, Connection, Integration
from tests import factories
from tests.integrations.admin.pages import integration_form, url

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date()
DAY = (TODAY + timedelta(days=90)).isoformat()
APP = {"client_id": "id-1", "client_secret": "a-secret-of-the-vendor"}
WORDS = "Connections that stay with the app before"


def save(client: Client, integration: Integration, **changed: Any) -> str:
    """Save the page and return the one that is shown then."""
    form = integration_form(integration, **changed)
    page = url("integration_change", integration.pk)
    return client.post(page, form, follow=True).content.decode()


def stored(integration: Integration) -> str:
    version = clients.vendor_client(integration).current_version
    end = version.secret_expires_on if version else None
    return end.isoformat() if end else ""


def test_every_provider_takes_a_day(admin_client: Client, gmail: Integration) -> None:
    save(admin_client, gmail, **APP, secret_expires_on=DAY)
    assert stored(gmail) == DAY
    page = admin_client.get(url("integration_change", gmail.pk)).content.decode()
    assert f'name="secret_expires_on" value="{DAY}"' in page


def test_a_kept_secret_takes_another_day_and_none(admin_client: Client, gmail: Integration) -> None:
    later = (TODAY + timedelta(days=200)).isoformat()
    save(admin_client, gmail, **APP, secret_expires_on=DAY)
    for day in (later, ""):
        save(admin_client, gmail, client_id="id-1", secret_expires_on=day)
        assert stored(gmail) == day


def test_a_day_that_is_over_stops_no_other_change(admin_client: Client, gmail: Integration) -> None:
    save(admin_client, gmail, **APP, secret_expires_on=DAY)
    ended = TODAY - timedelta(days=2)
    ClientVersion.objects.update(secret_expires_on=ended)
    kept = {"client_id": "id-1", "secret_expires_on": ended.isoformat()}
    save(admin_client, gmail, **kept, description="Mail")
    gmail.refresh_from_db()
    assert (gmail.description, stored(gmail)) == ("Mail", ended.isoformat())


@pytest.mark.parametrize("typed", ["soon", "2027-02-30", "2001-01-01", "2099-01-01", "9" * 5_000])
def test_no_good_day_is_refused_at_its_field(
    admin_client: Client, gmail: Integration, typed: str
) -> None:
    page = save(admin_client, gmail, **APP, secret_expires_on=typed)
    assert 'id="id_secret_expires_on_error"' in page
    assert APP["client_secret"] not in page
    assert not ClientVersion.objects.exists()


def slot_ending(integration: Integration, name: str, days: int | None) -> str:
    """Make a client whose secret ends in so many days; return what the list calls it."""
    slot = factories.make_client(
        integration, factories.make_end_user(integration.project, name), client_id=name
    )
    end = None if days is None else TODAY + timedelta(days=days)
    ClientVersion.objects.filter(oauth_client=slot).update(secret_expires_on=end)
    return name


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("soon", {"ends-today", "ends-in-30"}),
        ("over", {"ended-yesterday"}),
        ("", {"ended-yesterday", "ends-today", "ends-in-30", "ends-in-31", "never-ends"}),
        ("else", {"ended-yesterday", "ends-today", "ends-in-30", "ends-in-31", "never-ends"}),
    ],
)
def test_the_list_finds_secrets_that_end(
    admin_client: Client, gmail: Integration, chosen: str, found: set[str]
) -> None:
    days = {"ended-yesterday": -1, "ends-today": 0, "ends-in-30": 30, "ends-in-31": 31}
    names = [slot_ending(gmail, name, left) for name, left in {**days, "never-ends": None}.items()]
    page = admin_client.get(url("oauthclient_changelist"), {"expires": chosen}).content.decode()
    rows = page.partition('id="result_list"')[2]
    assert {name for name in names if name in rows} == found
    shown = date_format(TODAY, "j M Y")
    assert (shown in rows) is ("ends-today" in found)


def vendor_connection(integration: Integration, **fields: Any) -> Connection:
    """Connect somebody with the vendor's app."""
    return factories.make_connection(
        integration,
        factories.make_end_user(integration.project),
        client=clients.vendor_client(integration),
        **fields,
    )


def test_it_says_how_many_stay_with_the_app_before(
    admin_client: Client, gmail: Integration
) -> None:
    save(admin_client, gmail, **APP)
    vendor_connection(gmail)
    page = save(admin_client, gmail, client_id="id-2", client_secret="another-secret")
    assert f"{WORDS}, until each person connects again: 1." in page


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, {"client_id": "id-1", "client_secret": "another-secret-of-it"}),
        ({}, {"client_id": "id-1", "secret_expires_on": DAY}),
        ({"status": "DISCONNECTED"}, {"client_id": "id-2", "client_secret": "another-secret"}),
        ({}, {"client_id": "id-2", "client_secret": ""}),
    ],
)
def test_it_says_nothing_if_nobody_is_left_behind(
    admin_client: Client, gmail: Integration, fields: dict[str, Any], changed: dict[str, str]
) -> None:
    save(admin_client, gmail, **APP)
    vendor_connection(gmail, **fields)
    assert WORDS not in save(admin_client, gmail, **changed)
