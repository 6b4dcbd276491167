"""A project's look: a few tokens, corrected until everything on a page can be read.

Contrast is that of WCAG 2.2, success criteria 1.4.3 (text, 4.5) and 1.4.11 (controls, 3).
"""

from __future__ import annotations

import colorsys
import hashlib
import re
from dataclasses import dataclass

HEX = re.compile(r"\A#[0-9a-f]{6}\Z")
READABLE = 4.5
STEP, STRONGER = 0.01, 0.09
RADII = (0, 4, 6, 10, 14)
FONTS = {
    "system": 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    "humanist": 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, "DejaVu Sans", sans-serif',
    "geometric": 'Avenir, Montserrat, Corbel, "URW Gothic", sans-serif',
    "serif": 'Charter, "Bitstream Charter", "Sitka Text", Cambria, serif',
    "mono": 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace',
}
MODES = ("auto", "light", "dark")
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Ground:
    """What lies under the accent in one theme: its surfaces, its text, and how far it may go."""

    surfaces: tuple[str, ...]
    surface: str
    text: str
    mixed: float
    darker: bool


# The surfaces of static/portal.css; a test compares them.
LIGHT = Ground(("#ffffff", "#eef0f5", "#f5f6fa"), "#ffffff", "#1a1e29", 0.1, darker=True)
DARK = Ground(("#191c25", "#101219", "#21252f"), "#191c25", "#e9ebf2", 0.18, darker=False)


@dataclass(frozen=True)
class Tokens:
    """What an admin chooses. `accent` is #rrggbb; `radius` is in pixels."""

    accent: str
    radius: int = 10
    font: str = "system"
    mode: str = "auto"


@dataclass(frozen=True)
class Palette:
    """The colours of one theme that follow from the accent."""

    accent: str
    accent_strong: str
    on_accent: str
    tint: str
    contrast: float


def palette(accent: str, ground: Ground) -> Palette:
    """Return the nearest colours to `accent` that can be read everywhere on this ground."""
    tint = _mixed(accent, ground.surface, ground.mixed)
    behind = (*ground.surfaces, tint)
    shade = _until_readable(accent, behind, darker=ground.darker)
    on_accent = max(("#ffffff", "#10142b"), key=lambda each: contrast(each, shade))
    strong = _moved(shade, -STRONGER if ground.darker else STRONGER)
    return Palette(
        accent=shade,
        accent_strong=strong,
        on_accent=on_accent,
        tint=tint,
        contrast=min(contrast(shade, each) for each in (*behind, on_accent)),
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, definition of contrast ratio)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def style_sheet(tokens: Tokens) -> str:
    """Return the style sheet that gives the portal's pages this look."""
    light, dark = _rules(palette(tokens.accent, LIGHT)), _rules(palette(tokens.accent, DARK))
    shape = f"--round: {tokens.radius}px; --font: {FONTS[tokens.font]};"
    return (
        f":root {{ {shape} {light} }}\n"
        f'[data-theme="dark"] {{ {dark} }}\n'
        f'@media (prefers-color-scheme: dark) {{ [data-theme="auto"] {{ {dark} }} }}\n'
    )


def digest(tokens: Tokens, logo: bytes = b"") -> str:
    """Return a short name for exactly this look, for addresses that never change."""
    text = f"{style_sheet(tokens)}{len(logo)}".encode() + logo
    return hashlib.sha256(text).hexdigest()[:16]


def _rules(colours: Palette) -> str:
    return (
        f"--accent: {colours.accent}; --accent-strong: {colours.accent_strong}; "
        f"--on-accent: {colours.on_accent}; --tint: {colours.tint};"
    )


def _until_readable(colour: str, behind: tuple[str, ...], *, darker: bool) -> str:
    """Darken or lighten until it can be read on all of `behind`, and text on it as well."""
    while min(contrast(colour, each) for each in behind) < READABLE:
        moved = _moved(colour, -STEP if darker else STEP)
        if moved == colour:
            break
        colour = moved
    return colour


def _moved(colour: str, by: float) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(each / 255 for each in _rgb(colour)))
    red, green, blue = colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness + by)), saturation)
    return _hex((round(red * 255), round(green * 255), round(blue * 255)))


def _mixed(colour: str, into: str, part: float) -> str:
    one, two = _rgb(colour), _rgb(into)
    red, green, blue = (round(a * part + b * (1 - part)) for a, b in zip(one, two, strict=True))
    return _hex((red, green, blue))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(each / 255) for each in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
