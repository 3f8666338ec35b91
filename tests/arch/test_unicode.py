"""No character in the tree passes for another or hides."""

from __future__ import annotations

import pytest

from tests.arch.sources import ROOT
from tools.ban_unicode import find_in_text, find_in_tree


@pytest.mark.parametrize(
    ("code_point", "name"),
    [
        (0x0430, "CYRILLIC SMALL LETTER A"),
        (0x03BF, "GREEK SMALL LETTER OMICRON"),
        (0x202E, "RIGHT-TO-LEFT OVERRIDE"),
        (0x200B, "ZERO WIDTH SPACE"),
        (0x0301, "COMBINING ACUTE ACCENT"),
        (0x2028, "LINE SEPARATOR"),
    ],
)
def test_a_look_alike_or_hidden_character_is_found(code_point: int, name: str) -> None:
    findings = find_in_text("a.py", f"one\nt{chr(code_point)}o\n")
    assert [str(finding) for finding in findings] == [f"a.py:2: U+{code_point:04X} {name}"]


def test_plain_text_arrows_and_accented_letters_pass() -> None:
    assert list(find_in_text("a.md", "\u00e9t\u00e9 \u2192 5 \u00d7 \u03bb \u2264 9\tend\n")) == []


def test_the_tree_has_none() -> None:
    assert [str(finding) for finding in find_in_tree(ROOT)] == []
