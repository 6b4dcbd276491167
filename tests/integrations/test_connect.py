"""Flows: what a caller may ask for, what is taken up again, and what a grant may change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import clients, connect, tokens
from integrations.clients import ClientConfig
from integrations.connect import Wish
from integrations.errors import ConnectError, FlowClosed, InvalidInput, NotAllowed, NotFound
from integrations.models import Connection, Credential, Flow, OAuthClient
from integrations.secret import Secret
from tests import factories, trips
from tests.fakeas import visitor as person

pytestmark = pytest.mark.django_db

VENDOR, OWN = "default", "user-configured-oauth"
BOTH = [VENDOR, OWN]


@pytest.fixture
def project(provider):
    """A project that offers Demo Mail with both account types and a client of the vendor."""
    project = factories.make_project()
    mail = factories.make_integration(project)
    config = ClientConfig("fake_ok", Secret("fake-secret"), {})
    clients.replace_config(client=clients.vendor_client(mail), config=config, actor="test")
    return project


@pytest.fixture
def session(project):
    """Dana's visit."""
    return trips.visit(project).session


def begin(session, *account_types: str, **wish: str) -> Flow:
    """Begin a flow for Demo Mail."""
    asked = Wish(wish.pop("integration", "demo-mail"), account_types, **wish)
    return connect.begin(session=session, wish=asked)


def code_of(act, *args, **kwargs) -> str:
    """Return the code of what is refused."""
    with pytest.raises(ConnectError) as error:
        act(*args, **kwargs)
    return error.value.code


RULES = [
    (BOTH, (), [VENDOR], VENDOR),
    ([OWN, VENDOR], (), [VENDOR], VENDOR),
    ([OWN], (), [OWN], OWN),
    ([VENDOR], (), [VENDOR], VENDOR),
    (BOTH, (VENDOR,), [VENDOR], VENDOR),
    (BOTH, (OWN,), [OWN], OWN),
    (BOTH, (OWN, VENDOR), [OWN, VENDOR], ""),
    (BOTH, (VENDOR, OWN), [VENDOR, OWN], ""),
    (BOTH, (OWN, OWN), [OWN], OWN),
]


@pytest.mark.parametrize(("offered", "asked", "shown", "chosen"), RULES)
def test_account_types_follow_the_rule(project, session, offered, asked, shown, chosen):
    project.integrations.update(account_types=offered)
    flow = begin(session, *asked)
    assert (flow.offered, flow.account_type) == (shown, chosen)


@pytest.mark.parametrize(
    ("offered", "asked", "code"),
    [
        ([VENDOR], (OWN,), "account_type_not_allowed"),
        ([VENDOR], (VENDOR, OWN), "account_type_not_allowed"),
        (BOTH, ("Default",), "account_type_unknown"),
        (BOTH, (OWN, "evil"), "account_type_unknown"),
        (BOTH, ("",), "account_type_unknown"),
    ],
)
def test_other_account_types_are_refused(project, session, offered, asked, code):
    project.integrations.update(account_types=offered)
    assert code_of(begin, session, *asked) == code
    assert not Flow.objects.exists()


def test_an_account_type_that_was_not_offered_cannot_be_chosen(session):
    flow = begin(session, OWN)
    choose = connect.choose_account_type
    assert code_of(choose, flow=flow, account_type=VENDOR) == "account_type_not_allowed"
    flow.refresh_from_db()
    assert flow.account_type == OWN


def test_the_vendors_type_needs_the_vendors_client(session):
    other = factories.make_integration(session.project, "demo-desk")
    clients.vendor_client(other)
    refused = code_of(begin, session, VENDOR, integration="demo-desk")
    assert refused == "vendor_client_missing"


@pytest.mark.parametrize("slug", ["gmail", "", "DEMO-MAIL", "x" * 300])
def test_an_integration_that_is_not_offered_is_not_found(session, slug):
    assert code_of(begin, session, integration=slug) == "integration_not_found"


def test_an_integration_that_is_switched_off_is_not_found(project, session):
    project.integrations.update(is_active=False)
    assert code_of(begin, session) == "integration_not_found"


def test_the_same_wish_takes_up_the_flow_that_was_left_open(project, session):
    flow = begin(session, OWN)
    config = ClientConfig("app", Secret("a-secret"), {})
    connect.save_options(flow=flow, config=config, scope_text="openid")
    later = trips.visit(project).session
    again = begin(later, OWN)
    assert (again.pk, again.session) == (flow.pk, later)
    assert again.draft["client_id"] == "app"
    assert "a-secret" not in str(again.draft)


OTHER_WISHES = {
    "another person": lambda project, flow: begin(trips.visit(project, "eve").session, OWN),
    "other types": lambda project, flow: begin(flow.session, OWN, VENDOR),
    "an external id": lambda project, flow: begin(flow.session, OWN, external_id="a"),
    "long ago": lambda project, flow: (
        Flow.objects.update(updated_at=timezone.now() - timedelta(hours=3)),
        begin(flow.session, OWN),
    )[1],
    "cancelled": lambda project, flow: (connect.cancel(flow=flow), begin(flow.session, OWN))[1],
}


@pytest.mark.parametrize("other", OTHER_WISHES.values(), ids=OTHER_WISHES)
def test_another_wish_begins_anew(project, session, other):
    flow = begin(session, OWN)
    assert other(project, flow).pk != flow.pk


def test_a_flow_under_an_external_id_is_not_taken_up_without_it(session):
    flow = begin(session, OWN, external_id="a")
    assert begin(session, OWN).pk != flow.pk
    assert begin(session, OWN, external_id="a").pk == flow.pk


