"""Every operation that takes a client or a secret reads its body strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from integrations.models import Integration
from tests import factories, stored
from tests.bad_inputs.doors import JSON_DOORS, Door
from tests.portal.api.conftest import Caller, vendor_of
from tests.portal.visits import Headless

pytestmark = pytest.mark.django_db
SECRET = "canary-of-a-body"
PLACES: dict[Door, tuple[str | int, ...]] = {
    Door.USER_API: (),
    Door.USER_SECRET: (),
    Door.VENDOR_SECRET: (),
    Door.IMPORT: ("rows", 0, "client"),
}


@dataclass(frozen=True)
class Operation:
    """One operation: who calls it, where, and a body it would take."""

    caller: Caller
    method: str
    path: str
    body: dict[str, Any]

    def send(self, body: bytes, kind: str = "application/json") -> Any:
        """Send bytes as they are."""
        path, headers = f"/api{self.path}", self.caller.headers
        return self.caller.client.generic(self.method, path, body, kind, headers=headers)


def operation(door: Door, zendesk: Integration) -> Operation:
    """Return the operation of a door with all that it needs."""
    project = zendesk.project
    dana = factories.make_end_user(project)
    app = {"client_id": "fake_ok", "client_secret": SECRET}
    person = Caller(f"Bearer {factories.user_token(project)}", Origin=factories.ORIGIN)
    if door is Door.USER_API:
        page = Headless(project)
        page.begin(integration="zendesk")
        body = {**app, "settings": {"subdomain": "acme"}}
        return Operation(person, "POST", f"/v1/me/flows/{page.flow}/pre-options", body)
    person("GET", "/v1/me")  # the token's own name and email are taken over here
    vendor = vendor_of(project)
    if door is Door.IMPORT:
        client = {**app, "settings": {"subdomain": "acme"}}
        row = {"user": "dana", "integration": "zendesk", "account_type": "user-configured-oauth"}
        row |= {"account_id": "a", "refresh_token": "r", "scopes": ["read"], "client": client}  # type: ignore[dict-item]
        return Operation(vendor, "POST", "/v1/connections/import", {"rows": [row]})
    pk = factories.make_client(zendesk, dana, settings={"subdomain": "acme"}).pk
    if door is Door.USER_SECRET:
        return Operation(person, "PUT", f"/v1/me/clients/{pk}/secret", {"client_secret": SECRET})
    return Operation(vendor, "PUT", f"/v1/clients/{pk}/secret", {"client_secret": SECRET})


@pytest.fixture(params=JSON_DOORS, ids=str)
def door(request: Any) -> Door:
    found: Door = request.param
    return found


@pytest.fixture
def called(door: Door, zendesk: Integration) -> Operation:
    return operation(door, zendesk)


def changed(door: Door, body: dict[str, Any], **fields: Any) -> bytes:
    """Return a body with other fields where the client and its secret are."""
    copy: Any = deepcopy(body)
    inner = copy
    for step in PLACES[door]:
        inner = inner[step]
    inner.update(fields)
    return json.dumps(copy).encode()


def fields_at_fault(answer: Any) -> list[str]:
    """Return the last part of each field's name, whether a body or a row was refused."""
    body = answer.json()
    errors = body["errors"] if answer.status_code >= 400 else body["rows"][0]["errors"]
    return [each["field"].split(".")[-1] for each in errors]


def refused_alike(called: Operation, bodies: Iterator[tuple[bytes, str]]) -> None:
    """Check that each body is refused at its field, unrepeated, and changes nothing."""
    before = stored.rows(*stored.KEPT)
    for body, field in bodies:
        answer = called.send(body)
        assert answer.status_code in (200, 400, 422), body
        assert fields_at_fault(answer) == [field], body
        assert SECRET not in answer.content.decode()
    assert stored.rows(*stored.KEPT) == before


def test_row24_names_that_it_does_not_know_are_refused(called, door, provider):
    names = ("x", "__proto__", "redirect_uri", "status", "clientSecret")
    refused_alike(called, ((changed(door, called.body, **{n: SECRET}), n) for n in names))
    outer = (json.dumps({**called.body, name: SECRET}).encode() for name in names)
    refused_alike(called, zip(outer, names, strict=True))


def test_row25_values_of_another_kind_are_refused(called, door, provider):
    kinds = (123, True, [SECRET], {"a": SECRET}, 1.5)
    kinds += (None,) if door is not Door.USER_API else ()
    refused_alike(
        called,
        ((changed(door, called.body, client_secret=each), "client_secret") for each in kinds),
    )


def test_row25_what_is_no_object_is_refused(called):
    before = stored.rows(*stored.KEPT)
    for body in (b"[]", b'"x"', b"1", b"null", b"true", b"", b"{"):
        # Nothing at all has no media type either.
        assert called.send(body).status_code in ((400, 422) if body else (400, 415, 422)), body
    assert stored.rows(*stored.KEPT) == before


def test_row26_a_name_that_is_there_twice_is_refused(called, door):
    good = changed(door, called.body).decode()
    again = '"client_secret": "another", "client_secret"'
    double = good.replace('"client_secret"', again, 1).encode()
    refused_alike(called, iter([(double, "client_secret")]))


KINDS = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=utf-7",
    "",
]


@pytest.mark.parametrize("kind", KINDS)
def test_row53_another_media_type_or_charset_is_refused(called, door, kind):
    before = stored.rows(*stored.KEPT)
    answer = called.send(changed(door, called.body), kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert SECRET not in answer.content.decode()
    assert stored.rows(*stored.KEPT) == before


def test_row09_a_megabyte_is_refused(called, door):
    before = stored.rows(*stored.KEPT)
    answer = called.send(changed(door, called.body, client_secret="s" * 1_000_000))
    assert answer.status_code in (200, 400, 413)
    assert answer.status_code != 200 or fields_at_fault(answer) == ["client_secret"]
    assert stored.rows(*stored.KEPT) == before


def test_row51_a_redirect_url_is_refused(called, door):
    names = ("redirect_url", "redirect_uri", "slot")
    evil = "https://evil.example"
    refused_alike(called, ((changed(door, called.body, **{n: evil}), n) for n in names))


def test_a_good_body_is_taken(called):
    answer = called.send(json.dumps(called.body).encode())
    assert answer.status_code == 200
    assert answer.json().get("refused", 0) == 0
