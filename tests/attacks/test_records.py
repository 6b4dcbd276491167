"""Rows 17, 35, 41, 44, 54: what is kept of what others say, and who may change the record."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from integrations.catalog import registry
from integrations.errors import CatalogError
from tests.attacks.visit import prepared, somebody
from tests.browser.stack import ROOT
from tests.fakeas import visitor

EVENTS = "integrations_auditevent"


@pytest.mark.row(35)
def test_another_account_with_the_same_email_does_not_take_a_connection_over(arena):
    """A reconnect comes back with another id at the provider; the tokens of the first one stay."""
    person = prepared(arena)
    connection = person.connect()
    before = arena.vendor("POST", f"connections/{connection['id']}/access-token").data
    arena.provider.configure(other_account=True)
    person.open(mode="reconnect", connection_id=connection["id"])
    person.enter(client_secret="")
    back = visitor.approve(person.start())
    calls = {"demo-mail.token": 1, "demo-mail.identity": 1}
    with arena.repelled(*MISMATCH, calls=calls):
        person.come_back(back)
    assert person.standing() == ("FAILED", "account_mismatch")
    after = arena.vendor("POST", f"connections/{connection['id']}/access-token").data
    assert after["access_token"] == before["access_token"]


MISMATCH = ("flow.failed account_mismatch low",)


@pytest.mark.row(35)
def test_two_accounts_with_one_email_are_two_connections(arena, victim):
    arena.provider.configure(other_account=True)
    victim.connect()
    victim.open()
    victim.enter(client_secret="")
    victim.come_back(visitor.approve(victim.start()))
    ids = {each["account_id"] for each in victim.connections()}
    assert len(ids) == 2


@pytest.mark.row(41)
def test_what_was_granted_is_kept_and_what_is_missing_is_said(arena, victim):
    arena.provider.configure(partial_scopes=1, extra_scopes=["contacts.read", "<script>"])
    connection = victim.connect()
    asked = victim.asked["scope"].split()
    assert "<script>" in connection["scopes"]
    assert set(connection["scopes"]) & set(asked) == {asked[0]}
    shown = victim.post("/portal/manage")
    assert "<script>" not in shown.text


@pytest.mark.row(41)
@pytest.mark.parametrize(
    "scope",
    ["&redirect_uri=https://evil.example", "%26state%3Dx", "a#b", "a?b=c", "state=x", "../x"],
)
def test_a_scope_does_not_change_the_rest_of_the_request(arena, bob, scope):
    bob.open()
    bob.enter(extra_scopes=scope)
    if bob.status == 200 and bob.start():
        assert scope in bob.asked["scope"].split()
        assert bob.asked["redirect_uri"].startswith(f"{arena.url}/oauth/callback/")
        assert len(bob.asked["state"]) >= 43
    else:
        assert bob.status in (403, 422)


@pytest.mark.row(17)
@pytest.mark.parametrize(
    "bad",
    [
        "https://{x.__class__}.names.test/token", "https://{0}.names.test/token",
        "https://{{subdomain}}.names.test/token", "https://%(subdomain)s.names.test/{secret}",
        "https://{subdomain!r}.names.test/token", "https://{subdomain:>99}.names.test/token",
        "http://{subdomain}.names.test/token", "https://user@names.test/token",
        "https://names.test/token#x",
    ],
)  # fmt: skip
def test_a_provider_file_with_a_trick_in_it_is_not_served(arena, tmp_path, bad):
    text = (ROOT / "tests" / "attacks" / "catalog" / "outside.toml").read_text()
    good = "https://{subdomain}.names.test/oauth/token"
    (tmp_path / "tricky.toml").write_text(text.replace(good, bad))
    with pytest.raises(CatalogError) as refused:
        registry.load(folders=(tmp_path,), loopback_http=False)
    assert refused.value.file.endswith("tricky.toml")


TAMPERED = {
    "changed": f"UPDATE {EVENTS} SET data = '{{}}' WHERE rowid = ?",
    "somebody else": f"UPDATE {EVENTS} SET actor = 'user:mallory' WHERE rowid = ?",
    "removed": f"DELETE FROM {EVENTS} WHERE rowid = ?",
}


@pytest.mark.row(44)
def test_every_way_to_edit_the_record_is_found_and_placed(arena):
    """Edits by somebody who can write to the database, each undone before the next."""
    person = prepared(arena, arena.theirs)
    person.connect()
    project = arena.theirs.project.replace("-", "")
    rows = arena.rows(
        f"SELECT rowid, sequence FROM {EVENTS} WHERE project_id = ? ORDER BY sequence", project
    )
    assert len(rows) > 3
    row, sequence = rows[-2]
    assert _checked(arena) == []
    for edit in TAMPERED.values():
        names = [column[1] for column in arena.rows(f"PRAGMA table_info({EVENTS})")]
        (kept,) = arena.rows(f"SELECT {', '.join(names)} FROM {EVENTS} WHERE rowid = ?", row)
        assert arena.change(edit, row) == 1
        try:
            assert _checked(arena) == [sequence]
        finally:
            marks = ", ".join("?" * (len(names) + 1))
            arena.change(f"DELETE FROM {EVENTS} WHERE rowid = ?", row)
            arena.change(
                f"INSERT INTO {EVENTS} (rowid, {', '.join(names)}) VALUES ({marks})", row, *kept
            )
    assert _checked(arena) == []


def _checked(arena) -> list[int]:
    """Verify the other tenant's chain as an operator does; return the first broken link."""
    command = [sys.executable, "manage.py", "verify_audit", arena.theirs.project, "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=arena.stack.environment, capture_output=True, text=True, check=False
    )
    (result,) = json.loads(done.stdout)
    assert done.returncode == (0 if result["intact"] else 1)
    return [] if result["intact"] else [result["sequence"]]


