"""Ban characters that look like others: a Cyrillic letter in a name, a hidden character in a line.

Run as a program it prints each finding as `path:line: character` and ends with 1; silent otherwise.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "find_in_text", "find_in_tree", "main"]

FOLDERS = ("src", "tests", "bench", "fuzz", "examples", "docs", "tools", "vectors", ".ci")
ROOT_FILES = ("*.md", "*.toml", "*.py", "Makefile", "LICENSE")
TEXT_SUFFIXES = frozenset({"", ".css", ".html", ".js", ".md", ".py", ".sh", ".toml", ".txt"})

# Letters of formulas and units that no reader takes for a Latin letter.
ALLOWED_LETTERS = frozenset("λπσθΔΣΩµμ")


@dataclass(frozen=True, slots=True)
class Finding:
    """One banned character.

    Attributes:
        path: of the file, relative to the root of the tree.
        line: counted from 1.
        character: the character itself.
    """

    path: str
    line: int
    character: str

    def __str__(self) -> str:
        """Return the finding as an editor can jump to it, with the character spelt out."""
        name = unicodedata.name(self.character, "unnamed")
        return f"{self.path}:{self.line}: U+{ord(self.character):04X} {name}"


def is_banned(character: str) -> bool:
    """Say whether a character is a letter of another script, invisible, or a control."""
    if character.isascii():
        return unicodedata.category(character) == "Cc" and character not in "\n\t"
    kind = unicodedata.category(character)
    if kind.startswith("L"):
        # Accented Latin letters of names and prose are plain to see; other scripts may pass for Latin.
        return character not in ALLOWED_LETTERS and not ("À" <= character <= "ÿ")
    return kind in {"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Mc", "Zl", "Zp"}


def find_in_text(path: str, text: str) -> Iterator[Finding]:
    """Yield each banned character of one file, in order."""
    for number, line in enumerate(text.split("\n"), start=1):
        for character in line:
            if is_banned(character):
                yield Finding(path, number, character)


def _files(root: Path) -> Iterable[Path]:
    for pattern in ROOT_FILES:
        yield from sorted(root.glob(pattern))
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
                yield path


def find_in_tree(root: Path) -> list[Finding]:
    """Return every banned character of the project whose root is given; files must be UTF-8."""
    return [
        finding
        for path in _files(root)
        for finding in find_in_text(str(path.relative_to(root)), path.read_text(encoding="utf-8"))
    ]


def main() -> int:
    """Print the findings and return the exit status: 0 without findings, 1 with some."""
    findings = find_in_tree(Path(__file__).resolve().parents[1])
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
