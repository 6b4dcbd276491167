"""Row 57: a hand-off link enters one client, once, and opens nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from tests.attacks.arena import Arena
from tests.attacks.browser import Browser, Reply
from tests.attacks.test_organizations import opened
from tests.attacks.visit import Visit, somebody

EVIL = {"client_id": "evil-id", "client_secret": "evil-secret"}


@dataclass
class Link:
    """A link, and the browser of whoever holds it."""

    arena: Arena
    url: str
    browser: Browser
    fields: dict[str, str] = field(default_factory=dict)

    def look(self) -> Reply:
        """Open the link."""
        return self.browser.get(self.url)

    def begin(self, **headers: str) -> Reply:
        """Press Continue."""
        reply = self.browser.post(self.url, {}, **{"Origin": self.arena.url, **headers})
        if reply.status == 200:
            self.fields = reply.page.form("/handoff/form").submitted
        return reply

    def save(self, **typed: str) -> Reply:
        """Post the form."""
        form = {**self.fields, **EVIL, **typed}
        address = f"{self.arena.url}/handoff/form"
        return self.browser.post(address, form, Origin=self.arena.url)


def sent(person: Visit) -> Link:
    """Make a link for a colleague."""
    html = person.post("/portal/hand-off").page.html
    url = html.split('id="hand_off_link" class="code" value="')[1].split('"')[0]
    return Link(person.arena, url, person.arena.browser())


@pytest.fixture
def dana(arena: Arena) -> Visit:
    """Somebody in front of the own-client form."""
    person = somebody(arena)
    person.open()
    assert person.status == 200
    return person


def write(arena: Arena, statement: str, *values: str) -> None:
    """Change the database behind the portal's back, as time does."""
    with closing(sqlite3.connect(arena.stack.database, timeout=20)) as database, database:
        database.execute(statement, values)


@pytest.mark.row(57)
def test_a_used_link_does_nothing(arena, dana):
    link = sent(dana)
    link.begin()
    assert link.save(client_id="fake_ok", client_secret="fake-secret").status == 200
    with arena.repelled():
        assert link.look().status == 404
        assert link.begin().status == 404
        assert link.save().status == 404


@pytest.mark.row(57)
def test_a_withdrawn_link_does_nothing(arena, dana):
    link = sent(dana)
    link.begin()
    dana.post("/portal/hand-off/end")
    with arena.repelled():
        assert link.look().status == 404
        assert link.save().status == 404


@pytest.mark.row(57)
def test_an_expired_link_does_nothing(arena, dana):
    link = sent(dana)
    link.begin()
    write(arena, "UPDATE integrations_handoff SET expires_at = '2026-01-01 00:00:00'")
    with arena.repelled():
        assert link.look().status == 404
        assert link.save().status == 404


@pytest.mark.row(57)
def test_a_link_before_the_newest_does_nothing(arena, dana):
    first = sent(dana)
    first.begin()
    sent(dana)
    with arena.repelled():
        assert first.look().status == 404
        assert first.save().status == 404


@pytest.mark.row(57)
def test_a_link_of_a_flow_that_ended_or_went_another_way_does_nothing(arena, dana):
    link = sent(dana)
    link.begin()
    dana.post("/portal/cancel")
    with arena.repelled():
        assert link.look().status == 404
        assert link.save().status == 404


@pytest.mark.row(57)
def test_a_link_changes_no_client_but_its_own(arena, dana, victim):
    link = sent(dana)
    link.begin()
    (theirs,) = arena.rows(
        "SELECT oauth_client_id FROM integrations_flow WHERE id = ?", victim.flow.replace("-", "")
    )
    kept = "SELECT current_version_id, owner FROM integrations_oauthclient WHERE id = ?"
    before = arena.rows(kept, theirs[0])
    posted = link.save(flow=victim.flow, client=theirs[0], oauth_client=theirs[0], owner="vendor")
    assert posted.status == 200
    assert arena.rows(kept, theirs[0]) == before
    assert dana.post("/portal/flow/status").status == 200


@pytest.mark.row(57)
def test_another_project_s_key_makes_no_link_to_this_one(arena, dana):
    body = {"user": dana.sub, "integration": "outside", "kind": "handoff"}
    with arena.repelled():
        answer = arena.api("POST", "sessions", f"Bearer {arena.theirs.api_key}", body)
        assert answer.status == 404


@pytest.mark.row(57)
def test_its_pages_show_nothing_that_the_person_typed(arena):
    token = arena.mine.token("typist", name=None, email="typist@private.example")
    person = somebody(arena, sub="typist")
    person.open(user_token=token)
    person.enter(client_id="typed by the person", client_secret="fake-secret")
    link = sent(person)
    with arena.repelled():
        pages = [link.look(), link.begin()]
    for reply in pages:
        assert reply.status == 200
        for private in ("typed by the person", "private.example", person.flow, person.handle):
            assert private not in reply.text
        assert reply.cookies == {}


@pytest.mark.row(57)
def test_its_handle_opens_no_page_of_the_person(arena, dana):
    link = sent(dana)
    link.begin()
    handle = {"handle": link.fields["handle"], "flow": dana.flow}
    with arena.repelled():
        for path in ("/portal/manage", "/portal/options", "/portal/flow/status", "/oauth/start"):
            reply = link.browser.post(f"{arena.url}{path}", handle, Origin=arena.url)
            assert reply.status == 401, path
        link.fields = {"handle": dana.handle}
        assert link.save().status == 404


@pytest.mark.row(57)
def test_another_site_posts_neither_the_button_nor_the_form(arena, dana):
    link = sent(dana)
    with arena.repelled():
        assert link.begin(Origin="https://evil.example").status == 403
    link.begin()
    with arena.repelled():
        form, address = {**link.fields, **EVIL}, f"{arena.url}/handoff/form"
        for origin in ("https://evil.example", "null", ""):
            assert link.browser.post(address, form, Origin=origin).status == 403


@pytest.mark.row(57)
def test_a_colleague_hands_the_organization_s_app_to_nobody(arena):
    ada = opened(arena, "ada-of-links", org="linked", admin=True)
    ada.post("/portal/owner", {"owner": "organization"})
    ada.enter()
    bob = opened(arena, "bob-of-links", org="linked")
    with arena.repelled():
        assert bob.post("/portal/hand-off").status == 403


@pytest.mark.row(57)
def test_a_link_for_an_organization_ends_when_whoever_made_it_leaves(arena):
    ada = opened(arena, "ada-who-leaves", org="left", admin=True)
    ada.post("/portal/owner", {"owner": "organization"})
    link = sent(ada)
    link.begin()
    elsewhere = f"Bearer {arena.mine.token(ada.sub, org='elsewhere')}"
    arena.api("GET", "me", elsewhere, Origin=arena.origin)
    with arena.repelled():
        assert link.look().status == 404
        assert link.save().status == 404


@pytest.mark.row(57)
def test_the_vendor_s_link_enters_no_host_for_an_organization(arena):
    body = {"user": "dana-of-hosts", "integration": "demo-desk", "kind": "handoff", "org": "hosts"}
    with arena.repelled():
        answer = arena.api("POST", "sessions", f"Bearer {arena.mine.api_key}", body)
        assert (answer.status, answer.data["code"]) == (403, "org_admin_required")
