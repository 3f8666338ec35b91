"""What a LOCAL command is given: the registry, the pages, where to print, and what was said on the command line.

    async def verify(program: Program, parameters: Verify) -> int:      # or a plain `def`; the exit code is returned
        ...
        program.output.line("the transcript holds", Tone.GOOD)          # for people; nothing with --json
        program.output.document({"valid": True})                        # for programs; nothing without --json
        return 0                                                        # 0 done, 1 refused or failed

`output.result(value)` does both at once: the JSON document, or a plain table of the same. A `ParleyError` that
escapes is printed with its next step, and the exit code is 1; so is a `Rejected` given to `output.refuse`. With --json
a command prints exactly one document on stdout, unless it is a stream of `item`s.

The command line is made from the fields of the parameters: a field named in `Command.arguments` is given by place,
a bool is a flag, a list is an option that may repeat, a struct is read from a JSON file. `Meta(description=...)` is
its help, `Meta(title="HOST:PORT")` what stands for its value there, and `Meta(extra={"stdin": True})` lets `-`
read a text from standard input. `--data-dir` and `--json` belong to every command: no struct declares them; the
directory is `program.data_dir`.

`parley --help` must be quick: modules with commands import what is slow to load (aiohttp, uvicorn, matplotlib)
inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from parley.errors import ParleyError, Rejected
from parley.node.registry import Registry

if TYPE_CHECKING:  # both are slow to load, and most commands need neither
    from starlette.types import ASGIApp

    from parley.node.wiring import Node

__all__ = ["Output", "Program", "Progress", "Tone"]


class Tone(Enum):
    """How a line is meant; on a terminal it has a colour."""

    PLAIN = "plain"
    HEADING = "heading"
    GOOD = "good"
    BAD = "bad"
    FAINT = "faint"


class Progress(Protocol):
    """Long work that is under way."""

    def advance(self, done: int, note: str = "") -> None:
        """Say how much is done in all, of the total, and optionally what is being done now."""


class Output(Protocol):
    """Where a command prints.

    Every text may come from a remote: control characters, line ends and marks of direction are shown as escapes, and
    nothing in it is taken for markup. One call of `line` is one line.
    """

    @property
    def is_json(self) -> bool:
        """Whether --json was given."""

    def result(self, value: object) -> None:
        """Print what was asked for: one JSON document, or for people as a table of the same.

        Args:
            value: JSON-able (msgspec structs too).
        """

    def document(self, value: object) -> None:
        """Print one JSON document with --json; nothing without."""

    def item(self, value: object, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Print one of a stream: a line of JSON with --json, otherwise the text as a line."""

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        """Print a line for people; nothing with --json."""

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Print a table for people; nothing with --json."""

    def refuse(self, refusal: ParleyError | Rejected) -> None:
        """Say on stderr what is wrong and what to do; one JSON document there with --json."""

    def progress(
        self, title: str, *, total: int | None = None, budget_ms: int | None = None
    ) -> AbstractContextManager[Progress]:
        """Show on stderr that long work is under way, when that is a terminal and --json was not given.

        Args:
            title: what is under way.
            total: how much there is to do; None when unknown.
            budget_ms: the longest it may take, shown beside the elapsed time.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The program that a LOCAL command runs in.

    Attributes:
        load_registry: puts a node's commands together; slow, so a command that needs none does without.
        output: where to print.
        data_dir: as given with --data-dir; None when it was not given. `load_config(flags={"data_dir": ...})` takes
            it as it is.
        environment: the variables of the process.
        pages: makes the web page of a node; None when there is none.
    """

    load_registry: Callable[[], Registry]
    output: Output
    data_dir: str | None
    environment: Mapping[str, str]
    pages: Callable[[Node], ASGIApp] | None = None

    @property
    def registry(self) -> Registry:
        """All commands of a node."""
        return self.load_registry()
