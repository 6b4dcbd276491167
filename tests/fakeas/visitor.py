"""A person without a browser: opens the authorization URL, reads the page, clicks a button."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

MAX_HOPS = 5


@dataclass(frozen=True)
class Page:
    """What the provider showed or sent; `location` is "" unless it redirects."""

    status: int
    location: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)


class ConsentForm(HTMLParser):
    """The fields of a consent page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.ticket = ""
        self.accounts: list[str] = []
        self.scopes: list[str] = []
        self.user_scopes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the form's address and inputs."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values["action"]
        if tag != "input":
            return
        if values["name"] == "ticket":
            self.ticket = values["value"]
        lists = {"account": self.accounts, "scope": self.scopes, "user_scope": self.user_scopes}
        lists.get(values["name"], []).append(values.get("value", ""))


def fetch(url: str, form: Sequence[tuple[str, str]] | None = None) -> Page:
    """Get a page, or post a form to it, without following redirects."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        if form is None:
            connection.request("GET", target)
        else:
            media = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", target, urlencode(form), media)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read().decode()
    finally:
        connection.close()
    return Page(answer.status, headers.get("location", ""), text, headers)


def open_authorization(url: str) -> Page:
    """Open an authorization URL and follow redirects that stay at the provider."""
    port = urlsplit(url).port
    for _ in range(MAX_HOPS):
        page = fetch(url)
        if not page.location or urlsplit(page.location).port != port:
            return page
        url = page.location
    raise ValueError("the provider redirects in circles")


def approve(
    url: str,
    *,
    account: str = "alice@example.test",
    scopes: Sequence[str] | None = None,
    user_scopes: Sequence[str] | None = None,
) -> str:
    """Click Allow and return the callback URL; `scopes` None leaves every box ticked.

    Raises ValueError when the provider shows an error page.
    """
    return _click(url, "allow", account=account, scopes=scopes, user_scopes=user_scopes)


def deny(url: str) -> str:
    """Click Deny and return the callback URL."""
    return _click(url, "deny", account="alice@example.test", scopes=None, user_scopes=None)


def _click(
    url: str,
    decision: str,
    *,
    account: str,
    scopes: Sequence[str] | None,
    user_scopes: Sequence[str] | None,
) -> str:
    page = open_authorization(url)
    if page.location:
        return page.location
    form = ConsentForm(page.text)
    if not form.ticket:
        raise ValueError(f"the provider shows an error page with status {page.status}")
    fields = [("ticket", form.ticket), ("account", account), ("decision", decision)]
    fields += [("scope", each) for each in (form.scopes if scopes is None else scopes)]
    chosen = form.user_scopes if user_scopes is None else user_scopes
    fields += [("user_scope", each) for each in chosen]
    return fetch(urljoin(url, form.action), fields).location
