"""Text of others reaches the terminal as text, and programs exactly as it is."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.cli.escaping import escape_json, escape_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, with spaces", "plain, with spaces"),
        ("naïve \u05e9\u05dc \u4fa1\u683c 🙂", "naïve \u05e9\u05dc \u4fa1\u683c 🙂"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("one\r\ntwo\tthree", r"one\r\ntwo\tthree"),
        ("\x7f\x00", r"\x7f\x00"),
        ("price \u202e001", r"price \u202e001"),
        ("\u2066hidden\u2069\u200b\ufeff", r"\u2066hidden\u2069\u200b\ufeff"),
        ("\u2028line\u2029", r"\u2028line\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("[bold red]not markup[/]", "[bold red]not markup[/]"),
    ],
)
def test_a_text_is_shown_harmless(text: str, expected: str) -> None:
    assert escape_text(text) == expected


@given(st.text())
def test_nothing_that_a_terminal_acts_upon_is_left(text: str) -> None:
    kinds = {unicodedata.category(character) for character in escape_text(text)}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_json_keeps_its_value_and_loses_its_teeth(text: str, ascii_only: bool) -> None:  # noqa: FBT001  # hypothesis
    document = json.dumps({text: [text]}, ensure_ascii=False)
    escaped = escape_json(document, ascii_only=ascii_only)
    assert json.loads(escaped) == {text: [text]}
    assert escaped.isprintable()
    assert escaped.isascii() or not ascii_only


@pytest.mark.parametrize(
    ("document", "ascii_only", "expected"),
    [
        ('"é"', False, '"é"'),
        ('"é"', True, r'"\u00e9"'),
        ('"🙂"', True, r'"\ud83d\ude42"'),
        ('"\u202e\x7f"', False, r'"\u202e\u007f"'),
        ('"\U000e0001"', False, r'"\udb40\udc01"'),
    ],
)
def test_json_escapes_are_those_of_json(document: str, *, ascii_only: bool, expected: str) -> None:
    assert escape_json(document, ascii_only=ascii_only) == expected
