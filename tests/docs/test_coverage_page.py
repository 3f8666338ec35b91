"""The coverage page names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "coverage.md"


def test_every_test_that_the_contract_part_names_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 111
    for file, name in named:
        assert f"def {name}(" in (ROOT / "tests" / "onchain" / file).read_text(encoding="utf-8"), (file, name)


def test_each_of_the_111_contract_titles_has_its_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition("| group | title | test |\n|---|---|---|\n")[2].partition("\n\n")[0]
    assert len(section.splitlines()) == 111


def test_every_test_that_is_named_with_its_folder_exists() -> None:
    named = re.findall(r"`((?:\w+/)+test_\w+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 25
    for file, name in named:
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), (file, name)
