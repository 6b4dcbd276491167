"""Draw the contact sheets of all screens: `python -m tests.gallery.sheet`.

Writes docs/images/contact-sheet-{light,dark,narrow,rtl}.png with Chromium.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.template.loader import render_to_string
from django.utils import translation
from playwright.sync_api import Page, Route

from tests.gallery.indexed import fewer_colours

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
ORIGIN = "https://connect.acme.example"
STATIC = ROOT / "static"
TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
TALLEST = 1100
LEADS_ON = 'http-equiv="refresh"'


@dataclass(frozen=True)
class Sheet:
    """One picture of all screens. `width` is the window's, `columns` of them stand side by side."""

    name: str
    theme: str = "light"
    language: str = "en"
    width: int = 720
    columns: int = 9
    thumb: int = 170


SHEETS = (
    Sheet("light"),
    Sheet("dark", theme="dark"),
    Sheet("narrow", width=320, columns=16, thumb=88),
    Sheet("rtl", language="ar"),
)


def html_of(template: str, screen: object, *, theme: str = "auto", language: str = "en") -> str:
    """Return a sample's page in this theme and language."""
    from portal.pages.rendering import context

    with translation.override(language):
        if hasattr(screen, "frame"):
            screen = replace(screen, frame=replace(screen.frame, theme=theme))  # type: ignore[type-var]
        # One page leads on at once; without that it can be looked at.
        return render_to_string(template, context(screen)).replace(LEADS_ON, "")


def pages() -> Iterator[tuple[str, str, object]]:
    """Yield the samples that are whole pages, without those that are there to break them."""
    from tests.gallery.samples import samples

    for name, template, screen in samples():
        if not Path(template).name.startswith("_") and not name.startswith("hostile"):
            yield name, template, screen


def shots(page: Page, sheet: Sheet) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the picture of each screen."""
    page.set_viewport_size({"width": sheet.width, "height": 600})
    page.emulate_media(color_scheme="dark" if sheet.theme == "dark" else "light")
    shown = {"html": ""}
    page.route("**/*", lambda route: _answer(route, shown["html"]))
    for name, template, screen in pages():
        shown["html"] = html_of(template, screen, theme=sheet.theme, language=sheet.language)
        page.goto(f"{ORIGIN}/")
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": sheet.width, "height": min(height, TALLEST)})
        yield name, page.screenshot()
        page.set_viewport_size({"width": sheet.width, "height": 600})
    page.unroute("**/*")


def _answer(route: Route, shown: str) -> None:
    path = urlsplit(route.request.url).path
    file = STATIC / path.removeprefix("/static/")
    if path == "/":
        route.fulfill(content_type="text/html; charset=utf-8", body=shown)
    elif path.startswith("/static/") and file.is_file() and file.suffix in TYPES:
        route.fulfill(content_type=TYPES[file.suffix], body=file.read_bytes())
    else:
        route.fulfill(status=404, body="")


def sheet_html(sheet: Sheet, taken: list[tuple[str, bytes]]) -> str:
    """Return a page with all pictures and their names."""
    figures = "".join(
        f'<figure><img src="data:image/png;base64,{base64.b64encode(shot).decode()}">'
        f"<figcaption>{html.escape(name)}</figcaption></figure>"
        for name, shot in taken
    )
    return (
        "<!doctype html><style>body{margin:8px;font:9px sans-serif;background:#8a8f98;color:#000;"
        f"columns:{sheet.columns};column-gap:6px}}figure{{margin:0 0 6px;break-inside:avoid}}"
        f"img{{display:block;inline-size:100%}}</style>{figures}"
    )


def draw(sheet: Sheet, page: Page) -> Path:
    """Write one contact sheet."""
    taken = list(shots(page, sheet))
    page.set_viewport_size({"width": sheet.columns * (sheet.thumb + 6) + 16, "height": 600})
    page.set_content(sheet_html(sheet, taken))
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    path = IMAGES / f"contact-sheet-{sheet.name}.png"
    path.write_bytes(fewer_colours(page, page.screenshot(full_page=True)))
    return path


def main() -> None:
    """Write all four."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.browser.chromium import start_chromium

    with start_chromium() as browser:
        page = browser.contexts[0].new_page()
        for sheet in SHEETS:
            path = draw(sheet, page)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
