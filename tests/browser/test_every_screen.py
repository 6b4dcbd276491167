"""Every sample screen, light and dark, read from the left and from the right: axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.screens import RULES, violations
from tests.gallery.samples import samples
from tests.gallery.sheet import html_of

pytestmark = pytest.mark.browser

PAGES = {
    name: (template, screen)
    for name, template, screen in samples()
    if not Path(template).name.startswith("_")
}
LANGUAGES = ("en", "ar")
# One of each kind of page; all others are looked at where there is time.
SOME = ("options-errors", "review-explained", "manage-gone", "activity", "sent", "error")


@pytest.fixture
def look(page: Page, stack) -> Iterator[list[str]]:
    """Return what axe holds against a screen."""
    shown = {"html": ""}
    address = f"{stack.base_url}/sample"
    page.route(
        address,
        lambda route: route.fulfill(
            content_type="text/html; charset=utf-8", body=shown["html"], status=200
        ),
    )

    def problems(name: str, language: str) -> list[str]:
        template, screen = PAGES[name]
        found = []
        for theme in ("light", "dark"):
            shown["html"] = html_of(template, screen, theme=theme, language=language)
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.goto(address)
            found += violations(f"{name} {theme} {language}", page.main_frame, RULES)
        return found

    yield problems
    page.unroute(address)


def test_axe_finds_nothing_in_a_screen_of_each_kind_from_the_right(look):
    assert [each for name in SOME for each in look(name, "ar")] == []


@pytest.mark.soak
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_in_any_screen(look, language):
    assert [each for name in PAGES for each in look(name, language)] == []


def test_axe_would_find_what_is_wrong(page: Page, stack, look):
    look("error", "ar")
    page.locator("html").evaluate("node => node.removeAttribute('lang')")
    page.locator("p").first.evaluate("node => { node.innerHTML += '<img src=/x.png>'; }")
    found = violations("error", page.main_frame, RULES)
    assert {each.split(":")[1].strip() for each in found} >= {"html-has-lang", "image-alt"}
