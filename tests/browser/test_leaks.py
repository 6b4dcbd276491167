"""Nothing secret stays where it could be read: database, logs, pages, addresses, storage."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect

from tests.browser.conftest import somebody_new
from tests.browser.portal import Person
from tests.browser.stack import Stack

# One visit serves all of them, so they belong to one process.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("leaks")]

CLIENT_ID, CLIENT_SECRET = "canary-client-4b7d91", "canary-secret-b02f6c-xyzzy"
HEARD = """addEventListener("message", (event) => {
  (window.heard ??= []).push(event.origin + JSON.stringify(event.data)); });"""


@dataclass(frozen=True)
class Visit:
    """One connection from beginning to end, and everything that was there to be seen."""

    secrets: dict[str, str]
    places: dict[str, str]
    requests: list[tuple[str, str]]

    def found_in(self, text: str) -> set[str]:
        """Name the secrets that are in a text, plainly or in an encoding."""
        named = self.secrets.items()
        return {name for name, value in named if any(each in text for each in spellings(value))}


def spellings(value: str) -> set[str]:
    """Return a value as it may hide: plain, as base64 at each of three offsets, as hex."""
    raw = value.encode()
    shifted = {
        base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 :].decode().rstrip("=")[:-2]
        for shift in range(3)
    }
    return {value, raw.hex()} | shifted


@dataclass
class Watch:
    """Collects what the browser saw and sent."""

    pages: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Listen to a page's context from now on."""
        page.add_init_script(HEARD)
        page.context.on("request", self.request)
        page.context.on("response", self.response)
        page.context.on("console", self.says)

    def off(self, page: Page) -> None:
        """Stop listening."""
        page.context.remove_listener("request", self.request)
        page.context.remove_listener("response", self.response)
        page.context.remove_listener("console", self.says)

    def request(self, request: Request) -> None:
        """Keep an address and the address it was reached from."""
        self.requests.append((request.url, request.headers.get("referer", "")))

    def response(self, response: Response) -> None:
        """Keep the user tokens that the host page fetches."""
        if response.url.endswith("/user-token"):
            self.tokens.append(response.json()["user_token"])

    def says(self, message: ConsoleMessage) -> None:
        """Keep what the console says."""
        self.console.append(message.text)

    def look(self, *seen: Page) -> None:
        """Keep every document of these pages as it stands, with what is in its fields."""
        values = "[...document.querySelectorAll('input, textarea')].map((i) => i.value).join()"
        for frame in (frame for page in seen for frame in page.frames):
            self.pages.append(frame.content() + str(frame.evaluate(values)))


@pytest.fixture(scope="module")
def visit(stack, usual_host, chromium) -> Visit:
    """Connect once, with names that are easy to find."""
    stack.provider.reset(clients=True)
    page, watch = chromium.contexts[0].new_page(), Watch()
    page.context.clear_cookies()
    watch.over(page)
    try:
        with somebody_new() as user:
            return _connected(Person(page, usual_host, user), watch, stack)
    finally:
        watch.off(page)
        page.close()


def _connected(dana: Person, watch: Watch, stack: Stack) -> Visit:
    dana.arrive()
    dana.connect(account_type="user-configured-oauth")
    _register(stack, dana.portal.locator("#redirect_uri").input_value())
    handle = dana.portal.locator("[name=handle]").first.input_value()
    dana.enter(client_id=CLIENT_ID, secret=CLIENT_SECRET)
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    watch.look(dana.page)
    window = dana.go_on()
    dana.allow(window)
    expect(window.locator("h1")).to_have_text("Demo Mail is connected")
    watch.look(window, dana.page)
    history = _history(window)
    dana.sees_connected()
    dana.hears("onIntegrationInstall")
    watch.look(dana.page)
    (connection,) = dana.connections(stack)
    given = stack.api("POST", f"/api/v1/connections/{connection['id']}/access-token")
    dana.press("See all connections")
    expect(dana.title).to_have_text("Your connections")
    watch.look(dana.page)
    places = {
        "database": _database(stack.database),
        "files": _files(stack.folder),
        "pages": "\n".join(watch.pages),
        "history": history,
        "storage": _storage(dana.page, stack.provider.url),
        "messages": "\n".join([*watch.console, *dana.page.evaluate("window.heard")]),
    }
    secrets = {"handle": handle, "user token": watch.tokens[-1]}
    secrets["access token"] = given.data["access_token"]
    return Visit(secrets | _secrets(stack), places, watch.requests)


