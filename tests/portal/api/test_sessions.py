"""Tickets for visits: what the vendor's backend may ask for, and what it gets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from integrations.models import AuditEvent, EndUser, PortalSession, ReturnUrl, VisitTicket
from integrations.secret import digest
from tests import factories

pytestmark = pytest.mark.django_db
OWN = "user-configured-oauth"
HOSTED = {"user": "dana", "integration": "demo-mail", "account_type": [OWN], "kind": "hosted"}


def refused(answer, status: int, code: str, *fields: str) -> bool:
    """Return whether a call was refused so, and left nothing behind."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert tuple(each["field"] for each in body["errors"]) == fields
    assert not VisitTicket.objects.exists()
    return not EndUser.objects.exists()


def test_a_link_is_made_for_ten_minutes(vendor, project):
    answer = vendor("POST", "/v1/sessions", HOSTED)
    assert (answer.status_code, set(answer.json())) == (201, {"url", "expires_at"})
    url, ends = answer.json()["url"], parse_datetime(answer.json()["expires_at"])
    assert url.startswith("http://localhost:8000/hosted/")
    assert timedelta(minutes=9) < ends - timezone.now() <= timedelta(minutes=10)
    row = VisitTicket.objects.get()
    assert row.ticket_hash == digest(url.rsplit("/", 1)[1])
    assert (row.return_url, row.end_user.external_id) == (factories.RETURN_URL, "dana")
    assert url.rsplit("/", 1)[1] not in str(VisitTicket.objects.values().get())


def test_making_one_is_recorded_without_the_ticket(vendor):
    url = vendor("POST", "/v1/sessions", HOSTED).json()["url"]
    event = AuditEvent.objects.get(action="visit.ticket_created")
    assert event.actor.startswith("api_key:")
    assert event.data == {"kind": "hosted", "end_user": "dana"}
    assert url.rsplit("/", 1)[1] not in str(AuditEvent.objects.values())


def test_a_ticket_for_a_page_has_no_address(vendor):
    answer = vendor("POST", "/v1/sessions", {"user": "dana", "kind": "embed"})
    assert (answer.status_code, set(answer.json())) == (201, {"ticket", "expires_at"})
    assert VisitTicket.objects.get().kind == "embed"
    assert not PortalSession.objects.exists()


def test_an_organization_is_kept_unless_another_is_named(vendor):
    vendor("POST", "/v1/sessions", {**HOSTED, "org": "acme"})
    vendor("POST", "/v1/sessions", HOSTED)
    assert EndUser.objects.get().organization.external_id == "acme"


def test_a_link_needs_a_place_to_be_confirmed_at(vendor, project):
    ReturnUrl.objects.all().delete()
    answer = vendor("POST", "/v1/sessions", HOSTED)
    assert refused(answer, 422, "validation_failed", "return_url")


def test_of_several_return_urls_one_is_named(vendor, project):
    other = f"{factories.ORIGIN}/other"
    ReturnUrl.objects.create(project=project, url=other)
    assert refused(vendor("POST", "/v1/sessions", HOSTED), 422, "validation_failed", "return_url")
    assert vendor("POST", "/v1/sessions", {**HOSTED, "return_url": other}).status_code == 201
    assert VisitTicket.objects.get().return_url == other


@pytest.mark.parametrize(
    "url", ["https://evil.example", f"{factories.RETURN_URL}?x=1", "javascript:alert(1)", "/x"]
)
def test_a_return_url_that_is_not_registered_is_refused(vendor, url):
    answer = vendor("POST", "/v1/sessions", {**HOSTED, "return_url": url})
    assert refused(answer, 403, "return_url_not_allowed")
    assert "evil" not in answer.content.decode()


NAMES = [" ", "a b", "x" * 256, "\u00fc", "a\nb", "\u202eanad"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("field", ["user", "org"])
def test_a_name_that_a_token_could_not_have_is_refused(vendor, field, name):
    answer = vendor("POST", "/v1/sessions", {**HOSTED, field: name})
    assert refused(answer, 422, "validation_failed", field)


def test_nobody_is_refused(vendor):
    answer = vendor("POST", "/v1/sessions", {**HOSTED, "user": ""})
    assert refused(answer, 422, "validation_failed", "user")


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"integration": "nothing"}, 404, "integration_not_found"),
        ({"integration": "x" * 500}, 404, "integration_not_found"),
        ({"account_type": ["sandbox"]}, 403, "account_type_unknown"),
    ],
)
def test_what_is_not_offered_is_refused(vendor, changed, status, code):
    assert refused(vendor("POST", "/v1/sessions", {**HOSTED, **changed}), status, code)


def test_an_account_type_without_an_integration_is_refused(vendor):
    asked = {"user": "dana", "kind": "hosted", "account_type": [OWN]}
    assert refused(vendor("POST", "/v1/sessions", asked), 422, "validation_failed", "integration")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "iframe"}, "kind"),
        ({"kind": None}, "kind"),
        ({"user": 7}, "user"),
        ({"user": None}, "user"),
        ({"account_type": OWN}, "account_type"),
        ({"account_type": [1]}, "account_type.0"),
        ({"project": "x"}, "project"),
        ({"org_admin": True}, "org_admin"),
        ({"expires_at": "2030-01-01"}, "expires_at"),
    ],
)
def test_another_shape_is_refused(vendor, changed, field):
    answer = vendor("POST", "/v1/sessions", {**HOSTED, **changed})
    assert refused(answer, 400, "validation_failed", field)


def test_a_key_without_the_scope_is_refused(vendor, project):
    project.api_keys.update(scopes=["connections:read"])
    assert refused(vendor("POST", "/v1/sessions", HOSTED), 403, "insufficient_scope")
