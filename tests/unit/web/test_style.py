"""The small files: colours that can be read, and nothing fetched from elsewhere."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STATIC = resources.files("parley.web").joinpath("static")
SHEET = STATIC.joinpath("parley.css").read_text("utf-8")
SCRIPT = STATIC.joinpath("parley.js").read_text("utf-8")

TEXT_PAIRS = (
    ("ink", "ground"),
    ("ink", "sheet"),
    ("ink", "accent-soft"),
    ("quiet", "ground"),
    ("quiet", "sheet"),
    ("quiet", "accent-soft"),
    ("accent", "ground"),
    ("accent", "sheet"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("late-ink", "sheet"),
    ("refused-ink", "ground"),
    ("refused-ink", "sheet"),
    ("refused-ink", "accent-soft"),
    ("odd-ink", "odd"),
)
SHAPE_PAIRS = (("accent", "sheet"), ("repeat", "sheet"), ("late", "sheet"), ("refused", "sheet"), ("quiet", "ground"))


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else found


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(scheme: str) -> None:
    known = colours(scheme)
    low = [pair for pair in TEXT_PAIRS if contrast(known[pair[0]], known[pair[1]]) < 4.5]
    assert low == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_shapes_can_be_told_from_their_ground(scheme: str) -> None:
    known = colours(scheme)
    low = [pair for pair in SHAPE_PAIRS if contrast(known[pair[0]], known[pair[1]]) < 3]
    assert low == []


def test_every_colour_that_is_used_is_defined() -> None:
    used = set(re.findall(r"var\(--([a-z-]+)\)", SHEET))
    defined = set(re.findall(r"--([a-z-]+):", SHEET))
    assert used == defined


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert re.findall(r"url\(|@import|@font-face", SHEET) == []
    assert re.findall(r"fetch|XMLHttpRequest|import|eval|innerHTML|https?:", SCRIPT) == []
