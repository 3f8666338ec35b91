"""The tables of docs/spec/peers.md say what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from parley.pool.peer_config import PeersConfig
from parley.pool.peer_scores import MISBEHAVIOUR_POINTS

PAGE = (Path(__file__).parents[2] / "docs" / "spec" / "peers.md").read_text(encoding="utf-8")


def rows(section: str, columns: int) -> list[tuple[str, ...]]:
    """Return the rows of the table of a section whose first column is a name in code."""
    text = PAGE.partition(f"\n## {section}")[2].partition("\n## ")[0]
    cells = [
        tuple(cell.strip(" `") for cell in line.strip("| ").split("|"))
        for line in re.findall(r"^\| `.*", text, re.MULTILINE)
    ]
    assert all(len(row) == columns for row in cells)
    return cells


def test_points_and_their_reasons() -> None:
    written = {name: (int(points), why) for name, points, why in rows("7.", 3)}
    assert written == {code.name: charge for code, charge in MISBEHAVIOUR_POINTS.items()}


def test_settings_and_their_defaults() -> None:
    written = {name: default for name, default, _ in rows("9.", 3)}
    assert written == {item.name: str(item.default).lower() for item in fields(PeersConfig)}
