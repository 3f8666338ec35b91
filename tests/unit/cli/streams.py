"""Streams that tests print to: one that says it is a terminal, and one with a given encoding."""

from __future__ import annotations

import io

__all__ = ["EncodedStream", "Terminal"]


class Terminal(io.StringIO):
    """Says that somebody looks."""

    def isatty(self) -> bool:
        return True


class EncodedStream(io.TextIOWrapper):
    """A pipe with an encoding of its own."""

    def __init__(self, encoding: str) -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding)
