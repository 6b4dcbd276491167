"""A request under an Idempotency-Key is done once, and answered the same as often as it comes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import idempotency
from integrations.models import AuditEvent, Connection, IdempotentRequest
from tests import factories
from tests.portal.api.conftest import vendor_of

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
ROWS = {"rows": [{"user": "u", "integration": "demo-mail", "account_type": "x", "scopes": []}]}


def disconnected() -> int:
    """Return how often a connection was disconnected."""
    return AuditEvent.objects.filter(action__startswith="connection.disconnect").count()


def test_a_deletion_that_is_sent_again_is_answered_again(vendor, connection):
    first = vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY)
    count = disconnected()
    again = vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY)
    assert (first.status_code, again.status_code) == (204, 204)
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert (disconnected(), again.content) == (count, b"")


def test_a_post_that_is_sent_again_has_the_same_body(vendor, project):
    first = vendor("POST", "/v1/connections/import", ROWS, **KEY)
    again = vendor("POST", "/v1/connections/import", ROWS, **KEY)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again["Content-Type"].startswith("application/json")
    assert again["Idempotent-Replayed"] == "true"


def test_quoted_and_bare_are_the_same_key(vendor, connection):
    path = f"/v1/connections/{connection.pk}"
    assert vendor("DELETE", path, **{"Idempotency-Key": '"abc"'}).status_code == 204
    again = vendor("DELETE", path, **{"Idempotency-Key": "abc"})
    assert again["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("kind", ["body", "path", "query", "method"])
def test_a_key_is_not_used_for_another_request(vendor, connection, kind):
    path = f"/v1/connections/{connection.pk}"
    vendor("POST", "/v1/connections/import", ROWS, **KEY)
    other = {
        "body": ("POST", "/v1/connections/import", {**ROWS, "dry_run": True}),
        "path": ("POST", f"{path}/access-token", None),
        "query": ("POST", "/v1/connections/import?x=1", ROWS),
        "method": ("DELETE", path, None),
    }[kind]
    answer = vendor(*other, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert disconnected() == 0


def test_a_request_that_still_runs_is_not_begun_again(vendor, connection, project):
    path = f"/api/v1/connections/{connection.pk}"
    vendor("DELETE", path.removeprefix("/api"), **KEY)
    soon = timezone.now() + timedelta(minutes=1)
    IdempotentRequest.objects.update(status=None, body=None, locked_until=soon)
    answer = vendor("DELETE", path.removeprefix("/api"), **KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert answer["Retry-After"] == "1"


def test_a_request_whose_process_died_may_be_sent_again(vendor, connection):
    vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY)
    past = timezone.now() - timedelta(seconds=1)
    IdempotentRequest.objects.update(status=None, body=None, locked_until=past)
    again = vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY)
    assert again.status_code == 204
    assert "Idempotent-Replayed" not in again


def test_a_key_is_forgotten_after_a_day(vendor, connection):
    vendor("POST", "/v1/connections/import", ROWS, **KEY)
    left = IdempotentRequest.objects.get().expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    IdempotentRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY)
    assert answer.status_code == 204
    IdempotentRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert idempotency.forget_expired() == 1


def test_a_refused_request_may_be_corrected_under_the_same_key(vendor, connection):
    refused = vendor("DELETE", "/v1/connections/00000000-0000-4000-8000-000000000000", **KEY)
    assert refused.status_code == 404
    assert not IdempotentRequest.objects.exists()
    assert vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY).status_code == 204


def test_an_answer_with_a_token_is_never_kept(vendor, connection):
    path = f"/v1/connections/{connection.pk}/access-token"
    first, again = vendor("POST", path, **KEY), vendor("POST", path, **KEY)
    assert first.json()["access_token"] == again.json()["access_token"]
    row = IdempotentRequest.objects.get()
    assert (row.status, row.body) == (200, None)
    assert "Idempotent-Replayed" not in again


def test_a_key_belongs_to_its_project(vendor, connection):
    other = vendor_of(factories.make_project("Globex"))
    assert vendor("DELETE", f"/v1/connections/{connection.pk}", **KEY).status_code == 204
    answer = other("DELETE", f"/v1/connections/{connection.pk}", **KEY)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "value", ["", '""', "a b", "a,b", '"a", "b"', '"a', 'a"b', "x" * 256, "\xe4", "a;b=c", "a\\b"]
)
def test_a_key_that_is_none_is_refused(vendor, connection, value):
    answer = vendor("DELETE", f"/v1/connections/{connection.pk}", **{"Idempotency-Key": value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert Connection.objects.get().status == "VALID"


def test_only_the_holder_of_a_request_answers_it(project):
    first = idempotency.claim(project=project, key="k", fingerprint="f")
    IdempotentRequest.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    second = idempotency.claim(project=project, key="k", fingerprint="f")
    assert isinstance(first, idempotency.Claim)
    assert isinstance(second, idempotency.Claim)
    idempotency.finish(claim=first, status=200, body="late")
    assert IdempotentRequest.objects.get().status is None
    idempotency.give_up(first)
    idempotency.finish(claim=second, status=200, body="right")
    assert IdempotentRequest.objects.get().body == "right"
