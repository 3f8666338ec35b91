"""Prints for people or for programs: what `parley.node.program.Output` asks for, on two text streams.

On a terminal there are colours, framed tables and a spinner; anywhere else lines of text with tabs between the
columns, which is safe to cut as tabs inside a cell are escaped. rich is loaded for a terminal only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec

from parley.cli.escaping import escape_json, escape_text
from parley.errors import ErrorCode, Fact, ParleyError, PeerError, Rejected, UnavailableError
from parley.node.program import Progress, Tone

if TYPE_CHECKING:  # slow to load
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["StreamOutput", "refusal_document"]

_STYLES: Final[Mapping[Tone, str]] = {
    Tone.PLAIN: "",
    Tone.HEADING: "bold",
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.FAINT: "dim",
}
_MS_PER_SECOND: Final = 1_000


class StreamOutput:
    """An `Output` on a pair of streams, such as stdout and stderr."""

    def __init__(self, stdout: TextIO, stderr: TextIO, *, is_json: bool) -> None:
        """Print results to the first stream, refusals and progress to the second."""
        self._stdout = stdout
        self._stderr = stderr
        self._is_json = is_json
        self._has_terminal = stdout.isatty()

    @property
    def is_json(self) -> bool:
        """Whether --json was given."""
        return self._is_json

    def result(self, value: object) -> None:
        """Print what was asked for: one JSON document, or for people as a table of the same."""
        if self._is_json:
            self.document(value)
        else:
            self._show(msgspec.to_builtins(value))

    def document(self, value: object) -> None:
        """Print one JSON document with --json; nothing without."""
        if self._is_json:
            _write_json(self._stdout, value)

    def item(self, value: object, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Print one of a stream: a line of JSON with --json, otherwise the text as a line."""
        self.document(value)
        self.line(text, tone)

    def line(self, text: str = "", tone: Tone = Tone.PLAIN) -> None:
        """Print a line for people; nothing with --json."""
        if not self._is_json:
            _write_line(self._stdout, text, tone)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Print a table for people; nothing with --json."""
        if self._is_json:
            return
        names = [escape_text(column) for column in columns]
        cells = [[escape_text(_cell(value)) for value in row] for row in rows]
        if self._has_terminal:
            _print_table(self._stdout, names, cells, title)
            return
        lines = ["\t".join(row) for row in (names, *cells)]
        if title:
            lines.insert(0, escape_text(title))
        self._stdout.write("\n".join(lines) + "\n")
        self._stdout.flush()

    def refuse(self, refusal: ParleyError | Rejected) -> None:
        """Say on stderr what is wrong and what to do; one JSON document there with --json."""
        if self._is_json:
            _write_json(self._stderr, refusal_document(refusal))
            return
        _write_line(self._stderr, f"parley: {refusal}", Tone.BAD)
        if isinstance(refusal, PeerError) and refusal.untrusted_text:
            _write_line(self._stderr, f"  it said: {refusal.untrusted_text}", Tone.FAINT)
        _write_line(self._stderr, f"  next: {refusal.code.next_step}")

    def refuse_words(self, message: str, next_step: str) -> None:
        """Say on stderr what is wrong with the command line or its files, and what to do; for what has no code."""
        if self._is_json:
            code = ErrorCode.INVALID_ARGUMENT
            error = {"code": int(code), "name": code.name, "message": message, "facts": {}, "next": next_step}
            _write_json(self._stderr, {"error": error})
            return
        _write_line(self._stderr, f"parley: {message}", Tone.BAD)
        _write_line(self._stderr, f"  next: {next_step}")

    @contextmanager
    def progress(self, title: str, *, total: int | None = None, budget_ms: int | None = None) -> Iterator[Progress]:
        """Show on stderr that long work is under way, when that is a terminal and --json was not given."""
        if self._is_json or not self._stderr.isatty():
            yield _Unseen()
            return
        bar = _make_bar(self._stderr, budget_ms, has_total=total is not None)
        with bar:
            yield _Seen(bar, bar.add_task(escape_text(title), total=total, note=""))

    def _show(self, value: Any) -> None:  # noqa: ANN401  # any JSON
        """Print any JSON value in the form that fits it."""
        match value:
            case None:
                self.line("done")
            case dict():
                self.table(("name", "value"), list(_flatten(value)))
            case [dict(), *_] if all(isinstance(member, dict) for member in value):
                columns = list(dict.fromkeys(name for member in value for name in member))
                self.table(columns, [[member.get(name) for name in columns] for member in value])
            case []:
                self.line("nothing")
            case list():
                for member in value:
                    self.line(_cell(member))
            case _:
                self.line(_cell(value))


def refusal_document(refusal: ParleyError | Rejected) -> dict[str, object]:
    """Return `{"error": {"code", "name", "message", "facts", "next"}}`, with retry_after_ms where it is known."""
    facts: dict[str, Fact] = dict(refusal.facts)
    error: dict[str, object] = {
        "code": int(refusal.code),
        "name": refusal.code.name,
        "message": str(refusal),
        "facts": facts,
        "next": refusal.code.next_step,
    }
    if isinstance(refusal, UnavailableError):
        error["retry_after_ms"] = refusal.retry_after_ms
    if isinstance(refusal, PeerError) and refusal.untrusted_text:
        error["untrusted_text"] = refusal.untrusted_text
    return {"error": error}


class _Unseen:
    def advance(self, done: int, note: str = "") -> None:
        """Show nothing: nobody looks."""


class _Seen:
    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def advance(self, done: int, note: str = "") -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, note=escape_text(note))


def _write_json(stream: TextIO, value: object) -> None:
    has_unicode = (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf8")
    stream.write(escape_json(msgspec.json.encode(value).decode(), ascii_only=not has_unicode) + "\n")
    stream.flush()


def _write_line(stream: TextIO, text: str, tone: Tone = Tone.PLAIN) -> None:
    if _STYLES[tone] and stream.isatty():
        from rich.text import Text  # slow to load

        _make_console(stream).print(Text(escape_text(text), _STYLES[tone]), soft_wrap=True)
    else:
        stream.write(escape_text(text) + "\n")
    stream.flush()


def _make_console(stream: TextIO) -> Console:
    from rich.console import Console  # slow to load

    return Console(file=stream, markup=False, emoji=False, highlight=False)


def _print_table(stream: TextIO, columns: Sequence[str], cells: list[list[str]], title: str) -> None:
    from rich import box  # slow to load
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(escape_text(title)) if title else None, title_justify="left")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    _make_console(stream).print(table)
    stream.flush()


def _make_bar(stream: TextIO, budget_ms: int | None, *, has_total: bool) -> Bar:
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn  # slow to load
    from rich.progress import Progress as Bar

    budget = "" if budget_ms is None else f"of at most {budget_ms / _MS_PER_SECOND:g} s"
    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *([BarColumn()] if has_total else ()),
        TimeElapsedColumn(),
        TextColumn(budget, markup=False),
        TextColumn("{task.fields[note]}", markup=False),
        console=_make_console(stream),
        transient=True,
    )


def _flatten(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    for name, member in value.items():
        if isinstance(member, dict) and member:
            yield from _flatten(member, f"{before}{name}.")
        else:
            yield f"{before}{name}", member


def _cell(value: Any) -> str:  # noqa: ANN401  # any JSON
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case list() | tuple() if all(isinstance(member, str) for member in value):
            return ", ".join(value)
        case list() | tuple() | dict():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)
