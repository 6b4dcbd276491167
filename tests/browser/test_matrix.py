"""Every way to cut windows apart, by every way to show the portal: each ends connected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import SOON, Person

pytestmark = pytest.mark.browser

NONE, ISOLATED, POPUPS = "", "same-origin", "same-origin-allow-popups"
OPENERS = (NONE, ISOLATED, POPUPS)
POST = """async ({action, fields, target}) => {
  const answer = await fetch("/user-token", {method: "POST"});
  const form = Object.assign(document.createElement("form"), {method: "post", action, target});
  for (const [name, value] of Object.entries({...await answer.json(), ...fields}))
    form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
  document.body.append(form);
  form.submit();
}"""


def posts(person: Person, display: str, target: str) -> None:
    """Open the portal from the host page by the form post of the protocol."""
    signer = person.site.signer
    fields = {"integration": "demo-mail", "account_type": "default", "mode": "install"}
    fields |= {"display": display, "return_url": f"{person.site.origin}/return"}
    action = f"{signer.portal}/embed/{signer.project}/open"
    person.page.evaluate(POST, {"action": action, "fields": fields, "target": target})


def inside(person: Person) -> None:
    """In the host page's dialog, the provider in a window."""
    person.connect(account_type="default")
    person.allow(person.go_on())
    person.sees_connected()
    person.hears("onIntegrationInstall")


def in_place(person: Person) -> None:
    """In place of the host page."""
    posts(person, "page", "_self")
    through(person.page)


def in_a_window(person: Person) -> None:
    """In a window that the host page opened."""
    with person.page.context.expect_page() as opened:
        posts(person, "window", "portal")
    through(opened.value)
    assert not person.page.is_closed()


def through(page: Page) -> None:
    """Go through a portal that has a window to itself."""
    page.get_by_role("button", name="Continue to Demo Mail").click()
    page.locator("#allow").click()
    expect(page.locator("h1")).to_have_text("Demo Mail is connected", timeout=SOON)


SHOWN = (inside, in_place, in_a_window)


def cases() -> Iterator[Any]:
    """Yield all 27. Nine hold every pair of two ways; the other 18 are for the long run."""
    for one, other, way in product(range(3), repeat=3):
        marks = () if (one + other) % 3 == way else (pytest.mark.soak,)
        yield pytest.param(OPENERS[one], OPENERS[other], SHOWN[way], marks=marks)


@pytest.mark.parametrize(("provider", "host", "shown"), list(cases()))
def test_it_connects_however_windows_are_cut_apart(
    page, acme, open_host, user, clean_stack, provider, host, shown: Callable[[Person], None]
):
    if provider:
        clean_stack.provider.configure(coop=provider)
    person = Person(page, open_host(coop=host) if host else acme, user)
    person.arrive()
    shown(person)
    (connection,) = person.connections(clean_stack)
    assert connection["status"] == "VALID"
