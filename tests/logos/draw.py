"""Draw the logos and the page about them: `python -m tests.logos.draw [unpacked simple-icons]`.

Without the package only the monograms and the page are written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.logos.letters import strokes
from tests.logos.sources import INTEGRITY, MARKS, MONOGRAMS, VERSION, WIDE

LOGOS = Path(__file__).resolve().parents[2] / "static" / "logos"
INK = "#334155"
TILE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">
  <rect x=".5" y=".5" width="31" height="31" rx="7" fill="#fff" stroke="#cbd5e1"/>
{path}
</svg>
"""
MARK = '  <path fill="{colour}" transform="{place}"\n    d="{path}"/>'
LINES = """  <path fill="none" stroke="{colour}" stroke-width="2.2" stroke-linecap="round" \
stroke-linejoin="round"
    d="{path}"/>"""
# Names written out need the room of the whole tile.
PLACE, WIDE_PLACE = "translate(7 7) scale(0.75)", "translate(4 4)"
# Less is too pale on the white tile.
CONTRAST = 1.8
PAGE = """# Logos

One file per provider, named after its slug, 32 by 32, shown at 32 pixels. Every mark sits in the
same white rounded tile, so it can be told apart on light and on dark pages. No file has scripts,
styles, fonts or references to anything outside it; a test holds each to two shapes.

- {marks} brand marks are from [simple-icons](https://simpleicons.org), the npm package
  `simple-icons` {version}, integrity
  `{integrity}`.
  From it come the path data and the colour; tile and scale are ours. Icons with a licence of their
  own are not taken. A colour too pale for the white tile is replaced by ours.
- {monograms} monograms are drawn for this project. simple-icons has no free marks of these
  providers, in part because their owners do not allow others to pass them on.

CC0 covers the drawing, not the brand: marks and names stay the property of their owners and are
used here only to say which service a connection goes to. Whoever has an owner's permission can
replace a file. `python -m tests.logos.draw` with the unpacked package draws all of them and this
page.

| File | What it is | Source | Version | Licence |
|---|---|---|---|---|
{rows}
"""
PLUG = (
    "| `_provider.svg` | a plug, for every provider without a file of its own"
    " | drawn for this project | | MIT |"
)


def monogram(slug: str) -> str:
    """Return the picture of a provider that has letters."""
    return TILE.format(path=LINES.format(colour=INK, path=strokes(MONOGRAMS[slug])))


def mark(slug: str, package: Path) -> str:
    """Return the picture of a provider that has a brand mark in the package."""
    icon, colour = MARKS[slug]
    text = (package / "icons" / f"{icon}.svg").read_text(encoding="utf-8")
    (path,) = re.findall(r' d="([^"]+)"', text)
    place = WIDE_PLACE if slug in WIDE else PLACE
    return TILE.format(path=MARK.format(colour=shown(colour), place=place, path=path))


def shown(colour: str) -> str:
    """Return a brand's colour, or ours if that would hardly be seen on white."""
    return colour if _contrast_with_white(colour) >= CONTRAST else INK


def page() -> str:
    """Return the page that says where each logo comes from."""
    rows = {slug: _mark_row(slug) for slug in MARKS} | {slug: _row(slug) for slug in MONOGRAMS}
    return PAGE.format(
        marks=len(MARKS),
        monograms=len(MONOGRAMS),
        version=VERSION,
        integrity=INTEGRITY,
        rows="\n".join([*(rows[slug] for slug in sorted(rows)), PLUG]),
    )


def _mark_row(slug: str) -> str:
    icon, colour = MARKS[slug]
    source = f"simple-icons, `icons/{icon}.svg`"
    return (
        f"| `{slug}.svg` | brand mark, colour `{shown(colour)}` | {source} | {VERSION} | CC0 1.0 |"
    )


def _row(slug: str) -> str:
    letters = MONOGRAMS[slug]
    return f"| `{slug}.svg` | monogram {letters} | drawn for this project | | MIT |"


def _contrast_with_white(colour: str) -> float:
    """Return the contrast ratio of WCAG 2.2 with white."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def main(arguments: list[str]) -> None:
    """Write the files."""
    pictures = {slug: monogram(slug) for slug in MONOGRAMS}
    for package in arguments:
        pictures |= {slug: mark(slug, Path(package)) for slug in MARKS}
    for slug, picture in pictures.items():
        (LOGOS / f"{slug}.svg").write_text(picture, encoding="utf-8")
    (LOGOS / "README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
