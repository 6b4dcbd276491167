"""Capital letters as strokes, twelve high, for the monograms of providers without a free mark."""

from __future__ import annotations

import re

HEIGHT = 12.0
GAP = 3.6
MIDDLE = 16.0
# What each command of a path takes: numbers along x and y in turns, or along one of them.
AXES = {"M": "xy", "L": "xy", "C": "xyxyxy", "H": "x", "V": "y", "Z": ""}

# Width, then the strokes from the upper left corner. Absolute commands only.
LETTERS: dict[str, tuple[float, str]] = {
    "A": (8, "M0 12 L4 0 L8 12 M1.4 8 H6.6"),
    "B": (
        6.6,
        "M0 0 V12 H3.4 C5.4 12 6.6 10.8 6.6 9 C6.6 7.2 5.4 6 3.4 6 H0"
        " M0 0 H3.2 C5 0 6 1.2 6 3 C6 4.8 5 6 3.2 6",
    ),
    "C": (
        7,
        "M7 2.2 C6.2 0.8 5.2 0 3.9 0 C1.5 0 0 2.6 0 6 C0 9.4 1.5 12 3.9 12 C5.2 12 6.2 11.2 7 9.8",
    ),
    "D": (6.8, "M0 0 H2.4 C5.2 0 6.8 2.5 6.8 6 C6.8 9.5 5.2 12 2.4 12 H0 Z"),
    "E": (5.6, "M5.6 0 H0 V12 H5.6 M0 5.8 H4.8"),
    "F": (5.6, "M0 12 V0 H5.6 M0 5.8 H4.8"),
    "G": (
        7.2,
        "M7 2.2 C6.2 0.8 5.2 0 3.9 0 C1.5 0 0 2.6 0 6 C0 9.4 1.5 12 3.9 12"
        " C5.9 12 7.2 10.4 7.2 7.8 V6.6 H4.2",
    ),
    "H": (6.8, "M0 0 V12 M6.8 0 V12 M0 6 H6.8"),
    "I": (0, "M0 0 V12"),
    "J": (5.2, "M5.2 0 V8.6 C5.2 10.8 4.1 12 2.5 12 C1.3 12 0.4 11.4 0 10.2"),
    "K": (6.4, "M0 0 V12 M6.2 0 L0 6.8 M2.2 4.6 L6.4 12"),
    "L": (5.6, "M0 0 V12 H5.6"),
    "M": (8, "M0 12 V0 L4 7 L8 0 V12"),
    "N": (7, "M0 12 V0 L7 12 V0"),
    "O": (
        7.2,
        "M3.6 0 C5.8 0 7.2 2.6 7.2 6 C7.2 9.4 5.8 12 3.6 12 C1.4 12 0 9.4 0 6 C0 2.6 1.4 0 3.6 0 Z",
    ),
    "P": (6.4, "M0 12 V0 H3 C5.2 0 6.4 1.4 6.4 3.4 C6.4 5.4 5.2 6.8 3 6.8 H0"),
    "Q": (
        7.4,
        "M3.6 0 C5.8 0 7.2 2.6 7.2 6 C7.2 9.4 5.8 12 3.6 12 C1.4 12 0 9.4 0 6"
        " C0 2.6 1.4 0 3.6 0 Z M4.6 9 L7.4 12.4",
    ),
    "R": (6.6, "M0 12 V0 H3 C5.2 0 6.4 1.4 6.4 3.4 C6.4 5.4 5.2 6.8 3 6.8 H0 M3.4 6.8 L6.6 12"),
    "S": (
        7,
        "M6.7 2.3 C5.9 0.7 4.7 0 3.5 0 C1.6 0 0.3 1.2 0.3 2.9 C0.3 4.8 1.8 5.4 3.5 5.9"
        " C5.4 6.4 7 7.1 7 9 C7 10.8 5.5 12 3.5 12 C1.9 12 0.7 11.2 0 9.7",
    ),
    "T": (7.2, "M0 0 H7.2 M3.6 0 V12"),
    "U": (6.8, "M0 0 V7.6 C0 10.4 1.3 12 3.4 12 C5.5 12 6.8 10.4 6.8 7.6 V0"),
    "V": (8, "M0 0 L4 12 L8 0"),
    "W": (9.6, "M0 0 L2.4 12 L4.8 3 L7.2 12 L9.6 0"),
    "X": (7, "M0 0 L7 12 M7 0 L0 12"),
    "Y": (7.6, "M0 0 L3.8 5.8 L7.6 0 M3.8 5.8 V12"),
    "Z": (6.6, "M0 0 H6.6 L0 12 H6.6"),
}


def strokes(letters: str) -> str:
    """Return the path of some letters side by side, in the middle of a picture of 32 by 32."""
    widths = [LETTERS[letter][0] for letter in letters]
    left = MIDDLE - (sum(widths) + GAP * (len(widths) - 1)) / 2
    drawn = []
    for letter, width in zip(letters, widths, strict=True):
        drawn.append(_moved(LETTERS[letter][1], {"x": left, "y": MIDDLE - HEIGHT / 2}))
        left += width + GAP
    return "".join(drawn)


def _moved(path: str, by: dict[str, float]) -> str:
    """Return a path of absolute commands at another place."""
    moved = []
    for command, numbers in re.findall(r"([A-Z])([^A-Z]*)", path):
        values = zip(AXES[command], numbers.split(), strict=True)
        moved.append(command + " ".join(f"{float(value) + by[axis]:.4g}" for axis, value in values))
    return "".join(moved)
