"""Bodies of the API: what is not exactly one readable JSON object is refused, and not repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations.models import Flow
from tests import factories
from tests.portal.visits import OWN, Headless

pytestmark = pytest.mark.django_db

SECRET = "canary-of-a-secret"
GOOD = {"client_id": "fake_ok", "client_secret": SECRET}
JSON = "application/json"


@pytest.fixture
def host(project) -> Headless:
    """A page whose flow asks for a client."""
    made = Headless(project)
    made.begin()
    return made


def sent(host: Headless, body: bytes, kind: str = JSON) -> Any:
    """Send a body as it is."""
    token = factories.user_token(host.project)
    return host.client.post(
        f"/api/v1/me/flows/{host.flow}/pre-options",
        body,
        content_type=kind,
        headers={"Authorization": f"Bearer {token}", "Origin": host.origin},
    )


def refused(answer: Any, status: int, code: str, *fields: str) -> bool:
    """Return whether a body was refused so, without a word of what it held."""
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert tuple(each["field"] for each in body["errors"]) == fields
    assert SECRET not in answer.content.decode()
    return Flow.objects.get().client_version is None


def test_a_plain_body_is_read(host):
    assert sent(host, json.dumps(GOOD).encode()).status_code == 200


@pytest.mark.parametrize("kind", [JSON, "application/json; charset=utf-8", "Application/JSON"])
def test_json_in_utf8_is_what_it_reads(host, kind):
    assert sent(host, json.dumps(GOOD).encode(), kind).status_code == 200


KINDS = [
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=utf-7",
    "application/json; charset=latin-1",
    "application/json-patch+json",
    "x",
    "",
]


@pytest.mark.parametrize("kind", KINDS)
def test_another_media_type_or_charset_is_refused(host, kind):
    answer = sent(host, json.dumps(GOOD).encode(), kind)
    assert refused(answer, 415, "unsupported_media_type")


UNREADABLE = {
    "cut off": b'{"client_id": "fake_ok", "client_secret": "canary-of-a-secret"',
    "not UTF-8": b'{"client_id": "\xff", "client_secret": "canary-of-a-secret"}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "NaN": b'{"client_id": NaN}',
    "infinite": b'{"client_id": -Infinity}',
    "too deep": b"[" * 30_000,
    "a long number": b'{"client_id": ' + b"9" * 5_000 + b"}",
    "two objects": json.dumps(GOOD).encode() * 2,
    "single quotes": str(GOOD).encode(),
    "only a space": b" ",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_json_is_refused(host, body):
    assert refused(sent(host, body), 400, "bad_request")


TEXTS = {
    "a lone surrogate": (b'{"client_secret": "canary-of-a-secret\\ud800"}', "client_secret"),
    "the other half": (b'{"client_id": "\\udc00"}', "client_id"),
    "NUL": (b'{"client_secret": "canary-of-a-secret\\u0000"}', "client_secret"),
    "NUL in a list": (b'{"scopes": ["a\\u0000"]}', "scopes"),
    "NUL in a setting": (b'{"settings": {"subdomain": "\\u0000"}}', "settings.subdomain"),
    "one name twice": (
        b'{"client_secret": "canary-of-a-secret", "client_secret": "b"}',
        "client_secret",
    ),
    "a setting twice": (b'{"settings": {"subdomain": "a", "subdomain": "b"}}', "subdomain"),
}


@pytest.mark.parametrize(("body", "field"), TEXTS.values(), ids=TEXTS)
def test_what_two_readers_could_differ_about_is_refused(host, body, field):
    assert refused(sent(host, body), 400, "validation_failed", field)


TYPES = [
    ({"client_secret": 123}, "client_secret"),
    ({"client_secret": [SECRET]}, "client_secret"),
    ({"client_secret": {"a": SECRET}}, "client_secret"),
    ({"client_id": None}, "client_id"),
    ({"client_id": True}, "client_id"),
    ({"scopes": SECRET}, "scopes"),
    ({"scopes": [1]}, "scopes.0"),
    ({"scopes": {}}, "scopes"),
    ({"settings": []}, "settings"),
    ({"settings": {"subdomain": 1}}, "settings.subdomain"),
    ({"another_client": "true"}, "another_client"),
    ({"another_client": 1}, "another_client"),
    ({"redirect_url": "https://evil.example"}, "redirect_url"),
    ({"__proto__": {}}, "__proto__"),
    *(({name: SECRET}, name) for name in ("project", "end_user", "status", "binding", "session")),
]


@pytest.mark.parametrize(("changed", "field"), TYPES)
def test_wrong_types_and_unknown_names_are_refused(host, changed, field):
    body = json.dumps({**GOOD, **changed}).encode()
    assert refused(sent(host, body), 400, "validation_failed", field)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_what_is_no_object_is_refused(host, body):
    assert sent(host, body).status_code == 400


def test_no_body_is_refused(host):
    answer = sent(host, b"")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_a_body_that_is_too_large_is_refused(host):
    body = json.dumps({**GOOD, "scopes": ["x" * 70_000]}).encode()
    assert sent(host, body).status_code in (400, 413)
    assert Flow.objects.get().client_version is None


def test_an_account_type_is_a_list(host):
    answer = host.call("", {"integration": "demo-mail", "account_type": OWN})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "account_type")
