"""Row 56: who may use, read and change the app of a whole organization."""

from __future__ import annotations

import itertools
import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.attacks.arena import Arena
from tests.attacks.browser import Reply
from tests.attacks.visit import OWN, Visit, somebody
from tests.fakeas import visitor

EVIL = {"client_id": "evil-id", "client_secret": "evil-secret"}
APP_ID = "fake_ok"
_numbers = itertools.count(1)


@dataclass
class Acme:
    """An organization with an app, and its administrator one click before the provider."""

    arena: Arena
    org: str
    ada: Visit

    def open(self, sub: str, *, org: str = "", admin: bool = False, **fields: object) -> Visit:
        """Open the portal as somebody of the organization, or of another one."""
        return opened(self.arena, f"{sub}-{self.org}", org=org or self.org, admin=admin, **fields)

    def call(
        self, sub: str, method: str, path: str, body: object = None, **claims: object
    ) -> Reply:
        """Call the user API as somebody of the organization."""
        known = {"org": self.org, **claims}
        token = f"Bearer {self.arena.mine.token(f'{sub}-{self.org}', **known)}"
        return self.arena.api(method, path, token, body, Origin=self.arena.origin)

    @property
    def client(self) -> str:
        """The id of the organization's app."""
        (row,) = self.arena.rows(
            "SELECT c.id FROM integrations_oauthclient c JOIN integrations_organization o "
            "ON c.organization_id = o.id WHERE o.external_id = ? AND c.state = 'ACTIVE'",
            self.org,
        )
        return str(uuid.UUID(row[0]))

    def settle(self, choice: str) -> None:
        """Settle account types for the organization, as the vendor's staff do."""
        with closing(sqlite3.connect(self.arena.stack.database, timeout=20)) as database, database:
            database.execute(
                "INSERT INTO integrations_organizationpolicy (id, choice, organization_id, "
                "integration_id) SELECT ?, ?, o.id, i.id FROM integrations_organization o JOIN "
                "integrations_integration i ON i.project_id = o.project_id "
                "WHERE o.external_id = ? AND i.slug = 'demo-mail'",
                (uuid.uuid4().hex, choice, self.org),
            )


def opened(
    arena: Arena, sub: str, *, org: str | None, admin: bool = False, **fields: object
) -> Visit:
    """Open the portal as somebody of an organization."""
    person = somebody(arena, sub=sub)
    token = arena.mine.token(sub, org=org, org_admin=admin or None)
    person.open(**{"user_token": token, **fields})
    assert person.status == 200, person.page.text
    return person


@pytest.fixture
def acme(arena: Arena) -> Acme:
    org = f"acme-{next(_numbers)}"
    ada = opened(arena, f"ada-{org}", org=org, admin=True)
    ada.post("/portal/owner", {"owner": "organization"})
    ada.enter()
    assert ada.status == 200, ada.page.text
    return Acme(arena, org, ada)


@pytest.mark.row(56)
def test_a_colleague_saves_nothing(arena, acme):
    bob = acme.open("bob")
    with arena.repelled():
        assert bob.post("/portal/options", EVIL).status == 403
        assert bob.post("/portal/owner", {"owner": "organization"}).status == 403
        assert bob.post("/portal/hand-off").status == 403
        new = {"client": acme.client, "client_secret": "evil-secret"}
        assert bob.post("/portal/secret", new).status == 404
        path = f"me/clients/{acme.client}/secret"
        assert acme.call("bob", "PUT", path, {"client_secret": "evil-secret"}).status == 404


@pytest.mark.row(56)
def test_a_colleague_reads_nothing_of_it_on_pages(arena, acme):
    bob = acme.open("bob")
    pages = [bob.page.html]
    with arena.repelled():
        for path, fields in (
            ("step", {"to": "options"}),
            ("step", {"to": "review"}),
            ("manage", {}),
        ):
            pages.append(bob.post(f"/portal/{path}", fields).page.html)
    assert bob.status == 200
    for html in pages:
        assert APP_ID not in html


@pytest.mark.row(56)
def test_a_colleague_reads_nothing_of_it_by_the_api(arena, acme):
    body = {"integration": "demo-mail", "account_type": [OWN]}
    begun = acme.call("bob", "POST", "me/flows", body)
    assert begun.data["client_owner"] == "organization"
    flow = begun.data["id"]
    failed = "UPDATE integrations_flow SET status='FAILED', error_code='invalid_client' WHERE id=?"
    with closing(sqlite3.connect(arena.stack.database, timeout=20)) as database, database:
        database.execute(failed, (flow.replace("-", ""),))
    with arena.repelled():
        shown = acme.call("bob", "GET", f"flows/{flow}")
        listed = acme.call("bob", "GET", "me/clients")
    for reply in (begun, shown, listed):
        assert reply.status == 200
        assert APP_ID not in reply.text


