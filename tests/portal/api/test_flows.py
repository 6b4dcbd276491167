"""Flows without our pages: every step, what it asks for, and who may start it from where."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from integrations import clients, tickets
from integrations.catalog import registry
from integrations.catalog.preflight import Preflight
from integrations.clients import ClientConfig
from integrations.models import Connection, Flow, OAuthClient, PortalSession, StartTicket
from integrations.secret import Secret, digest
from portal.api import api
from tests import factories, threads, trips
from tests.fakeas import visitor as provider_visitor
from tests.portal import visits
from tests.portal.api.conftest import Caller
from tests.portal.visits import ENTERED, OWN, Headless
from tests.visitor import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(project) -> Headless:
    """A page of the vendor that draws its own form for Dana."""
    return Headless(project)


def code_of(answer: Any) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


def fields_of(answer: Any) -> list[tuple[str, str]]:
    """Return field and code of everything that is wrong."""
    return [(each["field"], each["code"]) for each in answer.json()["errors"]]


def come_back(host: Headless, started: Any) -> Page:
    """Approve at the provider and come back in the same browser."""
    back = provider_visitor.approve(Page(started.content.decode()).refresh)
    answer = host.client.get(trips.path_of(back))
    return Page(host.client.get(answer["Location"]).content.decode())


def test_a_client_of_ones_own_is_connected(host, provider):
    step = host.begin()
    assert (step["status"], step["stage"], step["start_ticket"]) == ("DRAFT", "preOptions", None)
    ticket = host.step("pre-options", ENTERED).json()["start_ticket"]
    started = host.start(ticket)
    assert started.status_code == 200
    assert started["Cross-Origin-Opener-Policy"] == "unsafe-none"
    page = come_back(host, started)
    assert f'data-host="{factories.ORIGIN}"' in page.html
    person = Caller(f"Bearer {factories.user_token(host.project)}")
    shown = person("GET", f"/v1/flows/{host.flow}").json()
    assert (shown["status"], shown["stage"], shown["inputs"]) == ("COMPLETED", "done", [])
    assert Connection.objects.get().account_type == OWN


def test_the_form_is_described_as_the_page_shows_it(host, dana):
    Flow.objects.update(status="CANCELLED")
    step = host.begin()
    by_name = {item["name"]: item for item in step["inputs"]}
    kinds = [(item["name"], item["type"]) for item in step["inputs"]]
    assert kinds == [
        ("redirect_url", "copyable"),
        ("client_id", "text"),
        ("client_secret", "password"),
        ("scopes", "permission"),
        ("another_client", "switch"),
    ]
    assert by_name["redirect_url"]["value"] == step["redirect_url"]
    assert by_name["client_secret"] == {
        "type": "password",
        "name": "client_secret",
        "title": "App secret",
        "help": by_name["client_secret"]["help"],
        "required": False,
        "saved": True,
    }
    page = trips.returning(Flow.objects.get(pk=host.flow)).post("/portal/step", to="options")
    shown = page.form("/portal/options").submitted
    assert shown["client_id"] == [by_name["client_id"]["value"]]
    assert page.fields["flow"]
    assert step["redirect_url"] in page.html
    names = {scope["name"] for scope in by_name["scopes"]["scopes"]}
    assert set(by_name["scopes"]["value"]) <= names
    assert "fake-secret" not in str(step)


def test_several_account_types_are_chosen_from(host, project):
    step = host.begin(account_type=["default", OWN])
    (choice,) = step["inputs"]
    assert (step["stage"], choice["type"], choice["name"]) == (
        "accountType",
        "select",
        "account_type",
    )
    assert [option["value"] for option in choice["options"]] == ["default", OWN]
    after = host.step("account-type", {"account_type": OWN}).json()
    assert (after["stage"], bool(after["redirect_url"])) == ("preOptions", True)


@pytest.mark.parametrize("kind", ["", "sandbox", "default", OWN.upper()])
def test_an_account_type_that_is_not_offered_is_refused(host, kind):
    host.begin()
    assert code_of(host.step("account-type", {"account_type": kind})) == (
        403,
        "account_type_not_allowed",
    )


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"integration": "nothing"}, 404, "integration_not_found"),
        ({"integration": ""}, 404, "integration_not_found"),
        ({"account_type": ["sandbox"]}, 403, "account_type_unknown"),
        ({"connection_id": "x"}, 404, "connection_not_found"),
        ({"connection_id": str(uuid4())}, 404, "connection_not_found"),
        ({"return_url": "https://evil.example"}, 403, "return_url_not_allowed"),
        ({"external_id": " "}, 422, "validation_failed"),
    ],
)
def test_what_is_not_there_is_refused_and_leaves_nothing(host, changed, status, code):
    answer = host.call("", {"integration": "demo-mail", "account_type": [OWN], **changed})
    assert code_of(answer) == (status, code)
    assert not PortalSession.objects.exists()
    assert not Flow.objects.exists()


def test_a_flow_begins_on_a_page(host):
    caller = Caller(f"Bearer {factories.user_token(host.project)}")
    answer = caller("POST", "/v1/me/flows", {"integration": "demo-mail", "account_type": [OWN]})
    assert code_of(answer) == (403, "origin_not_allowed")


def test_one_visit_serves_all_flows_of_a_page(host):
    for _ in range(3):
        host.begin()
    host.begin(return_url=factories.RETURN_URL)
    assert PortalSession.objects.count() == 2
    assert set(PortalSession.objects.values_list("display", flat=True)) == {"headless"}
    PortalSession.objects.update(ended_at=timezone.now())
    assert host.step("pre-options", ENTERED).status_code == 200
    assert PortalSession.objects.filter(ended_at=None).count() == 1


BAD = {
    "client_id": ["", "a b", "a\tb", "x" * 513, "\u0430pp", '{"client_id": 1}'],
    "client_secret": ["\u2022" * 8, "a\x07b", "x" * 4_097, "\u200bs\u200bs"],
    "scopes": [["a\\b"], ["x" * 513], ["\u00fc"], [str(n) for n in range(101)]],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD.items() for value in values]
)
def test_what_the_form_refuses_is_refused_here(host, field, value):
    host.begin()
    answer = host.step("pre-options", {**ENTERED, field: value})
    assert code_of(answer) == (422, "validation_failed")
    assert {name for name, _ in fields_of(answer)} == {field}
    assert "fake-secret" not in answer.content.decode()
    if field == "client_secret":
        assert value not in answer.json().__str__()
    assert Flow.objects.get().client_version is None


def test_every_fault_is_named_at_once(host):
    host.begin()
    answer = host.step("pre-options", {"client_id": "", "scopes": ["\\"]})
    assert fields_of(answer) == [
        ("client_id", "required"),
        ("client_secret", "required"),
        ("scopes", "bad_scope"),
    ]


def test_a_setting_nobody_asked_for_is_named(host):
    host.begin()
    answer = host.step("pre-options", {**ENTERED, "settings": {"subdomain": "evil"}})
    assert (code_of(answer), fields_of(answer)) == (
        (422, "validation_failed"),
        [("settings.subdomain", "unknown")],
    )


def test_spaces_around_are_removed_and_said(host):
    host.begin()
    body = host.step("pre-options", {**ENTERED, "client_id": " fake_ok\n"}).json()
    assert [each["field"] for each in body["notices"]] == ["client_id"]
    assert OAuthClient.objects.get().current_version.client_id == "fake_ok"


def test_another_client_has_another_redirect_url(host):
    first = host.begin()["redirect_url"]
    host.step("pre-options", ENTERED)
    after = host.step("pre-options", {"another_client": True}).json()
    assert (after["stage"], after["start_ticket"]) == ("preOptions", None)
    assert after["redirect_url"] not in (None, first)


@pytest.mark.parametrize(
    ("step", "body", "stage"),
    [
        ("pre-options", {"another_client": True}, "preOptions"),
        ("account-type", {"account_type": OWN}, "preOptions"),
        ("account-type", {"account_type": "default"}, "oauth"),
    ],
)
def test_a_choice_made_while_the_provider_is_open_leads_on(host, project, step, body, stage):
    app = ClientConfig("fake_ok", Secret("fake-secret"), {})
    slot = clients.vendor_client(project.integrations.get())
    clients.replace_config(client=slot, config=app, actor="test")
    host.begin(account_type=[OWN, "default"])
    host.step("account-type", {"account_type": OWN})
    host.start(host.step("pre-options", ENTERED).json()["start_ticket"])
    assert Flow.objects.get().status == "WAITING"
    after = host.step(step, body).json()
    assert (after["status"], after["stage"]) == ("DRAFT", stage)
    assert bool(after["start_ticket"]) is (stage == "oauth")


def test_a_flow_is_cancelled_and_then_closed(host):
    ticket = host.ticket()
    assert host.step("cancel").json()["status"] == "CANCELLED"
    assert code_of(host.step("pre-options", ENTERED)) == (409, "flow_closed")
    assert host.start(ticket).status_code == 400
    assert Flow.objects.get().status == "CANCELLED"


def test_there_is_nothing_to_choose_before_the_approval(host):
    host.begin()
    assert code_of(host.step("post-options", {"post_option": "x"})) == (409, "flow_closed")


STEPS = {
    "account-type": {"account_type": OWN},
    "pre-options": ENTERED,
    "post-options": {"post_option": "x"},
    "cancel": None,
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("whose", ["another person's", "a page's", "a link's"])
def test_no_step_is_taken_in_a_flow_that_is_not_its_own(host, dana, vendor, step, whose):
    if whose == "another person's":
        other = Headless(host.project, "eve")
        other.begin()
        host.flow = other.flow
    else:
        host.flow = dana.flow if whose == "a page's" else visits.visiting(vendor).flow
    before = Flow.objects.filter(pk=host.flow).values().get()
    assert code_of(host.step(step, STEPS[step])) == (404, "flow_not_found")
    assert Flow.objects.filter(pk=host.flow).values().get() == before


def test_a_start_ticket_is_kept_as_a_digest_and_works_once(host, provider):
    ticket = host.ticket()
    row = StartTicket.objects.get()
    assert (row.ticket_hash, len(ticket)) == (digest(ticket), 43)
    assert row.expires_at - timezone.now() <= timedelta(minutes=2)
    assert host.start(ticket).status_code == 200
    again = host.start(ticket)
    assert again.status_code == 404
    assert not again.cookies
    assert "This button is out of date" in again.content.decode()


def test_a_newer_ticket_replaces_the_older(host):
    old = host.ticket()
    new = host.ticket()
    assert host.start(old).status_code == 404
    assert host.start(new).status_code == 200


ORIGINS = [
    None,
    "null",
    "",
    "https://evil.example",
    "http://localhost:8000",
    factories.ORIGIN + "/",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_page_cannot_start_and_uses_nothing_up(host, origin):
    ticket = host.ticket()
    headers = {} if origin is None else {"Origin": origin}
    answer = Client().post("/oauth/start", {"start_ticket": ticket}, headers=headers)
    assert answer.status_code == 403
    assert not answer.cookies
    assert host.start(ticket).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "empty"}],
)
def test_it_starts_in_a_window_only(host, headers):
    ticket = host.ticket()
    assert host.start(ticket, **headers).status_code == 403
    assert StartTicket.objects.get().used_at is None


@pytest.mark.parametrize("change", ["old", "origin gone", "key", "signed out", "project"])
def test_a_ticket_ends_with_what_it_stands_on(host, project, change):
    ticket, now = host.ticket(), timezone.now()
    if change == "old":
        StartTicket.objects.update(expires_at=now)
    elif change == "origin gone":
        project.allowed_origins.all().delete()
    elif change == "key":
        project.signing_keys.update(revoked_at=now)
    elif change == "signed out":
        PortalSession.objects.update(ended_at=now)
    else:
        type(project).objects.update(is_active=False)
    assert host.start(ticket).status_code in (401, 403, 404)
    assert Flow.objects.get().status == "DRAFT"


@pytest.mark.parametrize("ticket", ["", "x", "x" * 43, "x" * 500, "a\x00b", "\u00e9"], ids=ascii)
def test_a_ticket_of_nobody_starts_nothing(host, ticket):
    host.begin()
    assert host.start(ticket).status_code == 404


def test_a_ticket_is_not_taken_from_an_address(host):
    ticket = host.ticket()
    assert host.client.get("/oauth/start", {"start_ticket": ticket}).status_code == 405
    path = f"/oauth/start?start_ticket={ticket}"
    assert host.client.post(path, headers={"Origin": host.origin}).status_code == 403
    assert StartTicket.objects.get().used_at is None


@pytest.mark.django_db(transaction=True)
def test_ten_starts_at_once_lead_to_one_trip(host, provider):
    ticket = host.ticket()
    answers = threads.at_once(10, lambda: host.start(ticket).status_code)
    assert sorted(answers) == [200] + [404] * 9


def test_stale_tickets_are_deleted(host, vendor):
    host.ticket()
    visits.link_for(vendor)
    assert tickets.drop_stale_tickets() == 0
    StartTicket.objects.update(expires_at=timezone.now())
    assert tickets.drop_stale_tickets() == 1


def test_a_person_sees_their_clients_and_no_secret(host, project):
    host.ticket()
    person = Caller(f"Bearer {factories.user_token(project)}")
    (mine,) = person("GET", "/v1/me/clients").json()["clients"]
    assert (mine["client_id"], mine["integration"]) == ("fake_ok", "demo-mail")
    assert mine["redirect_url"].startswith("http://localhost:8000/oauth/callback/")
    assert "fake-secret" not in str(mine)
    eve = Caller(f"Bearer {factories.user_token(project, 'eve')}")
    assert eve("GET", "/v1/me/clients").json() == {"clients": []}


INPUTS = ["TextInput", "PasswordInput", "CopyableInput", "SelectInput", "PermissionInput"]
INPUTS += ["SwitchInput", "Option", "ScopeOut"]


@pytest.mark.parametrize("name", INPUTS)
def test_the_documentation_has_the_schema_of_every_input(name):
    text = Path(settings.BASE_DIR, "docs", "headless.md").read_text(encoding="utf-8")
    shown = [json.loads(block) for block in re.findall(r"```json\n(\{\n.*?)```", text, re.DOTALL)]
    assert api.get_openapi_schema()["components"]["schemas"][name] in shown


def test_there_is_no_input_that_is_not_documented():
    schemas = api.get_openapi_schema()["components"]["schemas"]
    assert {name for name in schemas if name.endswith("Input")} == set(INPUTS[:6])


def test_a_client_is_checked_before_anybody_leaves(host, provider, catalog):
    recipe = Preflight(accepted=("invalid_grant",), rejected=("invalid_client",))
    asked = catalog["demo-mail"].model_copy(update={"preflight": recipe})
    registry.install({**catalog, "demo-mail": asked})
    host.begin()
    before = host.step("pre-options", ENTERED).json()
    told = {row["name"]: row["result"] for row in before["checks"]}
    assert told == {"credentials": "unknown", "redirect_url": "unknown"}
    after = host.step("check", {}).json()
    told = {row["name"]: row["result"] for row in after["checks"]}
    assert told == {"credentials": "accepted", "redirect_url": "unknown"}
    assert host.start(after["start_ticket"]).status_code == 200
