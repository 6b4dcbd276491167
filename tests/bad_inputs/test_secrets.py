"""A new secret of a saved app: the page and both operations take what the form takes."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from integrations.models import ClientVersion, Integration, OAuthClient
from tests import factories, stored, trips
from tests.bad_inputs.doors import SECRET_DOORS, Door
from tests.bad_inputs.values import values_at
from tests.portal.api.conftest import Caller, vendor_of
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
CASES = [(door, row) for door in SECRET_DOORS for row in values_at(door)]
Send = Callable[[str], tuple[int, dict[str, str], str]]


@pytest.fixture
def client(zendesk: Integration) -> OAuthClient:
    """Dana's app, which connected nothing yet."""
    dana = factories.make_end_user(zendesk.project)
    return factories.make_client(zendesk, dana, settings={"subdomain": "acme"})


def at(door: Door, client: OAuthClient) -> Send:
    """Return what sends a secret through the door: status, codes by field, and the whole answer."""
    project = client.integration.project
    if door is Door.SECRET_PAGE:
        return lambda text: by_page(Visitor(project, handle=handle(client)), client, text)
    if door is Door.VENDOR_SECRET:
        return lambda text: by_api(vendor_of(project), f"/v1/clients/{client.pk}/secret", text)
    person = Caller(f"Bearer {factories.user_token(project)}")
    person("GET", "/v1/me")  # the token's own name and email are taken over here
    return lambda text: by_api(person, f"/v1/me/clients/{client.pk}/secret", text)


def handle(client: OAuthClient) -> str:
    return trips.visit(client.integration.project).handle.reveal()


def by_page(dana: Visitor, client: OAuthClient, text: str) -> tuple[int, dict[str, str], str]:
    page = dana.post("/portal/secret", client=str(client.pk), client_secret=text)
    found = {"client_secret": ""} if 'id="client_secret_error"' in page.html else {}
    return dana.last.status_code, found, unescape(page.html)


def by_api(caller: Caller, path: str, text: str) -> tuple[int, dict[str, str], str]:
    answer = caller("PUT", path, {"client_secret": text})
    found = {each["field"]: each["code"] for each in answer.json().get("errors", [])}
    return answer.status_code, found, str(answer.json())


@pytest.mark.parametrize(("door", "row"), CASES)
def test_a_text_is_taken_as_the_table_says(provider, client, door, row):
    send = at(door, client)
    for value in values_at(door)[row]:
        if value.code:
            before = stored.rows(*stored.KEPT[:-1], OAuthClient)
            asked = len(provider.requests("token"))
            status, errors, answer = send(value.text)
            assert len(provider.requests("token")) == asked
            assert list(errors) == ["client_secret"], value
            assert status == (400 if value.unusable and door is not Door.SECRET_PAGE else 422)
            assert errors["client_secret"] in {"", value.code, "invalid"}
            assert not value.text.strip() or value.text not in answer
            assert stored.rows(*stored.KEPT[:-1], OAuthClient) == before
        else:
            status, errors, answer = send(value.text)
            assert (status, errors) == (200, {})
            newest = ClientVersion.objects.latest("number")
            assert newest.open_required("client_secret").reveal() == value.kept
    # A secret that was taken may be tried in advance, with a code that nobody was given.
    assert {each.outcome for each in provider.requests("token")} <= {"unknown_client"}


def test_every_door_is_tried(client: Any) -> None:
    assert {door for door, _ in CASES} == set(SECRET_DOORS)
