"""The program around click: what goes wrong becomes an exit code and a text that says what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

import click

from parley.cli.conventions import DONE, FAILED, PROGRAM_NAME, WRONG_USAGE
from parley.cli.tree import Capability, Invocation, make_root

if TYPE_CHECKING:  # slow to load
    from starlette.types import ASGIApp

    from parley.node.registry import Registry
    from parley.node.wiring import Node

__all__ = ["run"]


def run(
    arguments: Sequence[str],
    *,
    capabilities: Iterable[Capability],
    load_registry: Callable[[], Registry],
    pages: Callable[[Node], ASGIApp] | None = None,
) -> int:
    """Run the command line on the streams and the environment of this process.

    Args:
        arguments: without the program's name.
        capabilities: the words that may come first.
        load_registry: puts a node's commands together, for what runs one.
        pages: makes a node's web page.

    Returns:
        0 done, 1 refused, failed or interrupted, 2 wrong usage.
    """

    def start(invocation: Invocation) -> int:
        from parley.cli.invoking import invoke  # slow to load
        from parley.cli.output import StreamOutput
        from parley.node.program import Program

        program = Program(
            load_registry=load_registry,
            output=StreamOutput(sys.stdout, sys.stderr, is_json=invocation.is_json),
            data_dir=invocation.data_dir,
            environment=os.environ,
            pages=pages,
        )
        return invoke(invocation, program)

    for stream in (sys.stdout, sys.stderr):
        _survive_any_text(stream)
    try:
        return _run_click(make_root(capabilities, start), arguments)
    except (KeyboardInterrupt, click.Abort):  # click has ended the line that ^C stands on
        return FAILED
    except BrokenPipeError:  # whoever read has gone, and knows it
        _discard_the_rest()
        return FAILED
    except OSError as error:  # a file that cannot be written, a disk that is full
        _refuse(arguments, f"{error.strerror}: {error.filename or 'standard output'}", "make room, or name another")
        _discard_the_rest()
        return FAILED


def _run_click(root: click.Group, arguments: Sequence[str]) -> int:
    try:
        code = root.main(list(arguments), prog_name=PROGRAM_NAME, standalone_mode=False)
    except click.UsageError as error:
        path = PROGRAM_NAME if error.ctx is None else error.ctx.command_path
        _refuse(arguments, error.format_message(), f"see {path} --help")
        return WRONG_USAGE
    except SystemExit as exit_:  # click ends a completion, and a broken pipe, by itself
        return exit_.code if isinstance(exit_.code, int) else FAILED
    return code if isinstance(code, int) else DONE


def _refuse(arguments: Sequence[str], message: str, next_step: str) -> None:
    from parley.cli.output import StreamOutput  # slow to load

    StreamOutput(sys.stdout, sys.stderr, is_json="--json" in arguments).refuse_words(message, next_step)


def _discard_the_rest() -> None:
    """Leave Python nothing to complain about when it flushes what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def _survive_any_text(stream: TextIO) -> None:
    """Let a character that the stream's encoding lacks be printed as an escape, not end the program."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
