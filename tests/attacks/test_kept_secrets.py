"""Row 12: a stored secret is never sent to a host it was not entered for."""

from __future__ import annotations

import json

import pytest

from tests.attacks.visit import prepared, somebody
from tests.fakeas import visitor

AGAIN = "again: it is only kept while the app and its address stay"


@pytest.mark.row(12)
@pytest.mark.parametrize("changed", [{"subdomain": "evil"}, {"client_id": "another"}])
def test_a_changed_host_or_client_does_not_take_the_kept_secret_along(arena, changed):
    victim = prepared(arena, subdomain="acme")
    victim.post("/portal/step", {"to": "options"})
    with arena.repelled():
        reply = victim.enter(client_secret="", **changed)
    assert reply.status == 422
    assert AGAIN in reply.page.text


@pytest.mark.row(12)
@pytest.mark.parametrize(
    "mask", ["\u2022" * 8, "********", "........", "\u2022\u2022\u2022\u2022cret"]
)
def test_the_mask_is_not_taken_for_a_secret(arena, mask):
    victim = prepared(arena, subdomain="acme")
    victim.post("/portal/step", {"to": "options"})
    with arena.repelled():
        reply = victim.enter(client_secret=mask, subdomain="evil")
    assert (reply.status, "this is only a mask" in reply.page.text) == (422, True)


@pytest.mark.row(12)
def test_the_kept_secret_cannot_be_had_by_another_door(arena):
    """A second flow for another host of the same person begins without the secret of the first."""
    victim = prepared(arena, subdomain="acme")
    victim.start()
    victim.come_back(victim.answer(code=None, error="access_denied", iss=None))
    victim.post("/portal/another-client")
    with arena.repelled():
        reply = victim.enter(client_secret="", subdomain="evil")
    assert reply.status == 422


@pytest.mark.row(12)
def test_parameters_of_the_callback_do_not_move_the_token_endpoint(arena):
    names = ("shop", "domain", "subdomain", "instance_url", "location", "api_domain", "dc", "host")
    evil = dict.fromkeys((*names, "token_endpoint", "accounts-server"), "evil.example")
    arena.provider.configure(extra_callback_params=evil)
    victim = prepared(arena, subdomain="acme")
    victim.come_back(visitor.approve(victim.start()))
    assert victim.standing() == ("COMPLETED", "")
    (asked,) = arena.provider.requests("token")
    assert asked.path == "/demo-desk/acme/oauth/token"
    (connection,) = victim.connections()
    assert connection["provider_data"] == {"subdomain": "acme"}


@pytest.mark.row(12)
@pytest.mark.row(18)
def test_a_writer_to_the_database_cannot_point_the_secret_at_another_host(arena):
    """The version's settings are changed, and with them the host; the seal names the old ones."""
    victim = prepared(arena, subdomain="acme")
    changed = arena.change(
        "UPDATE integrations_clientversion SET settings = ? WHERE id = "
        "(SELECT client_version_id FROM integrations_flow WHERE id = ?)",
        json.dumps({"subdomain": "evil"}),
        victim.flow.replace("-", ""),
    )
    assert changed == 1
    with arena.repelled("seal.broken integrity_error high"):
        assert victim.start() == ""
    assert victim.status == 500
    assert "A stored secret cannot be trusted" in victim.page.text
    assert arena.provider.requests() == []


@pytest.mark.row(12)
@pytest.mark.row(18)
def test_a_secret_exchanged_for_anothers_during_the_trip_is_not_sent(arena):
    victim, other = prepared(arena), prepared(arena, client_id="another")
    assert victim.start()
    answer = victim.answer()
    changed = arena.change(
        "UPDATE integrations_clientversion SET client_secret = (SELECT v.client_secret FROM "
        "integrations_clientversion v JOIN integrations_flow f ON f.client_version_id = v.id "
        "WHERE f.id = ?) WHERE id = "
        "(SELECT client_version_id FROM integrations_flow WHERE id = ?)",
        other.flow.replace("-", ""),
        victim.flow.replace("-", ""),
    )
    assert changed == 1
    alarms = ("seal.broken integrity_error high", "flow.failed integrity_error low")
    with arena.repelled(*alarms):
        victim.come_back(answer)
    assert victim.standing() == ("FAILED", "integrity_error")
    assert arena.provider.requests("token") == []


@pytest.mark.row(12)
def test_a_reconnect_with_another_host_asks_for_the_secret_again(arena):
    victim = prepared(arena, subdomain="acme")
    connection = victim.connect()
    again = somebody(arena, sub=victim.sub)
    again.open("demo-desk", mode="reconnect", connection_id=connection["id"])
    if again.page.fields.get("client_id") is None:
        again.post("/portal/step", {"to": "options"})
    with arena.repelled():
        reply = again.enter(client_secret="", subdomain="evil")
    assert reply.status == 422