@pytest.mark.row(54)
@pytest.mark.parametrize("path", ["/embed/{project}/open", "/portal/options", "/oauth/start"])
def test_a_form_too_large_or_with_too_many_fields_is_refused_unread(arena, victim, path):
    path = path.replace("{project}", arena.mine.project)
    origin = arena.origin if path.startswith("/embed") else arena.url
    many = [(f"x{number}", "1") for number in range(400)]
    with arena.repelled():
        for fields in ({"client_id": "x" * 1_000_000}, many):
            reply = victim.browser.post(f"{arena.url}{path}", fields, Origin=origin)
            assert reply.status in (400, 413)
        upload = "multipart/form-data; boundary=b"
        body = (
            b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\nx\r\n--b--\r\n'
        )
        headers = {"Content_Type": upload, "Origin": origin}
        reply = victim.browser.send("POST", f"{arena.url}{path}", body=body, headers=headers)
        assert reply.status in (400, 401, 403, 413)


@pytest.mark.row(54)
def test_an_api_body_too_large_deep_or_odd_is_refused(arena):
    user = f"Bearer {arena.mine.token('large')}"
    arena.api("GET", "me", user)
    bodies = [b"[" * 60_000, b"{" * 60_000, b'{"a":1,"a":2}', b"\xff\xfe", b"nan", b"x" * 200_000]
    bodies.append(json.dumps({"integration": "demo-mail", "x": "\ud800"}).encode())
    with arena.repelled():
        for body in bodies:
            headers = {"Authorization": user, "Content_Type": "application/json"}
            address = f"{arena.url}/api/v1/me/flows"
            reply = arena.browser().send("POST", address, body=body, headers=headers)
            assert reply.status in (400, 413, 415, 422), body[:20]
            assert "traceback" not in reply.text.lower()


@pytest.mark.row(54)
def test_odd_headers_and_cookies_are_no_errors_of_ours(arena, victim):
    odd = ["x" * 6_000, "\xe9\xff", "a=b; " * 500, "'; DROP TABLE x", "\t", "${jndi:ldap://x}"]
    with arena.repelled():
        for text in odd:
            for name in ("Cookie", "Accept_Language", "User_Agent", "Referer", "X_Forwarded_For"):
                reply = arena.browser().get(f"{arena.url}/portal/", **{name: text})
                assert reply.status < 500
    assert somebody(arena).open(locale="x" * 5_000, theme="<b>").status == 200
