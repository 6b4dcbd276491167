"""Look at one screen in both themes, wide and narrow: does it fit, can everybody use it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page

WIDTHS = {1280: 900, 320: 720}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
# What depends on colours. All else was found in the first theme.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
COLOURS |= {"resultTypes": ["violations"]}
OVERFLOWING = """() => {
  const room = document.documentElement.clientWidth;
  const wide = (node) => node.getBoundingClientRect().right > room + 1
    && getComputedStyle(node).visibility !== "hidden" && node.checkVisibility();
  const scrolls = document.documentElement.scrollWidth > room;
  return scrolls ? [...document.querySelectorAll("body *")].filter(wide)
    .map((node) => node.outerHTML.slice(0, 90)) : [];
}"""


@dataclass
class Gallery:
    """Takes pictures, and keeps what is wrong with the screens."""

    folder: Path
    problems: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def take(self, name: str, page: Page, frame: Frame | None = None) -> None:
        """Look at a page, or at a frame in it: light in every width, then narrow in the dark.

        A theme changes colours and nothing else, so that it fits as it did.
        """
        self.seen.append(name)
        seen = frame or page.main_frame
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            self._fits(f"{name}-light-{width}", page, seen)
        self._check(f"{name}-light", seen, RULES)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        self._picture(f"{name}-dark-{width}", page, seen)
        self._check(f"{name}-dark", seen, COLOURS)
        page.set_viewport_size({"width": 1280, "height": 900})

    def _picture(self, name: str, page: Page, frame: Frame) -> None:
        frame.evaluate("() => new Promise((done) => setTimeout(done, 60))")
        page.screenshot(path=self.folder / f"{name}.png", caret="initial")

    def _fits(self, name: str, page: Page, frame: Frame) -> None:
        self._picture(name, page, frame)
        over = frame.evaluate(OVERFLOWING)
        if over or frame.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.problems.append(f"{name} scrolls sideways: {over}")

    def _check(self, name: str, frame: Frame, rules: dict[str, Any]) -> None:
        self.problems += violations(name, frame, rules)


def violations(name: str, frame: Frame, rules: dict[str, Any]) -> list[str]:
    """Return what axe finds in a frame by these rules, a line for each rule that is broken."""
    found = Axe().run(frame, options=rules).response["violations"]
    return [
        f"{name}: {rule['id']}: {[node['html'][:120] for node in rule['nodes'][:3]]}"
        for rule in found
    ]
