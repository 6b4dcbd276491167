"""The Python client, against the running portal."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from integrations.catalog import registry
from integrations.catalog.api import Api
from integrations.models import ApiKey, Connection, Project
from tests import factories
from tests.portal.api.upstream import fixed, serving

pytestmark = pytest.mark.django_db(transaction=True)
SOURCE = Path(__file__).resolve().parents[3] / "clients" / "python" / "connect_portal.py"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("connect_portal", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["connect_portal"] = module
    spec.loader.exec_module(module)
    return module


sdk = _loaded()


@pytest.fixture
def key(project) -> str:
    """An API key."""
    return factories.make_api_key(project)


@pytest.fixture
def portal(live_server, key, connection):
    """A client that does not wait between tries."""
    return sdk.ConnectPortal(live_server.url, key, sleep=waits.append)


waits: list[float] = []


@pytest.fixture(autouse=True)
def no_waits():
    """Begin without waits."""
    waits.clear()


def test_it_reads_lists_page_by_page(portal, connection, project):
    for number in range(2):
        factories.make_connection(
            connection.integration,
            connection.end_user,
            client=connection.oauth_client,
            external_id=f"id-{number}",
        )
    found = list(portal.connections(user="dana", limit="2"))
    assert len({each["id"] for each in found}) == 3
    assert [each["owner"] for each in portal.clients()] == ["end_user"]
    assert {each["action"] for each in portal.events(action="api_key.")} == {"api_key.created"}
    assert [each["type"] for each in portal.integrations()] == ["demo-mail"]
    assert portal.connection(found[0]["id"])["user"] == "dana"


def test_it_gets_a_token_that_its_repr_does_not_show(portal, connection):
    token = portal.access_token(str(connection.pk))
    assert (token.access_token, token.token_type) == ("access-token-of-the-test", "Bearer")
    assert "access-token" not in repr(token)
    assert token.generation == 1


def test_it_says_when_a_person_must_act(portal, connection):
    Connection.objects.update(status="INVALID", reason="needs_reauth")
    with pytest.raises(sdk.NeedsReconnect) as caught:
        portal.access_token(str(connection.pk))
    assert (caught.value.status, caught.value.code) == (409, "needs_reauth")
    assert caught.value.request_id.startswith("req_")
    assert waits == []


def test_it_tells_a_refusal_by_its_code(portal):
    ApiKey.objects.update(scopes=["tokens:read"])
    with pytest.raises(sdk.ConnectPortalError) as caught:
        list(portal.connections())
    assert (caught.value.status, caught.value.code) == (403, "insufficient_scope")


def test_it_passes_calls_on_and_tells_the_providers_errors_from_ours(portal, connection):
    connection.integration.proxy_rules = [{"methods": ["GET", "POST"], "path": "/v1/**"}]
    connection.integration.save()
    with serving() as upstream:
        entry = registry.provider("demo-mail")
        moved = entry.model_copy(update={"api": Api.model_construct(base_url=upstream.url)})
        registry.install({"demo-mail": moved})
        upstream.reply = fixed(b"theirs", status="404 Not Found")
        with portal.call(str(connection.pk), "POST", "/v1/a%2Fb?c=d", body=b"x") as answer:
            assert (answer.status, answer.read()) == (404, b"theirs")
        assert (upstream.last.method, upstream.last.start) == ("POST", b"x")
        assert upstream.last.target.endswith("?c=d")
        with pytest.raises(sdk.ConnectPortalError) as caught:
            portal.call(str(connection.pk), "GET", "/v2/x")
        assert caught.value.code == "proxy_not_allowed"


def test_it_imports_and_disconnects(portal, connection):
    row = {"user": "erin", "integration": "demo-mail", "account_type": "x", "scopes": []}
    assert portal.import_connections([row], dry_run=True)["refused"] == 1
    portal.disconnect(str(connection.pk))
    assert Connection.objects.get().status.startswith("DISCONNECT")


def test_it_tries_again_what_will_pass_under_one_key(portal, project, monkeypatch):
    sent = []
    opened = portal._open

    def failing(method, path, body, headers):
        sent.append(headers.get("Idempotency-Key"))
        if len(sent) < 3:
            raise sdk.ConnectPortalError(503, {"code": "provider_busy"})
        return opened(method, path, body, headers)

    monkeypatch.setattr(portal, "_open", failing)
    row = {"user": "erin", "integration": "demo-mail", "account_type": "x", "scopes": []}
    assert portal.import_connections([row])["refused"] == 1
    assert (len(sent), len(set(sent)), len(waits)) == (3, 1, 2)


def test_it_gives_up_after_some_tries(portal, connection):
    Project.objects.update(tokens_stopped=False)
    with pytest.raises(sdk.ConnectPortalError) as caught:
        portal._json("POST", "nothing", {})
    assert (caught.value.status, waits) == (404, [])


@pytest.mark.parametrize("base", ["http://connect.acme.example", "ftp://x", "connect.acme.example"])
def test_it_sends_no_key_over_plain_http(base, project):
    with pytest.raises(ValueError, match="https"):
        sdk.ConnectPortal(base, "cp_live_x")


def test_it_follows_no_redirect(project, key):
    with serving() as upstream:
        upstream.reply = fixed(b"", f"Location: {upstream.url}/evil", status="302 Found")
        client = sdk.ConnectPortal(upstream.url, key, tries=1)
        with pytest.raises(sdk.ConnectPortalError):
            client.integrations()
        assert len(upstream.seen) == 1


def test_it_is_short():
    assert len(SOURCE.read_text(encoding="utf-8").splitlines()) < 200
