"""Every logo is a small picture of one of two shapes, and the page says where it comes from."""

from __future__ import annotations

import re

import pytest

from integrations.catalog import registry
from tests.logos import draw
from tests.logos.letters import LETTERS, strokes
from tests.logos.sources import INTEGRITY, MARKS, MONOGRAMS, VERSION

FILES = {path.stem: path for path in draw.LOGOS.glob("*.svg")}
NEUTRAL = "_provider"
COLOUR = "#[0-9A-Fa-f]{6}"
PLACES = f"(?:{re.escape(draw.PLACE)}|{re.escape(draw.WIDE_PLACE)})"
PATH = "[MmLlHhVvCcSsQqTtAaZz0-9 .,-]+"
# The whole file: nothing but the tile and one path, so no script, style, event or reference.
SHAPES = tuple(
    re.compile(
        re.escape(draw.TILE.format(path=shape.format(colour="@c", place="@t", path="@p")))
        .replace("@c", COLOUR)
        .replace("@t", PLACES)
        .replace("@p", PATH)
    )
    for shape in (draw.MARK, draw.LINES)
)
TALLEST = 5_000

whole = FILES["gmail"].read_text(encoding="utf-8")


def is_harmless(svg: str) -> bool:
    """Say whether the text is one of the two shapes and small."""
    return len(svg) <= TALLEST and any(shape.fullmatch(svg) for shape in SHAPES)


@pytest.mark.parametrize("slug", sorted(FILES))
def test_every_logo_is_one_of_two_small_harmless_shapes(slug: str) -> None:
    assert is_harmless(FILES[slug].read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "hostile",
    [
        whole.replace("</svg>", "<script>alert(1)</script></svg>"),
        whole.replace("<path", '<path onload="alert(1)"'),
        whole.replace("<path", '<path style="fill:red"'),
        whole.replace("</svg>", "<style>path{fill:red}</style></svg>"),
        whole.replace("</svg>", '<image href="https://example.com/x.png"/></svg>'),
        whole.replace("</svg>", '<use href="#x"/></svg>'),
        whole.replace("#EA4335", "url(https://example.com/x.svg)"),
        whole.replace("#EA4335", "url(#x)"),
        whole.replace("<svg", '<!DOCTYPE svg [<!ENTITY x "x">]><svg'),
        whole.replace("<svg", '<?xml-stylesheet href="https://example.com/x.css"?><svg'),
        whole.replace("</svg>", '<a href="javascript:alert(1)"><path d="M0 0"/></a></svg>'),
        whole.replace("</svg>", "<foreignObject><p>x</p></foreignObject></svg>"),
        whole.replace("</svg>", "<text>Gmail</text></svg>"),
        whole.replace('d="M', 'd="M' + "0 " * TALLEST),
        whole + "<svg/>",
        "",
    ],
)
def test_anything_else_in_a_logo_is_seen(hostile: str) -> None:
    assert hostile != whole
    assert not is_harmless(hostile)


def test_every_provider_has_a_logo_of_its_own() -> None:
    providers = {path.stem for path in registry.BUILT_IN.glob("*.toml")}
    assert providers
    assert not providers - set(FILES)


def test_every_logo_is_of_a_provider_and_comes_from_one_place() -> None:
    assert not set(MARKS) & set(MONOGRAMS)
    assert set(FILES) == {*MARKS, *MONOGRAMS, NEUTRAL}


@pytest.mark.parametrize("slug", sorted(MONOGRAMS))
def test_every_monogram_is_as_it_is_drawn(slug: str) -> None:
    assert FILES[slug].read_text(encoding="utf-8") == draw.monogram(slug)


@pytest.mark.parametrize("slug", sorted(MARKS))
def test_every_mark_has_the_colour_of_its_brand_or_ours(slug: str) -> None:
    colours = re.findall(f'path fill="({COLOUR})"', FILES[slug].read_text(encoding="utf-8"))
    assert colours == [draw.shown(MARKS[slug][1])]


@pytest.mark.parametrize(
    ("colour", "shown"),
    [("#FFFC00", draw.INK), ("#FFFFFF", draw.INK), ("#000000", "#000000"), ("#EA4335", "#EA4335")],
)
def test_a_colour_that_hardly_shows_on_white_is_replaced(colour: str, shown: str) -> None:
    assert draw.shown(colour) == shown


def test_no_two_providers_have_the_same_letters() -> None:
    assert len(set(MONOGRAMS.values())) == len(MONOGRAMS)
    assert all(len(letters) == 2 and set(letters) <= set(LETTERS) for letters in MONOGRAMS.values())


def test_the_page_says_where_each_logo_comes_from() -> None:
    text = (draw.LOGOS / "README.md").read_text(encoding="utf-8")
    assert text == draw.page()
    assert set(re.findall(r"^\| `([^`]+)\.svg` \|", text, re.MULTILINE)) == set(FILES)
    assert text.count(f"| {VERSION} | CC0 1.0 |") == len(MARKS)
    assert INTEGRITY in text


def test_letters_stay_within_the_tile() -> None:
    for letters in MONOGRAMS.values():
        width = sum(LETTERS[letter][0] for letter in letters)
        assert width <= 20


def test_a_letter_that_is_not_drawn_is_refused() -> None:
    with pytest.raises(KeyError):
        strokes("Ä")
