"""Rows 26, 27 and 37: nobody reaches what belongs to somebody else."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

from tests.attacks.arena import Arena
from tests.attacks.visit import Visit, prepared

DOCUMENT = Path(__file__).parents[2] / "portal" / "api" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete", "head")
PAGES = {
    "/portal/account-type": {"account_type": "user-configured-oauth"},
    "/portal/options": {"client_id": "evil", "client_secret": "evil"},
    "/portal/another-client": {},
    "/portal/step": {"to": "options"},
    "/portal/flow/status": {},
    "/portal/cancel": {},
    "/portal/reconnect": {},
    "/portal/disconnect": {"confirm": "1"},
    "/oauth/start": {},
}


@cache
def operations() -> list[tuple[str, str, dict]]:
    """Return method, path and description of every operation that the API documents."""
    paths = json.loads(DOCUMENT.read_text())["paths"]
    return [
        (method.upper(), path.removeprefix("/api/v1/"), item)
        for path, methods in paths.items()
        for method, item in methods.items()
        if method in METHODS
    ]


def filled(path: str, victim: Visit, connection: str) -> str:
    """Put the victim's ids into a path."""
    names = {"connection_id": connection, "flow_id": victim.flow, "path": "me", "id": connection}
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path.partition("{")[0] if "{" in path else path


def mine(arena: Arena) -> tuple[Visit, str]:
    """Return somebody with a connection."""
    person = prepared(arena)
    return person, str(person.connect()["id"])


@pytest.mark.row(26)
def test_no_operation_with_an_id_in_it_answers_a_stranger(arena):
    victim, connection = mine(arena)
    other = prepared(arena, arena.theirs)
    strangers = {
        "another vendor": f"Bearer {arena.theirs.api_key}",
        "another vendor's person": f"Bearer {arena.theirs.token(victim.sub)}",
        "another person": f"Bearer {arena.mine.token('stranger')}",
        "a page of another vendor's person": f"CP {other.handle}",
        "nobody": "",
        "somebody with a made-up key": f"Bearer cp_live_{'x' * 43}",
    }
    addressed = [each for each in operations() if "{" in each[1]]
    assert len(addressed) >= 6
    arena.api("GET", "me", strangers["another person"])
    arena.api("GET", "me", strangers["another vendor's person"])
    with arena.repelled():
        for method, path, _ in addressed:
            address = filled(path, victim, connection)
            for who, authorization in strangers.items():
                body = {} if method in ("POST", "PUT", "PATCH") else None
                reply = arena.api(method, address, authorization, body)
                assert reply.status in (400, 401, 403, 404, 422), f"{who}: {method} {path}"
                assert victim.sub not in reply.text
                assert "alice@example.test" not in reply.text
    assert victim.connections()[0]["status"] == "VALID"


@pytest.mark.row(26)
def test_what_is_not_there_and_what_is_anothers_look_the_same(arena):
    _, connection = mine(arena)
    for path in ("connections/{}", "connections/{}/access-token"):
        method = "POST" if "token" in path else "GET"
        found = []
        for pk in (connection, str(uuid4())):
            reply = arena.api(method, path.format(pk), f"Bearer {arena.theirs.api_key}")
            data = {key: value for key, value in reply.data.items() if pk not in str(value)}
            found.append((reply.status, data.get("code"), data.get("title"), data.get("detail")))
        assert found[0] == found[1]
        assert found[0][0] == 404


@pytest.mark.row(26)
@pytest.mark.parametrize("where", ["the same vendor", "another vendor"])
def test_no_page_shows_or_changes_what_is_anothers(arena, where):
    victim, connection = mine(arena)
    mallory = prepared(arena, arena.theirs if where == "another vendor" else None)
    with arena.repelled():
        for path, fields in PAGES.items():
            mallory.flow = victim.flow
            reply = mallory.post(path, {"connection": connection, **fields})
            assert reply.status == 404, path
            assert reply.cookies == {}
            assert victim.flow not in reply.text
            assert victim.sub not in reply.text
        mallory.open(mode="reconnect", connection_id=connection)
        assert mallory.status == 404


TRICKS = (
    "connections/{id}/access-token?x=/embed/", "connections/{id}/access-token?/healthz",
    "connections/{id}/access-token;/healthz", "connections/{id}//access-token",
    "../healthz/../api/v1/connections/{id}/access-token", "connections/{id}/access-token%2f",
    "connections/{id}/access-token/", "CONNECTIONS/{id}/ACCESS-TOKEN",
    "connections/{id}%00/access-token", "connections/{id}/access-token?api_key={key}",
    "connections/{id}/access-token?access_token={key}", "./connections/{id}/access-token",
)  # fmt: skip


