"""A link ends with the authority it was made with, and tells its holder nothing that is saved."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from integrations import clients, handoffs, organizations
from integrations.clients import ClientConfig
from integrations.errors import NotAllowed, NotFound
from integrations.models import (
    ApiKey,
    Connection,
    EndUser,
    HandOff,
    Integration,
    OAuthClient,
    Organization,
    OrganizationPolicy,
    PortalSession,
    SigningKey,
)
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.secret import Secret
from portal import sessions
from tests import factories
from tests.portal import visits
from tests.portal.api.conftest import vendor_of
from tests.portal.pages.test_handoff import Colleague, ended_after, gone, sent
from tests.portal.test_organization_clients import shared, token, visitor
from tests.portal.visits import Headless
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
EVIL = {"client_id": "evil-id", "client_secret": "evil-secret-0123456789abcdef"}
CONFIG = ClientConfig("evil-id", Secret("evil-secret-0123456789abcdef"), {})


@pytest.fixture
def ada(project) -> Visitor:
    """An administrator of acme who entered its app and looks at its form again."""
    who = visitor(project, "ada", admin=True)
    who.post("/portal/owner", owner="organization")
    who.enter()
    who.post("/portal/step", to="options")
    return who


@pytest.fixture
def owner(project) -> Visitor:
    """An administrator of acme who entered an app of her own and looks at its form again."""
    who = visitor(project, "ada", admin=True)
    who.post("/portal/owner", owner="end_user")
    who.enter()
    who.post("/portal/step", to="options")
    return who


def begun(who: Visitor) -> tuple[Colleague, dict[str, Any]]:
    """Make a link, open its form and return what it would post."""
    colleague = sent(who)
    colleague.begin()
    return colleague, colleague.page.form("/handoff/form").submitted


def refused(colleague: Colleague, fields: dict[str, Any]) -> bool:
    """Return whether neither the form nor the link does anything, and nothing was saved."""
    over = ended_after(colleague, **{**fields, **EVIL}) and gone(colleague)
    return over and not OAuthClient.objects.filter(current_version__client_id="evil-id").exists()


def settle(choice: str) -> None:
    """Hold every organization to this policy."""
    for organization in Organization.objects.all():
        OrganizationPolicy.objects.create(
            organization=organization, integration=Integration.objects.get(), choice=choice
        )


def test_a_link_ends_with_the_signing_key_of_the_visit_that_made_it(ada):
    colleague, fields = begun(ada)
    SigningKey.objects.update(revoked_at=timezone.now())
    assert refused(colleague, fields)


def test_a_link_ends_with_the_api_key_of_the_visit_that_made_it(project):
    guest = visits.visiting(vendor_of(project))
    colleague, fields = begun(guest)
    ApiKey.objects.update(revoked_at=timezone.now())
    assert refused(colleague, fields)


def test_a_link_of_no_known_visit_is_ended(ada):
    colleague, fields = begun(ada)
    HandOff.objects.update(session=None)
    assert refused(colleague, fields)


def test_signing_out_everywhere_ends_the_links_a_person_made(ada):
    colleague, fields = begun(ada)
    sessions.end_all(EndUser.objects.get(external_id="ada"))
    assert refused(colleague, fields)
    assert HandOff.objects.get().outcome == "revoked"


def test_signing_out_leaves_the_links_of_others_and_of_the_vendor(project, ada):
    body = {"user": "ada", "integration": "demo-mail", "kind": "handoff"}
    link = vendor_of(project)("POST", "/v1/sessions", body).json()["url"]
    bob = sent(visitor(project, "bob", org=None))
    sessions.end_all(EndUser.objects.get(external_id="ada"))
    assert not gone(Colleague(link))
    assert not gone(bob)


def test_a_visit_that_is_closed_or_expires_leaves_its_link(ada):
    colleague = sent(ada)
    ada.post("/portal/end", closed="1")
    assert PortalSession.objects.get().ended_at
    assert "Thanks" in colleague.enter().text


def test_a_link_ends_when_whoever_made_it_is_no_administrator_any_more(project, ada):
    colleague, fields = begun(ada)
    visitor(project, "ada", admin=False)
    assert refused(colleague, fields)


def test_a_link_stays_while_whoever_made_it_is_an_administrator(project, ada):
    colleague = sent(ada)
    visitor(project, "ada", admin=True)
    assert "Thanks" in colleague.enter().text


def test_a_visit_by_a_link_hands_no_app_in_use_to_anybody(project):
    dana = Visitor(project)
    dana.open()
    dana.enter()
    guest = visits.visiting(vendor_of(project))
    page = guest.post("/portal/hand-off")
    assert guest.last.status_code == 403, page.text
    assert not HandOff.objects.exists()


def test_a_link_of_the_vendor_ends_those_that_people_made(ada):
    colleague, fields = begun(ada)
    handoffs.issue_for_vendor(client=shared(), actor="admin:staff")
    assert refused(colleague, fields)


def test_sharing_an_app_ends_the_links_of_its_owner_and_of_the_vendor(project, owner):
    own = OAuthClient.objects.get(owner="end_user", state="ACTIVE")
    body = {"user": "ada", "integration": "demo-mail", "kind": "handoff"}
    link = Colleague(vendor_of(project)("POST", "/v1/sessions", body).json()["url"])
    link.begin()
    fields = link.page.form("/handoff/form").submitted
    assert HandOff.objects.get().oauth_client == own
    mine = sent(owner)
    owner.post("/portal/promote", client=str(own.pk))
    assert shared() == own
    assert refused(link, fields)
    assert gone(mine)
    assert set(HandOff.objects.values_list("outcome", flat=True)) == {"revoked"}


@pytest.mark.parametrize("change", ["promotion", "revocation", "policy"])
def test_what_changes_between_opening_and_saving_counts(owner, change):
    _, fields = begun(owner)
    opened = handoffs.form(Secret(fields["handle"][0]))
    own = OAuthClient.objects.get(owner="end_user", state="ACTIVE")
    if change == "promotion":
        clients.promote(client=own, organization=Organization.objects.get(), actor="test")
    elif change == "revocation":
        SigningKey.objects.update(revoked_at=timezone.now())
    else:
        settle("default")
    with pytest.raises(NotFound, match="link_ended"):
        handoffs.save(form=opened, config=CONFIG, scope_text="openid mail.read profile")
    own.refresh_from_db()
    assert own.current_version.client_id == "fake_ok"


def test_an_app_that_changed_hands_is_not_saved_for_the_one_before(owner):
    own = OAuthClient.objects.get(owner="end_user", state="ACTIVE")
    judged = OAuthClient.objects.get(pk=own.pk)
    clients.promote(client=own, organization=Organization.objects.get(), actor="test")
    with pytest.raises(NotAllowed, match="client_not_usable"):
        clients.replace_config(client=judged, config=CONFIG, actor="test")
    assert shared().current_version.client_id == "fake_ok"


def test_a_policy_without_own_apps_ends_a_link(ada):
    colleague, fields = begun(ada)
    settle("default")
    assert refused(colleague, fields)


def test_the_form_is_empty_for_an_app_in_use(db, provider):
    project = factories.make_project()
    factories.make_integration(project, "keycloak")
    ada = Visitor(project, "ada")
    ada.open("keycloak", user_token=token(project, "ada", "acme", True))
    ada.post("/portal/owner", owner="organization")
    typed = {"setting_host": "sso.bank.com", "setting_realm": "the-staff-realm"}
    ada.enter(client_id="bank-app", client_secret="bank-secret-0123456789-WXYZ", **typed)
    ada.post("/portal/step", to="options")
    html = sent(ada).begin().html
    for private in ("bank-app", "WXYZ", "sso.bank.com", "the-staff-realm"):
        assert private not in html
    assert shared().redirect_uri() in html


def test_a_link_keeps_no_secret_that_is_saved(ada):
    colleague, fields = begun(ada)
    before = shared().current_version
    page = colleague.post(**{**fields, "client_id": "fake_ok", "client_secret": ""})
    assert colleague.last.status_code == 422
    assert "Enter the" in page.text
    assert shared().current_version == before


@pytest.mark.parametrize("policy", ["own", "both"])
def test_a_visit_of_the_organization_before_is_under_the_policy_of_the_one_now(project, policy):
    integration = Integration.objects.get()
    for organization in ("acme", "beta"):
        visitor(project, "eve", organization)
    beta = Organization.objects.get(external_id="beta")
    OrganizationPolicy.objects.create(organization=beta, integration=integration, choice=policy)
    session = PortalSession.objects.get(organization__external_id="acme")
    assert organizations.organization_id(session) is None
    under = organizations.governing_id(session)
    offered = set(organizations.offered(integration=integration, organization=under))
    assert offered == ({OWN_CLIENT} if policy == "own" else {DEFAULT_ACCOUNT, OWN_CLIENT})


def test_a_stale_visit_does_not_connect_with_an_app_that_the_policy_forbids(project):
    vendors = clients.vendor_client(Integration.objects.get())
    config = ClientConfig("fake_ok", Secret("fake-secret"), {})
    clients.replace_config(client=vendors, config=config, actor="test")
    for organization in ("beta", "acme"):
        visitor(project, "eve", organization)
    settle("own")
    eve = Visitor(project, "eve")
    eve.open(user_token=token(project, "eve", "acme"), mode="manage")
    visitor(project, "eve", "beta")
    eve.post("/portal/connect", integration="demo-mail")
    eve.flow = eve.page.fields.get("flow", eve.flow)
    eve.post("/portal/account-type", account_type=DEFAULT_ACCOUNT)
    assert eve.last.status_code == 403
    assert not Connection.objects.exists()


def test_a_former_administrator_reads_nothing_of_the_app_by_the_api(project):
    ada = Headless(project, "ada", claims={"org": "acme", "org_admin": True})
    ada.begin()
    assert ada.call(f"/{ada.flow}/pre-options", {"owner": "organization"}).status_code == 200
    ada.claims = {"org": "acme"}
    wish = {"integration": "demo-mail", "account_type": ["user-configured-oauth"]}
    answer = ada.call("", wish)
    slot = OAuthClient.objects.get(owner="organization").slot
    assert slot not in answer.content.decode()
    assert answer.json().get("instruction") is None
    assert not answer.json().get("create")
