"""An organization's app: one person registers it, colleagues connect, nobody else changes it."""

from __future__ import annotations

from typing import Any

import pytest

from integrations import access, connect, organizations
from integrations.errors import NotAllowed
from integrations.models import (
    AuditEvent,
    Connection,
    EndUser,
    Flow,
    OAuthClient,
    Organization,
    OrganizationPolicy,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from portal import sessions
from tests import factories, trips
from tests.fakeas import visitor as provider_visitor
from tests.portal import visits
from tests.portal.api.conftest import Caller, vendor_of
from tests.portal.pages.test_handoff import Colleague, gone, link_of
from tests.portal.visits import Headless
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
SECRET_APP = {"client_id": "fake_ok", "client_secret": "the-organizations-secret-1234"}


def token(project: Any, sub: str, org: str | None = "acme", admin: bool = False) -> str:
    """Return a user token of somebody in an organization."""
    return factories.user_token(project, sub, org=org, org_admin=admin or None, name=sub.title())


def visitor(project: Any, sub: str, org: str | None = "acme", admin: bool = False) -> Visitor:
    """Return somebody who opened the portal for Demo Mail with an own app."""
    who = Visitor(project, sub)
    who.open(user_token=token(project, sub, org, admin))
    return who


def caller(project: Any, sub: str, org: str | None = "acme", admin: bool = False) -> Caller:
    """Return somebody who calls the user API."""
    return Caller(f"Bearer {token(project, sub, org, admin)}", Origin=factories.ORIGIN)


@pytest.fixture
def ada(project) -> Visitor:
    """An administrator of acme, who has just entered its app."""
    who = visitor(project, "ada", admin=True)
    who.post("/portal/owner", owner="organization")
    who.enter()
    assert "Ready to connect" in who.page.text
    return who


def shared() -> OAuthClient:
    return OAuthClient.objects.get(owner="organization", state="ACTIVE")


def test_colleagues_connect_without_a_form(project, ada):
    bob = visitor(project, "bob")
    assert "Your organization's app" in bob.page.text
    bob.approve()
    connection = Connection.objects.get()
    assert connection.oauth_client == shared()
    assert connection.end_user.external_id == "bob"
    assert AuditEvent.objects.filter(action="client.created", actor="user:ada").exists()


def test_colleagues_ask_for_what_the_app_is_registered_for(project):
    ada = visitor(project, "ada", admin=True)
    ada.post("/portal/owner", owner="organization")
    chosen = ada.page.form("/portal/options").submitted["scope"][:2]
    ada.enter(scope=chosen)
    bob = visitor(project, "bob")
    assert bob.current_flow().scopes == ada.current_flow().scopes


def test_a_colleague_sees_nothing_of_what_it_holds(project, ada):
    ada.post("/portal/step", to="options")
    ada.enter(client_id="the-organizations-id", client_secret="the-organizations-secret-1234")
    bob = visitor(project, "bob")
    pages = [bob.page.html]
    for path, fields in (
        ("/portal/step", {"to": "options"}),
        ("/portal/flow/status", {}),
        ("/portal/manage", {}),
        ("/portal/step", {"to": "review"}),
    ):
        pages.append(bob.post(path, **fields).html)
    for html in pages:
        for private in ("the-organizations-id", "1234", shared().slot):
            assert private not in html
    step = bob.post("/portal/step", to="options")
    assert bob.last.status_code == 403
    assert "administrator" in step.text


def test_a_colleague_saves_nothing(project, ada):
    before = shared().current_version
    bob = visitor(project, "bob")
    bob.post("/portal/options", client_id="evil", client_secret="evil-secret")
    assert bob.last.status_code == 403
    bob.post("/portal/secret", client=str(shared().pk), client_secret="evil-secret")
    assert bob.last.status_code == 404
    bob.post("/portal/owner", owner="organization")
    assert bob.last.status_code == 403
    bob.post("/portal/hand-off")
    assert bob.last.status_code == 403
    assert shared().current_version == before


def test_a_colleague_may_use_an_app_of_their_own_instead(project, ada):
    bob = visitor(project, "bob")
    bob.post("/portal/another-client")
    bob.enter()
    client = bob.current_flow().oauth_client
    assert (client.owner, client.end_user.external_id) == ("end_user", "bob")


def test_others_do_not_get_it(project, ada):
    for sub, org in (("eve", "globex"), ("ivan", None)):
        who = visitor(project, sub, org, admin=True)
        assert who.current_flow().oauth_client != shared()
        assert "Set up your own" in who.page.text


def test_nobody_gets_it_in_another_project_with_an_organization_of_that_name(project, ada):
    other = factories.make_project("Globex", which=1)
    factories.make_integration(other, "demo-mail")
    who = Visitor(other, "ada")
    who.open(user_token=factories.user_token(other, "ada", which=1, org="acme", org_admin=True))
    assert "Set up your own" in who.page.text
    who.post("/portal/secret", client=str(shared().pk), client_secret="evil-secret")
    assert who.last.status_code == 404


def test_an_administrator_sees_changes_and_renews_it(project, ada):
    bob = visitor(project, "bob")
    bob.approve()
    ada.post("/portal/manage")
    assert "Your organization's apps" in ada.page.text
    assert "fake_ok" in ada.page.text
    ada.post("/portal/secret", client=str(shared().pk), client_secret="fake-secret")
    assert "was replaced" in ada.page.text
    again = visitor(project, "ada", admin=True)
    again.post("/portal/step", to="options")
    again.enter(client_id="fake_other", client_secret="fake-secret")
    again.post("/portal/manage")
    assert "Must connect again" in again.page.text
    assert "Bob" in again.page.text


def test_an_administrator_of_another_organization_reaches_nothing(project, ada):
    eve = visitor(project, "eve", "globex", admin=True)
    eve.post("/portal/manage")
    assert "fake_ok" not in eve.page.html
    eve.post("/portal/secret", client=str(shared().pk), client_secret="evil-secret")
    assert eve.last.status_code == 404
    answer = caller(project, "eve", "globex", admin=True)(
        "PUT", f"/v1/me/clients/{shared().pk}/secret", {"client_secret": "evil-secret"}
    )
    assert answer.status_code == 404


def moved(project: Any, sub: str, org: str | None) -> None:
    """Let a later token say that somebody is in another organization."""
    caller(project, sub, org)("GET", "/v1/me")


@pytest.mark.parametrize("org", ["globex", None])
def test_a_member_who_moved_does_not_start_with_the_old_app(project, ada, org):
    bob = visitor(project, "bob")
    moved(project, "bob", org)
    bob.post("/oauth/start")
    assert bob.last.status_code == 403
    assert not bob.page.refresh


def test_a_member_who_moves_on_the_way_is_not_connected(project, ada):
    bob = visitor(project, "bob")
    url = provider_visitor.approve(bob.start())
    moved(project, "bob", "globex")
    bob.come_back(url)
    assert bob.current_flow().error_code == "client_not_usable"
    assert not Connection.objects.exists()


def test_a_member_who_moved_goes_on_with_a_form_and_keeps_what_is_connected(project, ada):
    bob = visitor(project, "bob")
    bob.approve()
    flow = visitor(project, "bob").current_flow()
    assert flow.oauth_client == shared()
    back = visitor(project, "bob", "globex")
    assert back.flow == str(flow.pk)
    assert "Set up your own" in back.page.text
    back.post("/portal/reconnect", connection=str(Connection.objects.get().pk))
    assert back.current_flow().oauth_client != shared()
    assert Connection.objects.get().status == "VALID"


def test_an_old_visit_s_rights_end_with_the_organization(project, ada):
    before = shared().current_version
    moved(project, "ada", "globex")
    for path, fields in (
        ("/portal/options", {"client_id": "evil", "client_secret": "evil-secret"}),
        ("/portal/owner", {"owner": "organization"}),
        ("/portal/secret", {"client": str(shared().pk), "client_secret": "evil-secret"}),
    ):
        ada.post(path, **fields)
        assert ada.last.status_code in (403, 404), path
    assert shared().current_version == before
    assert not OAuthClient.objects.filter(organization__external_id="globex").exists()


def test_a_flow_begun_as_administrator_gives_a_later_visit_no_rights(project, ada):
    before = shared().current_version
    demoted = Visitor(project, "ada")
    demoted.open(user_token=token(project, "ada"), mode="manage")
    demoted.flow = ada.flow
    Flow.objects.filter(pk=ada.flow).update(session=ada.current_flow().session_id)
    demoted.post("/portal/options", client_id="evil", client_secret="evil-secret")
    assert demoted.last.status_code == 403
    demoted.post("/portal/step", to="options")
    assert demoted.last.status_code == 403
    assert shared().current_version == before


def test_a_link_never_makes_an_administrator(project, ada):
    who = visits.visiting(vendor_of(project), "ada")
    assert "Your organization's app" in who.page.text
    who.post("/portal/options", client_id="evil", client_secret="evil-secret")
    assert who.last.status_code == 403


def test_an_administrator_shares_an_app_and_it_keeps_its_redirect_url(project):
    ada = visitor(project, "ada", admin=True)
    ada.enter()
    ada.approve()
    client = OAuthClient.objects.get()
    ada.post("/portal/manage")
    ada.post("/portal/promote", client=str(client.pk))
    assert "is your organization's now" in ada.page.text
    after = shared()
    assert (after.pk, after.slot, after.end_user) == (client.pk, client.slot, None)
    assert Connection.objects.get().status == "VALID"
    assert "Your organization's app" in visitor(project, "bob").page.text
    event = AuditEvent.objects.get(action="client.promoted")
    assert (event.actor, event.data["organization"]) == ("user:ada", "acme")


def test_nobody_else_shares_an_app(project):
    bob = visitor(project, "bob")
    bob.enter()
    client = OAuthClient.objects.get()
    bob.post("/portal/promote", client=str(client.pk))
    assert bob.last.status_code == 403
    for who in (visitor(project, "ada", admin=True), visitor(project, "eve", "globex", admin=True)):
        who.post("/portal/promote", client=str(client.pk))
        assert who.last.status_code == 404
    client.refresh_from_db()
    assert client.owner == "end_user"


def test_a_second_app_is_not_shared(project, ada):
    ada.post("/portal/owner", owner="end_user")
    ada.enter()
    client = OAuthClient.objects.get(owner="end_user")
    ada.post("/portal/promote", client=str(client.pk))
    assert ada.last.status_code == 403
    assert shared().pk != client.pk


def test_it_outlives_disconnecting_and_removing_people(project, ada):
    bob = visitor(project, "bob")
    bob.approve()
    connection = Connection.objects.get()
    bob.post("/portal/disconnect", connection=str(connection.pk), confirm="1")
    EndUser.objects.update(organization=None)
    assert shared().state == "ACTIVE"
    assert "Your organization's app" in visitor(project, "lea").page.text


def test_an_administrator_hands_the_organization_s_form_over(project):
    ada = visitor(project, "ada", admin=True)
    ada.post("/portal/owner", owner="organization")
    link = link_of(ada.post("/portal/hand-off"))
    assert "Everybody in your organization" in Colleague(link).look().text
    Colleague(link).enter()
    assert "Ready to connect" in ada.status().text
    assert shared().organization.external_id == "acme"


def test_that_link_ends_when_they_leave_the_organization(project):
    ada = visitor(project, "ada", admin=True)
    ada.post("/portal/owner", owner="organization")
    link = link_of(ada.post("/portal/hand-off"))
    moved(project, "ada", "globex")
    assert gone(Colleague(link))


def test_the_user_api_tells_the_owner_and_keeps_the_same_rules(project):
    ada, bob = caller(project, "ada", admin=True), caller(project, "bob")
    page = Headless(project, "ada", claims={"org": "acme", "org_admin": True})
    assert page.begin()["client_owner"] == "end_user"
    step = page.step("pre-options", {"owner": "organization"}).json()
    assert step["client_owner"] == "organization"
    assert step["redirect_url"]
    assert page.step("pre-options", SECRET_APP).json()["stage"] == "oauth"
    (listed,) = ada("GET", "/v1/me/clients").json()["clients"]
    assert (listed["owner"], listed["client_id"]) == ("organization", "fake_ok")
    assert bob("GET", "/v1/me/clients").json() == {"clients": []}
    colleague = Headless(project, "bob", claims={"org": "acme"})
    begun = colleague.begin()
    assert (begun["stage"], begun["client_owner"]) == ("oauth", "organization")
    assert (begun["redirect_url"], begun["inputs"]) == (None, [])
    assert begun["start_ticket"]
    for body in (SECRET_APP, {"owner": "organization"}):
        answer = colleague.step("pre-options", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "org_admin_required")


def settle(project: Any, choice: str, org: str = "acme") -> None:
    """Settle what an organization may have."""
    organization, _ = Organization.objects.get_or_create(project=project, external_id=org)
    OrganizationPolicy.objects.update_or_create(
        organization=organization,
        integration=project.integrations.get(),
        defaults={"choice": choice},
    )


def test_a_policy_decides_what_is_offered(project):
    bob = caller(project, "bob")

    def kinds() -> list[str]:
        (row,) = bob("GET", "/v1/me/integrations").json()["integrations"]
        return list(row["account_types"])

    assert kinds() == [DEFAULT_ACCOUNT, OWN_CLIENT]
    settle(project, "own")
    assert kinds() == [OWN_CLIENT]
    settle(project, "default")
    assert kinds() == [DEFAULT_ACCOUNT]
    project.integrations.update(account_types=[OWN_CLIENT])
    settle(project, "both")
    assert kinds() == [OWN_CLIENT, DEFAULT_ACCOUNT]
    eve = caller(project, "eve", "globex")
    (row,) = eve("GET", "/v1/me/integrations").json()["integrations"]
    assert row["account_types"] == [OWN_CLIENT]


@pytest.mark.parametrize(
    ("choice", "kind", "code"),
    [
        ("own", DEFAULT_ACCOUNT, "own_app_required"),
        ("default", OWN_CLIENT, "default_app_required"),
    ],
)
def test_a_policy_is_kept_at_every_door(project, choice, kind, code):
    before = Headless(project, "bob", claims={"org": "acme"})
    before.begin(account_type=[DEFAULT_ACCOUNT, OWN_CLIENT])
    page = Visitor(project, "lea")
    page.open(user_token=token(project, "lea"), account_type=[DEFAULT_ACCOUNT, OWN_CLIENT])
    settle(project, choice)
    answer = before.step("account-type", {"account_type": kind})
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    page.post("/portal/account-type", account_type=kind)
    assert page.last.status_code == 403
    answer = before.call("", {"integration": "demo-mail", "account_type": [kind]})
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    fresh = Visitor(project, "bob")
    fresh.open(user_token=token(project, "bob"), account_type=kind)
    assert fresh.last.status_code == 403


def test_of_several_account_types_those_stay_that_the_policy_allows(project):
    settle(project, "own")
    bob = Visitor(project, "bob")
    bob.open(user_token=token(project, "bob"), account_type=[DEFAULT_ACCOUNT, OWN_CLIENT])
    assert bob.current_flow().offered == [OWN_CLIENT]
    assert "Set up your own" in bob.page.text


def test_a_policy_made_meanwhile_stops_the_start(project):
    bob = visitor(project, "bob")
    bob.enter()
    settle(project, "default")
    bob.post("/oauth/start")
    assert bob.last.status_code == 403
    assert not bob.page.refresh


def test_a_connection_of_a_kind_no_longer_offered_is_renewed_as_another(project):
    bob = visitor(project, "bob")
    bob.enter()
    bob.approve()
    settle(project, "default")
    vendors = OAuthClient.objects.filter(owner="vendor")
    session = sessions.session_of(bob.handle)
    wish = connect.Wish("demo-mail", connection_id=str(Connection.objects.get().pk))
    with pytest.raises(NotAllowed, match="vendor_client_missing"):
        connect.begin(session=session, wish=wish)
    assert not vendors.filter(state="ACTIVE").exists()


def test_rights_come_from_the_visit_that_acts(project, ada):
    flow = access.flow_of(who=sessions.session_of(ada.handle), pk=ada.flow)
    assert organizations.may_change(who=flow.acting, client=shared())
    opened = trips.visit(project, "ada").session
    assert not opened.org_admin
    flow = access.flow_of(who=opened, pk=ada.flow)
    assert not organizations.may_change(who=flow.acting, client=shared())