@pytest.mark.row(26)
def test_no_spelling_of_an_address_gets_round_the_key(arena):
    _, connection = mine(arena)
    with arena.repelled():
        for trick in TRICKS:
            address = trick.format(id=connection, key=arena.mine.api_key)
            for method in ("POST", "GET"):
                reply = arena.api(method, address, "")
                assert reply.status in (400, 401, 404, 405), address


@pytest.mark.row(26)
def test_headers_of_proxies_do_not_make_another_caller(arena):
    _, connection = mine(arena)
    claims = {
        "X_Original_URL": "/healthz",
        "X_Rewrite_URL": "/healthz",
        "X_Forwarded_User": "owner",
    }
    claims |= {"Remote_User": "owner", "X_HTTP_Method_Override": "GET"}
    with arena.repelled():
        for method, path in (("POST", "/access-token"), ("DELETE", "")):
            reply = arena.api(method, f"connections/{connection}{path}", "", **claims)
            assert reply.status == 401


FIELDS = (
    "id", "pk", "project", "project_id", "owner", "end_user", "end_user_id", "user", "status",
    "state", "is_staff", "is_superuser", "account_id", "slot", "redirect_uri", "scopes", "session",
    "current_version", "generation", "org_admin", "created_at", "handle", "offered", "error_code",
)  # fmt: skip


@pytest.mark.row(27)
def test_a_member_that_an_operation_does_not_know_is_refused(arena):
    """Each operation with a body is sent each field of our models besides what it takes."""
    _, connection = mine(arena)
    flow = prepared(arena)
    takers = [each for each in operations() if "requestBody" in each[2] and "proxy" not in each[1]]
    token = {"VendorKey": f"Bearer {arena.mine.api_key}"}
    token["UserToken"] = token["PortalHandle"] = f"Bearer {arena.mine.token(flow.sub)}"
    arena.api("GET", "me", token["UserToken"])
    with arena.repelled():
        for method, path, item in takers:
            authorization = token[next(iter(item["security"][0]))]
            known = _known(item)
            extra = {name: "evil" for name in FIELDS if name not in known}
            address = filled(path, flow, connection)
            reply = arena.api(method, address, authorization, extra)
            assert reply.status in (400, 404, 422), f"{method} {path}: {reply.status}"


def _known(item: dict) -> set[str]:
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    text = json.dumps(item["requestBody"])
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    found = (schemas.get(name, {}).get("properties", {}) for name in names)
    return {field for fields in found for field in fields}


@pytest.mark.row(27)
def test_a_field_that_a_page_does_not_offer_changes_nothing(arena, victim):
    """The redirect URL above all is never read from what is submitted."""
    victim.start()
    before = victim.asked["redirect_uri"]
    victim.post("/portal/step", {"to": "options"})
    taken = {"handle", "slot", "connection"}
    evil = dict.fromkeys(set(FIELDS) - taken, "evil")
    victim.enter(**evil, slot="evil", oauth_client="evil", connection=str(uuid4()))
    victim.start()
    assert victim.asked["redirect_uri"] == before
    ((project, user),) = arena.rows(
        "SELECT project_id, external_id FROM integrations_enduser WHERE external_id = ?", victim.sub
    )
    assert (project, user) == (arena.mine.project.replace("-", ""), victim.sub)


ORIGINS = (
    "https://evil.example", "null", "{origin}.evil.example", "http://evil-acme.localhost:{port}",
    "http://acme.localhost:{port}0", "https://acme.localhost:{port}", "http://ACME.localhost:{port}",
    "http://acme.localhost", "{origin}/", "{origin}, https://evil.example", "*", "file://",
    "http://xacme.localhost:{port}", "{portal}",
)  # fmt: skip


@pytest.mark.row(37)
def test_a_page_of_an_unregistered_origin_reads_nothing(arena):
    port = arena.origin.rpartition(":")[2]
    token = f"Bearer {arena.mine.token('reader')}"
    assert arena.api("GET", "me", token, Origin=arena.origin)[ALLOWED] == arena.origin
    with arena.repelled():
        for pattern in ORIGINS:
            words = {"{origin}": arena.origin, "{port}": port, "{portal}": arena.url}
            for word, value in words.items():
                pattern = pattern.replace(word, value)
            reply = arena.api("GET", "me", token, Origin=pattern)
            assert (reply.status, reply[ALLOWED]) == (403, ""), pattern
            assert reply["access-control-allow-credentials"] == ""
            vendor = arena.api("GET", "connections", "", Origin=pattern)
            assert vendor[ALLOWED] == ""


ALLOWED = "access-control-allow-origin"
