"""A project's look: whatever colour is chosen, everything can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import theming
from integrations.theming import DARK, LIGHT, READABLE, Ground, Tokens

CSS = Path(__file__).parents[2] / "static" / "portal.css"
COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@given(COLOURS, st.sampled_from((LIGHT, DARK)))
def test_any_accent_can_be_read_on_every_surface(accent: str, ground: Ground) -> None:
    colours = theming.palette(accent, ground)
    for behind in (*ground.surfaces, colours.tint):
        assert theming.contrast(colours.accent, behind) >= READABLE
        assert theming.contrast(colours.accent_strong, behind) >= READABLE
        assert theming.contrast(ground.text, behind) >= READABLE
    assert theming.contrast(colours.on_accent, colours.accent) >= READABLE
    assert theming.contrast(colours.on_accent, colours.accent_strong) >= READABLE
    assert colours.contrast >= READABLE


def test_a_colour_that_can_be_read_stays_as_it_was_chosen() -> None:
    assert theming.palette("#0b5cad", LIGHT).accent == "#0b5cad"


def test_the_colour_that_others_failed_with_is_corrected() -> None:
    assert theming.contrast("#ffffff", "#00b2e3") < 3
    assert theming.palette("#00b2e3", LIGHT).contrast >= READABLE


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48)]
)
def test_contrast_is_that_of_the_guidelines(one: str, other: str, ratio: float) -> None:
    assert theming.contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert theming.contrast(other, one) == pytest.approx(ratio, abs=0.01)


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    first, _, rest = CSS.read_text(encoding="utf-8").partition('[data-theme="dark"]')
    for part, ground in ((first, LIGHT), (rest.partition("@media")[0], DARK)):
        found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", part))
        named = [found[name] for name in ("surface", "ground", "sunken")]
        assert [each if len(each) == 7 else "#" + each[1:] * 2 for each in named] == list(
            ground.surfaces
        )
        assert found["text"] == ground.text


def test_a_sheet_names_nothing_but_its_own_tokens() -> None:
    sheet = theming.style_sheet(Tokens("#3450c8", radius=4, font="serif"))
    names = set(re.findall(r"(--[a-z-]+):", sheet))
    assert names == {"--round", "--font", "--accent", "--accent-strong", "--on-accent", "--tint"}
    assert "url(" not in sheet
    assert "<" not in sheet


def test_each_look_has_its_own_address() -> None:
    looks = [Tokens("#3450c8"), Tokens("#3450c9"), Tokens("#3450c8", radius=4)]
    found = {theming.digest(each) for each in looks} | {theming.digest(looks[0], b"png")}
    assert len(found) == 4
