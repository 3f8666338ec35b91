"""The sources of the package as syntax trees, read once per run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "Source", "from_text", "package_sources", "python_sources"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file.

    Attributes:
        name: path relative to the root of the tree, with slashes.
        text: its content.
        tree: its syntax tree.
    """

    name: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name by which a file below src/ is imported."""
        parts = list(Path(self.name).with_suffix("").parts[1:])
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def at(self, node: ast.stmt | ast.expr | ast.arg | ast.ExceptHandler, what: str) -> str:
        """Return one finding, in a form an editor can jump to."""
        return f"{self.name}:{node.lineno}: {what}"


def from_text(text: str, name: str = "src/parley/example.py") -> Source:
    """Make a source of a text, to try a rule on a known offender."""
    return Source(name, text, ast.parse(text))


@cache
def python_sources(folder: str) -> tuple[Source, ...]:
    """Return every Python file below one folder of the tree, in order of path."""
    return tuple(
        from_text(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def package_sources() -> Iterator[Source]:
    """Yield every module of the package."""
    yield from python_sources("src/parley")
