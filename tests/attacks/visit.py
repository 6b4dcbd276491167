"""A person who uses the portal over plain HTTP, honestly, until a test makes them do otherwise."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.attacks.arena import Arena, Tenant
from tests.attacks.browser import Browser, Reply
from tests.fakeas import visitor
from tests.visitor import Page

OWN = "user-configured-oauth"
_numbers = itertools.count(1)


@dataclass
class Visit:
    """One person of one tenant in one browser."""

    arena: Arena
    tenant: Tenant
    browser: Browser
    sub: str
    handle: str = ""
    flow: str = ""
    reply: Reply | None = None
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> Page:
        """The page that is shown."""
        assert self.reply
        return self.reply.page

    @property
    def status(self) -> int:
        """The status of the last answer."""
        assert self.reply
        return self.reply.status

    def open(self, integration: str = "demo-mail", **fields: Any) -> Reply:
        """Open the portal as the SDK does."""
        form = {
            "user_token": self.tenant.token(self.sub),
            "integration": integration,
            "account_type": OWN,
            "display": "embed",
            **fields,
        }
        address = f"{self.arena.url}/embed/{self.tenant.project}/open"
        return self._shown(self.browser.post(address, form, Origin=self.arena.origin))

    def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> Reply:
        """Post a form of ours; headers replace those that a browser sends."""
        form = {"handle": self.handle, "flow": self.flow, **(fields or {})}
        ours = {"Origin": self.arena.url, "Sec_Fetch_Site": "same-origin", **headers}
        return self._shown(self.browser.post(f"{self.arena.url}{path}", form, **ours))

    def enter(self, **typed: str) -> Reply:
        """Fill in the own-client form."""
        shown = self.page.form("/portal/options").submitted
        known = {"client_id": "fake_ok", "client_secret": "fake-secret", **typed}
        if "subdomain" in known:
            known["setting_subdomain"] = known.pop("subdomain")
        return self.post("/portal/options", {**shown, **known})

    def start(self, **headers: str) -> str:
        """Press Continue and return where the browser is led to, or an empty string."""
        navigation = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
        self.post("/oauth/start", **{**navigation, **headers})
        leads_to = self.page.refresh
        self.asked = parameters(leads_to) if leads_to else {}
        return leads_to

    def come_back(self, url: str) -> Reply:
        """Follow the provider's redirect to the callback."""
        return self.browser.get(url)

    def answer(self, **changed: Any) -> str:
        """Return a callback that fits the trip under way, with a code that nobody issued.

        A changed parameter of None is left out, and one given as a list is repeated.
        """
        good = {
            "code": "a-code-of-somebody",
            "state": self.asked["state"],
            "iss": f"{self.arena.provider.url}/demo-mail",
        }
        fields = {name: value for name, value in {**good, **changed}.items() if value is not None}
        address = fields.pop("address", self.asked["redirect_uri"])
        return f"{address}?{urlencode(fields, doseq=True)}"

    def connect(self, **choices: Any) -> dict[str, Any]:
        """Go to the provider and back; return the connection."""
        self.come_back(visitor.approve(self.start(), **choices))
        (connection,) = self.connections()
        return connection

    def connections(self) -> list[dict[str, Any]]:
        """Return this person's connections, as the vendor sees them."""
        found = self.arena.vendor("GET", f"connections?user={self.sub}", key=self.tenant.api_key)
        assert found.status == 200
        return list(found.data["connections"])

    def standing(self) -> tuple[str, str]:
        """Return status and error code of the flow."""
        found = self.arena.rows(
            "SELECT status, error_code FROM integrations_flow WHERE id = ?",
            self.flow.replace("-", ""),
        )
        return found[0]

    def _shown(self, reply: Reply) -> Reply:
        self.reply = reply
        fields = reply.page.fields
        self.handle = fields.get("handle", self.handle)
        self.flow = fields.get("flow", self.flow)
        return reply


def somebody(arena: Arena, tenant: Tenant | None = None, sub: str = "") -> Visit:
    """Return a person whom the portal has not seen, with a browser of their own."""
    sub = sub or f"person-{next(_numbers)}"
    return Visit(arena, tenant or arena.mine, arena.browser(), sub)


def prepared(arena: Arena, tenant: Tenant | None = None, *, sub: str = "", **typed: str) -> Visit:
    """Return a person with an own client at Demo Mail, one click before the provider.

    If a `subdomain` is among what they typed, it is Demo Desk, and abroad Outside Desk.
    """
    person = somebody(arena, tenant, sub)
    own = "outside" if arena.via else "demo-desk"
    person.open(own if "subdomain" in typed else "demo-mail")
    assert person.status == 200, person.page.text
    person.enter(**typed)
    assert person.status == 200, person.page.text
    return person


def parameters(url: str) -> dict[str, str]:
    """Return the query's parameters."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
