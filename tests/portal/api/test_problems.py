"""Errors of the API are problem documents of one shape, and every operation asks who calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.test import Client

from portal import api as package
from portal.api import api
from tests import factories
from tests.portal.api.conftest import Caller, vendor_of

pytestmark = pytest.mark.django_db

DOCUMENT = Path(package.__file__).parent / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


NOWHERE = ["/", "/v1", "/v1/nothing", "/v1/connections/x", "/v1/connections/x/access-token"]
NOWHERE += ["/v2/me", "/v1/me/", "/v1/me.json", "/v1/connections;a.js", "/v1/connections%0a"]
NOWHERE += ["/v1/%00"]


def operations() -> Iterator[tuple[str, str]]:
    """Yield method and path of every operation, as the document lists them."""
    for path, methods in api.get_openapi_schema()["paths"].items():
        yield from ((method, path) for method in methods if method in METHODS)


def test_the_document_in_the_tree_is_that_of_the_code():
    made = json.dumps(api.get_openapi_schema(), indent=2) + "\n"
    assert DOCUMENT.read_text() == made, "run: python -m tests.openapi"


def test_the_document_is_served_to_everybody():
    answer = Client().get("/api/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == json.loads(DOCUMENT.read_text())


@pytest.mark.parametrize(("method", "path"), list(operations()))
def test_every_operation_asks_who_calls(method, path):
    assert api.get_openapi_schema()["paths"][path][method]["security"]
    url = re.sub(r"\{\w+\}", str(uuid4()), path)
    answer = getattr(Client(), method)(url)
    assert is_problem(answer, 401, "unauthorized")


def is_problem(answer, status: int, code: str) -> bool:
    """Return whether an answer is a problem document with everything it must say."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    document = answer.json()
    assert set(document) == {
        "type",
        "title",
        "status",
        "code",
        "display_message",
        "suggested_action",
        "request_id",
        "errors",
    }
    assert document["type"] == f"http://localhost:8000/errors/{code}"
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer["X-Request-Id"]
    assert document["title"]
    assert document["display_message"]
    assert answer["Cache-Control"] == "no-store"
    return True


def test_nobody_is_told_so(client):
    answer = client.get("/api/v1/connections")
    assert is_problem(answer, 401, "unauthorized")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_missing_connection_is_told_so(vendor):
    answer = vendor("GET", f"/v1/connections/{uuid4()}")
    assert is_problem(answer, 404, "connection_not_found")


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_does_not_exist_is_told_so(vendor, method, path):
    assert is_problem(vendor(method, path), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_a_method_that_is_not_offered_is_told_so(vendor, method):
    answer = vendor(method, "/v1/connections")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET"


def test_a_query_that_is_not_understood_names_the_field(vendor):
    answer = vendor("GET", "/v1/connections?usr=dana")
    assert is_problem(answer, 422, "validation_failed")
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [
        ("usr", "unknown")
    ]


def test_a_token_that_is_refused_is_told_so():
    assert is_problem(Caller("Bearer a.b.c")("GET", "/v1/me"), 401, "user_token_invalid")


def test_a_page_that_may_not_call_is_told_so(person):
    answer = person("GET", "/v1/me", Origin="https://evil.example")
    assert is_problem(answer, 403, "origin_not_allowed")


def test_a_connection_that_needs_a_person_is_told_so(vendor, connection):
    connection.status, connection.reason = "INVALID", "needs_reauth"
    connection.save()
    answer = vendor("POST", f"/v1/connections/{connection.pk}/access-token")
    assert is_problem(answer, 409, "needs_reauth")


def test_a_provider_that_is_down_is_told_so(vendor, connection, provider):
    factories.expire(connection)
    provider.configure(profile="demo-mail", token_status=500)
    answer = vendor("POST", f"/v1/connections/{connection.pk}/access-token")
    assert is_problem(answer, 503, "provider_unreachable")


def test_a_fault_of_ours_is_told_without_its_cause(project, connection, monkeypatch, caplog):
    from portal.api import views

    def broken(row: object) -> None:
        raise RuntimeError("a-cause-that-stays-inside")

    monkeypatch.setattr(views, "connection", broken)
    vendor = vendor_of(project)
    vendor.client.raise_request_exception = False
    answer = vendor("GET", f"/v1/connections/{connection.pk}")
    assert is_problem(answer, 500, "internal_error")
    assert "a-cause" not in answer.content.decode()


def test_an_error_never_repeats_what_was_sent(vendor):
    answer = vendor("GET", "/v1/connections?status=<script>&cursor=<script>")
    assert "<script>" not in answer.content.decode()


SHOWN = {"/v1/connections", "/v1/connections/{id}", "/v1/integrations", "/v1/me"}
SHOWN |= {"/v1/me/integrations", "/openapi.json"}


@pytest.mark.parametrize("path", sorted(SHOWN))
def test_no_answer_holds_a_token_or_a_secret(vendor, person, connection, path):
    caller = person if "/me" in path else vendor
    answer = caller("GET", path.format(id=connection.pk))
    assert answer.status_code == 200
    text = answer.content.decode()
    secrets = ("access-token-of-the-test", "refresh-token-of-the-test", "fake-secret", "fake_ok")
    assert not [secret for secret in secrets if secret in text]


def test_request_ids_are_our_own(vendor):
    answer = vendor("GET", f"/v1/connections/{UUID(int=0)}", **{"X-Request-Id": "theirs"})
    assert answer["X-Request-Id"].startswith("req_")