@pytest.mark.parametrize("given", ["crm-7", "ext:crm-7", "  crm-7 "])
def test_an_external_id_is_kept_on_the_connection(project, given):
    dana = arrive(project, external_id=given)
    assert Connection.objects.get().external_id == "crm-7"
    assert code_of(begin, dana, OWN, external_id="crm-7") == "external_id_taken"


def test_an_external_id_is_free_again_after_disconnecting(project):
    session = arrive(project, external_id="crm-7")
    tokens.disconnect(connection=Connection.objects.get(), actor="test")
    assert begin(session, OWN, external_id="crm-7").external_id == "crm-7"


def test_of_two_flows_under_one_external_id_one_arrives(project):
    first, second = (trips.visit(project).session for _ in range(2))
    one = begin(first, OWN, external_id="crm-7")
    other = begin(second, OWN, VENDOR, external_id="crm-7")
    connect.choose_account_type(flow=other, account_type=VENDOR)
    for flow in (one, other):
        finish(flow)
    other.refresh_from_db()
    assert (other.status, other.error_code) == (Flow.Status.FAILED, "external_id_taken")
    assert Connection.objects.get().external_id == "crm-7"


@pytest.mark.parametrize("value", ["ext:", "a\x00b", "x" * 256, "a\u202eb"])
def test_an_external_id_that_cannot_be_kept_is_refused(session, value):
    with pytest.raises(InvalidInput):
        begin(session, OWN, external_id=value)


def test_cancelling_leaves_connections_alone(project):
    session = arrive(project)
    connection = Connection.objects.get()
    flow = begin(session, connection_id=str(connection.pk))
    connect.cancel(flow=flow)
    connection.refresh_from_db()
    assert (flow.status, connection.status) == (Flow.Status.CANCELLED, "VALID")
    assert tokens.access_token_for(connection).token


@pytest.mark.parametrize("act", ["account type", "options", "another client", "authorize"])
def test_an_ended_flow_takes_no_more_steps(session, act):
    flow = begin(session, OWN)
    stale = Flow.objects.get(pk=flow.pk)
    connect.cancel(flow=flow)
    config = ClientConfig("app", Secret("s"), {})
    steps = {
        "account type": lambda f: connect.choose_account_type(flow=f, account_type=OWN),
        "options": lambda f: connect.save_options(flow=f, config=config, scope_text="openid"),
        "another client": lambda f: connect.use_another_client(flow=f),
        "authorize": lambda f: connect.authorize(flow=f),
    }
    for seen in [flow, *([stale] if act != "authorize" else [])]:
        with pytest.raises(FlowClosed):
            steps[act](seen)
    flow.refresh_from_db()
    assert flow.status == Flow.Status.CANCELLED


def test_another_client_gets_a_redirect_url_of_its_own(session):
    flow = begin(session, OWN)
    config = ClientConfig("app", Secret("a-secret"), {})
    connect.save_options(flow=flow, config=config, scope_text="openid")
    first = flow.oauth_client
    connect.use_another_client(flow=flow)
    assert flow.oauth_client.redirect_uri() != first.redirect_uri()
    assert OAuthClient.objects.get(pk=first.pk).state == "ACTIVE"


def test_the_vendors_client_cannot_be_changed_by_a_person(session):
    flow = begin(session, VENDOR)
    config = ClientConfig("mine", Secret("mine"), {})
    with pytest.raises(NotAllowed):
        connect.save_options(flow=flow, config=config, scope_text="openid")
    with pytest.raises(NotAllowed):
        connect.use_another_client(flow=flow)
    assert OAuthClient.objects.get(owner="vendor").current_version.client_id == "fake_ok"


def test_a_flow_whose_answer_never_came_does_not_wait_for_ever(session):
    flow = begin(session, VENDOR)
    for status, minutes, code in (("WAITING", 11, "consent_timeout"), ("EXCHANGING", 3, "")):
        at = timezone.now() - timedelta(minutes=minutes)
        Flow.objects.update(status=status, updated_at=at, error_code="")
        flow.refresh_from_db()
        connect.end_if_stale(flow)
        assert (flow.status, flow.error_code) == ("FAILED", code or "interrupted")


def test_a_connection_of_somebody_else_is_not_found(project):
    arrive(project)
    eve = trips.visit(project, "eve").session
    wish = {"connection_id": str(Connection.objects.get().pk)}
    assert code_of(begin, eve, **wish) == "connection_not_found"


@pytest.mark.parametrize("pk", ["x", "a\x00b", "00000000-0000-4000-8000-000000000000"])
def test_a_connection_of_nobody_is_not_found(session, pk):
    with pytest.raises(NotFound):
        begin(session, connection_id=pk)


def finish(flow: Flow, account: str = "alice@example.test") -> Flow:
    """Enter a client if the flow wants one, approve, and come back."""
    if flow.account_type == OWN:
        config = ClientConfig("fake_ok", Secret("fake-secret"), {})
        connect.save_options(flow=flow, config=config, scope_text="openid profile mail.read")
    dana = trips.returning(flow)
    dana.come_back(person.approve(dana.start(), account=account))
    assert Credential.objects.count() == Connection.objects.exclude(status="DISCONNECTED").count()
    flow.refresh_from_db()
    return flow


def arrive(project, **wish: str):
    """Connect Dana's account and return her visit."""
    session = trips.visit(project).session
    assert finish(begin(session, OWN, **wish)).status == Flow.Status.COMPLETED
    return session