@pytest.mark.row(56)
def test_another_organization_s_app_is_out_of_reach(arena, acme):
    other = f"globex-{acme.org}"
    eve = acme.open("eve", org=other, admin=True)
    assert "Set up your own" in eve.page.text
    path = f"me/clients/{acme.client}/secret"
    claims = {"org": other, "org_admin": True}
    acme.call("eve", "GET", "me", **claims)
    with arena.repelled():
        assert APP_ID not in eve.post("/portal/manage").page.html
        new = {"client": acme.client, "client_secret": "evil-secret"}
        assert eve.post("/portal/secret", new).status == 404
        answer = acme.call("eve", "PUT", path, {"client_secret": "evil-secret"}, **claims)
        assert answer.status == 404


@pytest.mark.row(56)
def test_only_an_administrator_shares_an_app(arena):
    org = f"initech-{next(_numbers)}"
    bob = opened(arena, f"bob-{org}", org=org)
    bob.enter()
    (row,) = arena.rows(
        "SELECT c.id FROM integrations_oauthclient c JOIN integrations_enduser u "
        "ON c.end_user_id = u.id WHERE u.external_id = ?",
        bob.sub,
    )
    client = {"client": str(uuid.UUID(row[0]))}
    eve = opened(arena, f"eve-{org}", org=org, admin=True)
    with arena.repelled():
        assert bob.post("/portal/promote", client).status == 403
        assert eve.post("/portal/promote", client).status == 404


@pytest.mark.row(56)
def test_a_policy_holds_for_whoever_posts_another_account_type(arena, acme):
    both = {"account_type": ["default", OWN]}
    bob = acme.open("bob", **both)
    lea = acme.open("lea")
    acme.call("bob", "GET", "me")
    acme.settle("default")
    with arena.repelled():
        assert bob.post("/portal/account-type", {"account_type": OWN}).status == 403
        assert lea.post("/oauth/start").status == 403
    flows = {"integration": "demo-mail", "account_type": [OWN]}
    with arena.repelled():
        assert acme.call("bob", "POST", "me/flows", flows).status == 403


@pytest.mark.row(56)
def test_a_start_after_a_policy_was_made_is_refused(arena, acme):
    lea = acme.open("lea")
    acme.settle("default")
    with arena.repelled():
        assert lea.post("/oauth/start").status == 403


@pytest.mark.row(56)
def test_a_call_for_an_account_type_that_a_policy_forbids_begins_nothing(arena, acme):
    acme.call("bob", "GET", "me")
    acme.settle("own")
    body = {"integration": "demo-mail", "account_type": ["default"]}
    with arena.repelled():
        answer = acme.call("bob", "POST", "me/flows", body)
        assert (answer.status, answer.data["code"]) == (403, "own_app_required")


@pytest.mark.row(56)
def test_who_moved_to_another_organization_does_not_start_with_the_old_app(arena, acme):
    bob = acme.open("bob")
    acme.call("bob", "GET", "me", org=f"globex-{acme.org}")
    with arena.repelled():
        assert bob.post("/oauth/start").status == 403


@pytest.mark.row(56)
def test_who_moves_on_the_way_is_not_connected(arena, acme):
    bob = acme.open("bob")
    back = visitor.approve(bob.start())
    acme.call("bob", "GET", "me", org=f"globex-{acme.org}")
    with arena.repelled("flow.failed client_not_usable low"):
        bob.come_back(back)
    assert bob.standing() == ("FAILED", "client_not_usable")


@pytest.mark.row(56)
def test_a_visit_brings_no_rights_into_another_organization(arena, acme):
    acme.call("ada", "GET", "me", org=f"globex-{acme.org}")
    with arena.repelled():
        assert acme.ada.post("/portal/owner", {"owner": "organization"}).status == 403
        assert acme.ada.post("/portal/options", EVIL).status == 403


@pytest.mark.row(56)
def test_a_flow_brings_no_rights_into_another_visit(arena, acme):
    demoted = acme.open("ada", mode="manage")
    demoted.flow = acme.ada.flow
    with arena.repelled():
        assert demoted.post("/portal/options", EVIL).status == 403
        assert demoted.post("/portal/step", {"to": "options"}).status == 403
