"""What the vendor's staff settle for organizations, and how they give one an app."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import clients, reminders
from integrations.models import (
    AuditEvent,
    ClientVersion,
    HandOff,
    OAuthClient,
    Organization,
    OrganizationPolicy,
)
from tests import factories
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(project):
    """An organization with one person."""
    row = Organization.objects.create(project=project, external_id="acme")
    dana = factories.make_end_user(project)
    dana.organization = row
    dana.save()
    return row


def test_a_policy_is_set_changed_and_taken_back(admin_client, acme, gmail):
    form = {"organization": acme.pk, "integration": gmail.pk, "choice": "own"}
    assert admin_client.post(url("organizationpolicy_add"), form).status_code == 302
    row = OrganizationPolicy.objects.get()
    change = url("organizationpolicy_change", row.pk)
    assert admin_client.post(change, {"choice": "both"}).status_code == 302
    row.refresh_from_db()
    assert (row.choice, row.organization) == ("both", acme)
    delete = url("organizationpolicy_delete", row.pk)
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    actions = AuditEvent.objects.filter(action__startswith="organization_policy")
    assert [event.data["choice"] for event in actions] == ["own", "both", "both"]


def test_an_organization_of_another_project_is_refused(admin_client, gmail):
    other = factories.make_project("Globex")
    theirs = Organization.objects.create(project=other, external_id="acme")
    form = {"organization": theirs.pk, "integration": gmail.pk, "choice": "own"}
    answer = admin_client.post(url("organizationpolicy_add"), form)
    assert "belongs to another project" in answer.content.decode()
    assert not OrganizationPolicy.objects.exists()


def test_a_link_is_made_and_shown_once(admin_client, acme, gmail):
    page = url("organization_app", acme.pk)
    html = admin_client.post(page, {"integration": gmail.pk}).content.decode()
    assert re.search(r"http://localhost:8000/handoff/[\w-]{43}", html)
    row = HandOff.objects.get()
    assert (row.issuer, row.asked_by, row.end_user) == ("vendor", "admin:admin", None)
    assert row.oauth_client.organization == acme
    assert "/handoff/" not in admin_client.get(page).content.decode()


def test_somebody_s_app_is_shared(admin_client, acme, gmail):
    client = factories.make_client(gmail, acme.end_users.get())
    answer = admin_client.post(url("organization_app", acme.pk), {"client": client.pk})
    assert answer.status_code == 302
    client.refresh_from_db()
    assert (client.owner, client.organization) == ("organization", acme)
    assert AuditEvent.objects.get(action="client.promoted").actor == "admin:admin"


def test_nothing_or_both_is_refused(admin_client, acme, gmail):
    client = factories.make_client(gmail, acme.end_users.get())
    page = url("organization_app", acme.pk)
    for form in ({}, {"integration": gmail.pk, "client": client.pk}):
        assert "one of them" in admin_client.post(page, form).content.decode()
    assert not HandOff.objects.exists()


def test_a_host_of_their_own_takes_their_administrator(admin_client, acme, zendesk):
    settings = {"subdomain": "acme"}
    client = factories.make_client(zendesk, acme.end_users.get(), settings=settings)
    page = url("organization_app", acme.pk)
    for form in ({"integration": zendesk.pk}, {"client": client.pk}):
        assert "administrator of the organization" in admin_client.post(page, form).content.decode()
    client.refresh_from_db()
    assert (client.owner, HandOff.objects.exists()) == ("end_user", False)


def test_a_viewer_makes_no_link_and_settles_nothing(viewer_client, acme, gmail):
    page = url("organization_app", acme.pk)
    assert viewer_client.get(page).status_code == 403
    assert viewer_client.post(page, {"integration": gmail.pk}).status_code == 403
    form = {"organization": acme.pk, "integration": gmail.pk, "choice": "own"}
    assert viewer_client.post(url("organizationpolicy_add"), form).status_code == 403
    assert not HandOff.objects.exists()


def test_the_end_of_a_shared_secret_is_told(acme, gmail):
    client = factories.make_client(gmail, acme.end_users.get())
    clients.promote(client=client, organization=acme, actor="test")
    soon = timezone.now().date() + timedelta(days=6)
    ClientVersion.objects.update(secret_expires_on=soon)
    assert reminders.remind() == 1
    assert AuditEvent.objects.get(action="client.expiring").object_id == str(client.pk)
    assert OAuthClient.objects.get().owner == "organization"
