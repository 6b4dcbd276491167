"""The first connection in a real browser: three sites, third-party cookies blocked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.portal import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def dana(page, acme):
    person = Person(page, acme)
    person.arrive()
    return person


def test_it_connects_with_third_party_cookies_blocked(dana, clean_stack, pictures):
    dana.page.set_viewport_size({"width": 1280, "height": 900})
    dana.connect()
    dana.page.screenshot(path=pictures / "picker.png")
    dana.choose_own_app()
    dana.page.wait_for_timeout(800)
    dana.page.screenshot(path=pictures / "form.png")
    shown = dana.portal.locator("#redirect_uri").input_value()
    dana.enter()
    dana.page.wait_for_timeout(500)
    dana.page.screenshot(path=pictures / "review.png")
    window = dana.go_on()
    window.screenshot(path=pictures / "consent.png")
    dana.allow(window)
    expect(dana.portal.locator("h1")).to_contain_text("connected", timeout=10_000)
    dana.page.screenshot(path=pictures / "done.png")
    assert "onIntegrationInstall" in dana.log()
    sent = clean_stack.provider.requests("authorization")[-1].query["redirect_uri"]
    exchanged = clean_stack.provider.requests("token")[-1].form["redirect_uri"]
    assert [shown] == sent == exchanged
