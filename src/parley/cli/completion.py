"""`parley completion`: prints the script that teaches a shell to complete this program."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import click
import msgspec
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete
from msgspec import Meta

from parley.cli.conventions import DONE, PROGRAM_NAME
from parley.node.program import Program
from parley.node.registry import Audience, Command

__all__ = ["COMPLETION", "PrintCompletion", "print_completion"]

_VARIABLE: Final = "_PARLEY_COMPLETE"
_KINDS: Final[Mapping[str, type[ShellComplete]]] = MappingProxyType(
    {"bash": BashComplete, "fish": FishComplete, "zsh": ZshComplete}
)


class PrintCompletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `completion`."""

    shell: Annotated[Literal["bash", "fish", "zsh"], Meta(description="the shell that is to complete")]


def print_completion(program: Program, parameters: PrintCompletion) -> int:
    """Print the script for a shell."""
    kind = _KINDS[parameters.shell]
    script = kind(click.Command(PROGRAM_NAME), {}, PROGRAM_NAME, _VARIABLE).source()
    for line in script.rstrip("\n").split("\n"):
        program.output.line(line)
    program.output.document({"shell": parameters.shell, "script": script})
    return DONE


COMPLETION: Final = Command(
    method="completion",
    audience=Audience.LOCAL,
    parameters=PrintCompletion,
    run=print_completion,
    summary="Print the script that lets a shell complete this program's words.",
    words=("completion",),
    arguments=("shell",),
    result="the script; with --json {shell, script}",
)
