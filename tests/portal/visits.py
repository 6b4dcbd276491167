"""Visits opened by a link, and flows without our pages, for the tests of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from integrations.models import Flow
from tests import factories
from tests.portal.api.conftest import Caller
from tests.visitor import Page, Visitor

OWN = "user-configured-oauth"
ENTERED = {"client_id": "fake_ok", "client_secret": "fake-secret"}


def link_for(vendor: Caller, user: str = "dana", **changed: Any) -> str:
    """Return the path of a new link."""
    asked = {"user": user, "integration": "demo-mail", "account_type": [OWN], "kind": "hosted"}
    answer = vendor("POST", "/v1/sessions", {**asked, **changed})
    assert answer.status_code == 201, answer.content
    return urlsplit(answer.json()["url"]).path


def press_continue(path: str, client: Client | None = None, **headers: str) -> Any:
    """Press the button of a link's page."""
    ours = {"Origin": "http://localhost:8000", **headers}
    return (client or Client()).post(path, headers=ours)


def visiting(vendor: Caller, user: str = "dana", **changed: Any) -> Visitor:
    """Return a person who followed a link and stands at its first page."""
    who = Visitor(project=None, sub=user)  # type: ignore[arg-type]
    press_continue(link_for(vendor, user, **changed), who.client)
    who.answers.append(who.client.get("/portal/"))
    who.page = Page(who.last.content.decode())
    who.flow, who.visit = who.page.fields.get("flow", ""), who.page.fields["visit"]
    return who


def approved(vendor: Caller, user: str = "dana") -> Visitor:
    """Return a person who followed a link, entered a client and approved."""
    who = visiting(vendor, user)
    who.enter()
    who.approve()
    assert Flow.objects.get(pk=who.flow).status == "AWAITING_CONFIRMATION"
    return who


def confirm(vendor: Caller, flow: str, end_user: str = "dana") -> Any:
    """Confirm as the vendor's backend does."""
    return vendor("POST", f"/v1/flows/{flow}/confirm", {"end_user": end_user})


@dataclass
class Headless:
    """A page of the vendor that draws its own form, and the browser it is in."""

    project: Any
    sub: str = "dana"
    origin: str = factories.ORIGIN
    claims: dict[str, Any] = field(default_factory=dict)
    client: Client = field(default_factory=Client)
    flow: str = ""

    def call(self, path: str, body: Any = None, **headers: str) -> Any:
        """Call the API with a fresh token."""
        token = factories.user_token(self.project, self.sub, **self.claims)
        caller = Caller(f"Bearer {token}", Origin=self.origin)
        return caller("POST", f"/v1/me/flows{path}", body, **headers)

    def begin(self, **changed: Any) -> Any:
        """Begin a flow and return the step."""
        asked = {"integration": "demo-mail", "account_type": [OWN], **changed}
        answer = self.call("", asked)
        assert answer.status_code == 200, answer.content
        self.flow = answer.json()["id"]
        return answer.json()

    def step(self, name: str, body: Any = None, **headers: str) -> Any:
        """Take a step of the flow."""
        return self.call(f"/{self.flow}/{name}", body, **headers)

    def ticket(self) -> str:
        """Begin, enter a client, and return the start ticket."""
        self.begin()
        answer = self.step("pre-options", ENTERED)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["start_ticket"])

    def start(self, ticket: str, **headers: str) -> Any:
        """Post the start ticket from the page."""
        form = {"start_ticket": ticket}
        return self.client.post("/oauth/start", form, headers={"Origin": self.origin, **headers})
