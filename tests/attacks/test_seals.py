"""Rows 18 and 19: a ciphertext opens only where it was sealed, and only with its key."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.attacks.arena import Arena
from tests.attacks.visit import Visit, prepared

CREDENTIAL = "integrations_credential"


def connected(arena: Arena, **choices: str) -> tuple[Visit, str, str]:
    """Return somebody with a connection, its id and its id as the database writes it."""
    person = prepared(arena)
    pk = str(person.connect(**choices)["id"])
    return person, pk, pk.replace("-", "")


def token_of(arena: Arena, pk: str) -> tuple[int, object]:
    """Ask for a connection's access token; return status and code, or status and token."""
    reply = arena.vendor("POST", f"connections/{pk}/access-token")
    return reply.status, reply.data.get("access_token") or reply.data.get("code")


@pytest.mark.row(18)
@pytest.mark.parametrize("column", ["access_token", "refresh_token"])
def test_a_token_copied_from_another_row_is_not_handed_out(arena, column):
    _, _, victim = connected(arena, account="bob@example.test")
    _, pk, mine = connected(arena)
    arena.change(
        f"UPDATE {CREDENTIAL} SET access_token = "
        f"(SELECT {column} FROM {CREDENTIAL} WHERE connection_id = ?) WHERE connection_id = ?",
        victim, mine,
    )  # fmt: skip
    with arena.repelled("seal.broken high"):
        assert token_of(arena, pk) == (500, "integrity_error")


@pytest.mark.row(18)
def test_a_refresh_token_in_the_column_of_the_access_token_is_not_handed_out(arena):
    _, pk, mine = connected(arena)
    arena.change(
        f"UPDATE {CREDENTIAL} SET access_token = refresh_token WHERE connection_id = ?", mine
    )
    with arena.repelled("seal.broken high"):
        assert token_of(arena, pk) == (500, "integrity_error")


@pytest.mark.row(18)
def test_the_client_secret_in_the_column_of_the_access_token_is_not_handed_out(arena):
    _, pk, mine = connected(arena)
    arena.change(
        f"UPDATE {CREDENTIAL} SET access_token = (SELECT client_secret FROM "
        "integrations_clientversion v WHERE v.id = client_version_id) WHERE connection_id = ?",
        mine,
    )
    with arena.repelled("seal.broken high"):
        assert token_of(arena, pk) == (500, "integrity_error")


@pytest.mark.row(18)
def test_an_old_token_cannot_be_put_back_after_a_renewal(arena):
    person, pk, mine = connected(arena)
    ((old,),) = arena.rows(f"SELECT access_token FROM {CREDENTIAL} WHERE connection_id = ?", mine)
    person.open(mode="reconnect", connection_id=pk)
    person.enter(client_secret="")
    person.connect()
    assert token_of(arena, pk)[0] == 200
    arena.change(f"UPDATE {CREDENTIAL} SET access_token = ? WHERE connection_id = ?", old, mine)
    with arena.repelled("seal.broken high"):
        assert token_of(arena, pk) == (500, "integrity_error")


@pytest.mark.row(18)
@pytest.mark.parametrize(
    "spoiled", ["substr(access_token, 1, 60)", "x''", "'a-token-in-plain-text'"]
)
def test_a_damaged_or_plain_value_is_an_error_and_no_token(arena, spoiled):
    _, pk, mine = connected(arena)
    arena.change(f"UPDATE {CREDENTIAL} SET access_token = {spoiled} WHERE connection_id = ?", mine)
    with arena.repelled("seal.broken high"):
        assert token_of(arena, pk) == (500, "integrity_error")


@pytest.mark.row(18)
def test_a_verifier_of_another_trip_is_not_sent_with_ours(arena):
    victim, mallory = prepared(arena), prepared(arena)
    victim.start(), mallory.start()
    arena.change(
        "UPDATE integrations_authorizationrequest SET code_verifier = (SELECT code_verifier FROM "
        "integrations_authorizationrequest WHERE flow_id = ?) WHERE flow_id = ?",
        victim.flow.replace("-", ""), mallory.flow.replace("-", ""),
    )  # fmt: skip
    newest = arena.newest_alarm()
    mallory.come_back(mallory.answer())
    assert arena.provider.count("token") == 0
    assert mallory.standing()[0] == "FAILED"
    assert arena.alarms(newest) == [
        "seal.broken integrity_error high",
        "flow.failed integrity_error low",
    ]


@pytest.mark.row(19)
def test_with_another_key_nothing_opens_and_the_operator_is_told(arena):
    connected(arena)
    wrong = {**arena.stack.environment, "FERNET_KEYS": "another key of the attacks 0123456789"}
    kept, arena.stack.environment = arena.stack.environment, wrong
    try:
        with arena.repelled(), pytest.raises(RuntimeError) as refused:
            arena.stack.run("manage.py", "rotate_keys")
    finally:
        arena.stack.environment = kept
    assert "FERNET_KEYS" in str(refused.value)
    assert arena.shown(str(refused.value)) == []


@pytest.mark.row(19)
def test_the_database_and_its_journal_hold_no_secret_in_plain_text(arena):
    connected(arena)
    folder, name = arena.stack.database.parent, arena.stack.database.name
    raw = ""
    for path in folder.glob(f"{name}*"):
        # The journal goes when the last connection is closed.
        with suppress(FileNotFoundError):
            raw += path.read_bytes().decode("latin-1")
    assert "fake_ok" in raw
    assert [name for name in arena.shown(raw) if not name.startswith("code")] == []