def _register(stack: Stack, redirect_uri: str) -> None:
    stack.provider.register_client(
        "demo-mail", redirect_uris=[redirect_uri], client_id=CLIENT_ID, client_secret=CLIENT_SECRET
    )


def _secrets(stack: Stack) -> dict[str, str]:
    (exchange,) = stack.provider.requests("token")
    (asked,) = stack.provider.requests("authorization")
    (refresh_token,) = stack.provider.world.store.refresh_tokens
    return {
        "client secret": CLIENT_SECRET,
        "refresh token": refresh_token,
        "code": exchange.param("code"),
        "verifier": exchange.param("code_verifier"),
        "state": asked.param("state"),
        "api key": stack.api_key,
        "encryption key": stack.environment["FERNET_KEYS"],
        "secret key": stack.environment["SECRET_KEY"],
    }


def _database(path: Path) -> str:
    raw = [each.read_bytes().decode("latin-1") for each in path.parent.glob(f"{path.name}*")]
    with closing(sqlite3.connect(path, timeout=20)) as database:
        return "\n".join([*raw, *database.iterdump()])


def _files(folder: Path) -> str:
    found = [path for path in folder.rglob("*") if path.is_file() and "sqlite" not in path.name]
    assert {"portal.log", "signing-key.pem"} < {path.name for path in found}
    return "\n".join(path.read_text(encoding="latin-1") for path in found)


def _history(window: Page) -> str:
    entries = window.context.new_cdp_session(window).send("Page.getNavigationHistory")["entries"]
    assert len(entries) > 1
    return "\n".join(entry["url"] for entry in entries)


def _storage(page: Page, provider_url: str) -> str:
    provider = page.context.new_page()
    provider.goto(provider_url)
    kept = "[{...localStorage}, {...sessionStorage}, document.cookie, window.name, history.state]"
    read = f"JSON.stringify({kept})"
    found = [str(frame.evaluate(read)) for each in (page, provider) for frame in each.frames]
    provider.close()
    assert len(found) == 3, "host page, portal, provider"
    return "\n".join([*found, str(page.context.cookies())])


def test_the_search_finds_what_is_there(visit):
    assert CLIENT_ID in visit.places["database"]
    assert CLIENT_ID in visit.places["pages"]
    assert CLIENT_ID in visit.places["history"]
    assert "POST /oauth/start" in visit.places["files"]
    assert '"type":"connected"' in visit.places["messages"]
    assert "acme_user" in visit.places["storage"]
    assert min(len(value) for value in visit.secrets.values()) > 20
    hidden = base64.b64encode(b"x" + visit.secrets["access token"].encode()).decode()
    assert visit.found_in(hidden) == {"access token"}


@pytest.mark.parametrize("place", ["database", "files", "storage", "messages"])
def test_nothing_secret_is_kept(visit, place):
    assert visit.found_in(visit.places[place]) == set()


def test_pages_carry_the_handle_and_nothing_else(visit):
    assert visit.found_in(visit.places["pages"]) == {"handle"}


def test_the_history_of_the_window_knows_the_state_and_nothing_else(visit):
    assert visit.found_in(visit.places["history"]) == {"state"}


def test_addresses_carry_only_what_the_protocol_puts_there(visit, stack):
    allowed = {
        f"{stack.provider.url}/demo-mail/oauth/authorize": {"state"},
        f"{stack.base_url}/oauth/callback": {"code", "state"},
    }
    seen = set()
    for url, referrer in visit.requests:
        start = next((each for each in allowed if url.startswith(each)), "")
        assert visit.found_in(unquote(url)) == allowed.get(start, set())
        assert visit.found_in(unquote(referrer)) <= ({"state"} if _own(referrer, stack) else set())
        seen.add(start)
    assert seen == {*allowed, ""}


def _own(referrer: str, stack: Stack) -> bool:
    # The provider may tell itself what it knows already.
    return referrer.startswith(stack.provider.url)


def test_the_verifier_never_left_by_the_front_channel(visit, stack):
    (authorize,) = [url for url, _ in visit.requests if "/oauth/authorize?" in url]
    query = parse_qs(urlsplit(authorize).query)
    assert query["code_challenge_method"] == ["S256"]
    assert visit.secrets["verifier"] not in authorize
