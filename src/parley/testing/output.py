"""An output that keeps what a command prints, for tests of local commands and for nodes inside another program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from parley.errors import ParleyError, Rejected
from parley.node.program import Progress, Tone

__all__ = ["KeptOutput"]


@dataclass(slots=True)
class KeptOutput:
    """A `parley.node.program.Output` that prints nothing.

    Attributes:
        is_json: whether --json is played.
        lines: what people would see, in order; the cells of a table stand with tabs between them.
        documents: what programs would see, in order.
        refusals: what would stand on stderr, in order.
    """

    is_json: bool = False
    lines: list[str] = field(default_factory=list)
    documents: list[object] = field(default_factory=list)
    refusals: list[ParleyError | Rejected] = field(default_factory=list)

    def result(self, value: object) -> None:
        """Keep a result."""
        self.item(value, str(value))

    def document(self, value: object) -> None:
        """Keep a document."""
        if self.is_json:
            self.documents.append(value)

    def item(self, value: object, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Keep one of a stream."""
        self.document(value)
        self.line(text, tone)

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        """Keep a line."""
        del tone
        if not self.is_json:
            self.lines.append(text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Keep a table as lines."""
        for text in ([title] if title else []) + ["\t".join(map(str, row)) for row in (columns, *rows)]:
            self.line(text)

    def refuse(self, refusal: ParleyError | Rejected) -> None:
        """Keep a refusal."""
        self.refusals.append(refusal)

    @contextmanager
    def progress(self, title: str, *, total: int | None = None, budget_ms: int | None = None) -> Iterator[Progress]:
        """Show nothing."""
        del title, total, budget_ms
        yield _Unseen()


class _Unseen:
    def advance(self, done: int, note: str = "") -> None:
        """Show nothing."""
