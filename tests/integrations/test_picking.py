"""Choosing a site after the approval: by whom, of what, and how often."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations import connect, lookups, revocation, sweeping, tokens
from integrations.errors import ConnectError, FlowClosed, InvalidInput
from integrations.models import AuditEvent, Connection, Credential, Flow, Revocation
from integrations.secret import Secret
from tests import factories, trips
from tests.fakeas.accounts import Account
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
ACME, BETA = (Account(name, "", "").guid("jira-site") for name in ("acme", "beta"))
BOB = "bob@example.test"


@pytest.fixture
def project(provider):
    """A project that offers Jira."""
    project = factories.make_project()
    factories.make_integration(project, "jira")
    return project


def approved(
    project, provider, *, sub: str = "dana", account: str = "", **settings: str
) -> Visitor:
    """Return somebody who approved at Jira and came back. Alice has two sites, Bob has one."""
    dana = trips.prepared(project, sub, "jira", settings=settings)
    slot = dana.current_flow().oauth_client
    app = provider.register_client("jira", redirect_uris=[slot.redirect_uri()])
    entered = {"client_id": app.client_id, "client_secret": Secret(app.client_secret)}
    dana = trips.prepared(project, sub, "jira", settings=settings, **entered)
    dana.approve(**({"account": account} if account else {}))
    return dana


@pytest.fixture
def dana(project, provider):
    """Dana, who approved with Alice's account."""
    return approved(project, provider)


def test_with_several_sites_the_connection_waits(dana):
    flow, connection = dana.current_flow(), Connection.objects.get()
    assert (flow.status, connection.status) == ("NEEDS_OPTIONS", "PENDING")
    assert [each["id"] for each in connection.post_options] == [ACME, BETA]
    assert "cloud_id" not in connection.provider_data
    with pytest.raises(ConnectError) as error:
        tokens.access_token_for(connection)
    assert error.value.code == "options_missing"


@pytest.mark.parametrize(("minutes", "ended"), [(121, True), (119, False)])
def test_a_choice_that_nobody_makes_ends_both(dana, minutes, ended):
    ago = timezone.now() - timedelta(minutes=minutes)
    Flow.objects.filter(pk=dana.flow).update(updated_at=ago)
    assert sweeping.sweep()["unchosen_flows"] == ended
    flow, connection = dana.current_flow(), Connection.objects.get()
    both = (flow.status, Credential.objects.exists(), connection.status == "PENDING")
    assert both == (("EXPIRED", False, False) if ended else ("NEEDS_OPTIONS", True, True))
    assert AuditEvent.objects.filter(action="flow.abandoned").count() == ended


def test_a_choice_that_another_flow_waits_for_does_not_end_with_the_first(dana):
    flow = dana.current_flow()
    ago = timezone.now() - timedelta(hours=3)
    Flow.objects.filter(pk=flow.pk).update(updated_at=ago)
    old = Flow.objects.get(pk=flow.pk)
    flow.pk, flow._state.adding = uuid4(), True
    flow.save()
    sweeping.sweep()
    old.refresh_from_db()
    assert (old.status, Connection.objects.get().status) == ("EXPIRED", "PENDING")


def test_the_chosen_site_completes_both(dana):
    flow = dana.current_flow()
    connect.save_post_options(flow=flow, choice=BETA)
    connection = Connection.objects.get()
    assert (flow.status, connection.status) == ("COMPLETED", "VALID")
    assert connection.provider_data["cloud_id"] == BETA
    shown = (connection.account_id, connection.account_label)
    assert shown == (BETA, "https://beta.atlassian.net")
    assert connection.post_options == []
    assert tokens.access_token_for(connection).token


def test_the_audit_log_says_created_only_when_it_is_of_use(dana):
    actions = AuditEvent.objects.filter(object_type="connection").values_list("action", flat=True)
    assert list(actions) == ["connection.pending"]
    connect.save_post_options(flow=dana.current_flow(), choice=BETA)
    assert list(actions.order_by("sequence")) == ["connection.pending", "connection.created"]


@pytest.mark.parametrize("choice", ["", "gamma", ACME.upper(), f"{ACME} ", "../x", "0"])
def test_a_site_that_is_not_in_the_list_is_refused(dana, choice):
    flow = dana.current_flow()
    with pytest.raises(InvalidInput):
        connect.save_post_options(flow=flow, choice=choice)
    assert Connection.objects.get().status == "PENDING"
    assert dana.current_flow().status == "NEEDS_OPTIONS"


def test_it_is_chosen_once(dana):
    connect.save_post_options(flow=dana.current_flow(), choice=ACME)
    with pytest.raises(FlowClosed):
        connect.save_post_options(flow=dana.current_flow(), choice=BETA)
    assert Connection.objects.get().account_id == ACME


def test_nothing_is_chosen_for_a_flow_that_asks_for_nothing(project, provider):
    bob = approved(project, provider, account=BOB)
    assert bob.current_flow().status == "COMPLETED"
    with pytest.raises(FlowClosed):
        connect.save_post_options(flow=bob.current_flow(), choice=BETA)
    assert Connection.objects.get().provider_data["cloud_id"] == ACME


def test_nothing_is_chosen_for_a_connection_that_was_disconnected_meanwhile(dana):
    flow = dana.current_flow()
    revocation.disconnect(connection=Connection.objects.get(), actor="test")
    with pytest.raises(FlowClosed):
        connect.save_post_options(flow=flow, choice=ACME)
    assert dana.current_flow().status == "CANCELLED"
    assert Connection.objects.get().status == "DISCONNECTED"


def test_cancelling_instead_of_choosing_leaves_nothing_behind(dana):
    connect.cancel(flow=dana.current_flow())
    assert dana.current_flow().status == "CANCELLED"
    assert Connection.objects.get().status == "DISCONNECTED"
    assert not Credential.objects.exists()


def test_the_site_of_the_form_is_taken_without_asking(project, provider):
    approved(project, provider, site="beta")
    connection = Connection.objects.get()
    assert (connection.status, connection.provider_data["cloud_id"]) == ("VALID", BETA)


def test_reconnecting_keeps_the_site_and_asks_nothing(dana, project):
    connect.save_post_options(flow=dana.current_flow(), choice=BETA)
    connection = Connection.objects.get()
    again = Visitor(project)
    again.open(mode="manage")
    again.post("/portal/reconnect", connection=str(connection.pk))
    again.enter(client_id=connection.oauth_client.current_version.client_id, client_secret="")
    again.approve()
    connection.refresh_from_db()
    assert (connection.status, connection.account_id) == ("VALID", BETA)
    assert again.current_flow().status == "COMPLETED"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"identity_status": 503}, "options_unavailable"),
        ({"identity_body": "html"}, "provider_bad_response"),
        ({"identity_body": "huge"}, "provider_bad_response"),
        ({"identity_body": "[]"}, "no_options"),
        ({"identity_body": '{"sites": []}'}, "options_unavailable"),
    ],
    ids=["down", "html", "huge", "empty", "no-list"],
)
def test_without_a_list_nothing_is_connected_and_the_grant_is_left_to_be_ended(
    project, provider, fault, code
):
    provider.configure(profile="jira", **fault)
    flow = approved(project, provider).current_flow()
    assert (flow.status, flow.error_code) == ("FAILED", code)
    assert not Connection.objects.exists()
    assert Revocation.objects.get().reason == code


def test_the_list_is_asked_for_with_the_new_token_at_the_address_of_the_file(dana, provider):
    (entry,) = provider.requests("identity")
    access = Credential.objects.get().open_required("access_token").reveal()
    assert entry.headers["authorization"] == f"Bearer {access}"
    assert entry.path == "/jira/oauth/token/accessible-resources"


def test_the_flow_is_taken_up_where_it_stands(dana, project):
    page = Visitor(project).open("jira")
    assert "One more choice" in page.text
    assert Flow.objects.count() == 1


def test_no_more_is_kept_of_a_list_than_is_offered(dana):
    kept = Connection.objects.get().post_options
    assert len(kept) <= lookups.MAX_CHOICES
    assert all(set(each) == {"id", "label", "hint"} for each in kept)
