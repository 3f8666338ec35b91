"""Click's tree of words, made from the registry; a capability is loaded when its word is used.

parley                  CapabilityGroup: words and one line each, known without loading anything
parley pool             Group, made of the commands whose words begin with `pool`
parley pool push KEYS   Command, whose parameters are made from the fields of its struct
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from parley import __version__
from parley.cli.conventions import PROGRAM_NAME, WRONG_USAGE

if TYPE_CHECKING:  # slow to load
    import msgspec

    from parley.node.registry import Command

__all__ = ["Capability", "Invocation", "Invoke", "make_root"]

_META_JSON: Final = "parley.json"
_META_DATA_DIR: Final = "parley.data_dir"
_ABOUT: Final = "Software with which wallets that do not trust each other meet, pay and act together."
_EXIT_CODES: Final = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage."
_HELP_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command as it was called.

    Attributes:
        command: which.
        parameters: checked.
        members: what was given of them, by the names in JSON; defaults are left out.
        is_json: whether --json was given.
        data_dir: as given with --data-dir; None when it was not.
    """

    command: Command
    parameters: msgspec.Struct
    members: Mapping[str, Any]
    is_json: bool
    data_dir: str | None


Invoke = Callable[[Invocation], int]
"""Runs a command and returns the exit code."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One word after `parley`.

    Attributes:
        word: such as `pool`.
        summary: one line.
        load: imports and returns the commands that begin with the word; others among them are left out.
    """

    word: str
    summary: str
    load: Callable[[], Iterable[Command]]


def make_root(capabilities: Iterable[Capability], invoke: Invoke) -> click.Group:
    """Return the tree of words; running a leaf calls `invoke`, whose exit code is what click returns."""
    return _CapabilityGroup(tuple(capabilities), invoke)


class _CapabilityGroup(click.Group):
    """The root. Subclassed as click's documentation has it for commands that are loaded late."""

    def __init__(self, capabilities: tuple[Capability, ...], invoke: Invoke) -> None:
        super().__init__(
            name=PROGRAM_NAME,
            params=_common_options(has_version=True),
            help=_ABOUT,
            epilog=_EXIT_CODES,
            callback=_show_help_for_nothing,
            invoke_without_command=True,
            context_settings={"max_content_width": _HELP_WIDTH},
        )
        self._capabilities = {capability.word: capability for capability in capabilities}
        self._invoke = invoke

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002  # the signature is click's
        return list(self._capabilities)

    def get_command(self, context: click.Context, word: str) -> click.Command | None:  # noqa: ARG002  # as above
        capability = self._capabilities.get(word)
        if capability is None:
            return None
        commands = [command for command in capability.load() if command.words[:1] == (word,)]
        return _make_branch(word, capability.summary, commands, self._invoke, depth=1)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        with formatter.section("Capabilities"):
            formatter.write_dl([(word, one.summary) for word, one in self._capabilities.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        words = [
            CompletionItem(word, help=one.summary)
            for word, one in self._capabilities.items()
            if word.startswith(incomplete)
        ]
        return words + click.Command.shell_complete(self, context, incomplete)  # a group's would load every capability


def _make_branch(word: str, summary: str, commands: list[Command], invoke: Invoke, *, depth: int) -> click.Command:
    """Return the command of this word, or the group of the words that follow it."""
    for command in commands:
        if len(command.words) == depth:
            return _make_leaf(word, command, invoke)
    group = click.Group(
        name=word,
        help=summary,
        params=_common_options(),
        callback=_show_help_for_nothing,
        invoke_without_command=True,
    )
    for next_word in dict.fromkeys(command.words[depth] for command in commands):
        inside = [command for command in commands if command.words[depth] == next_word]
        group.add_command(_make_branch(next_word, inside[0].summary, inside, invoke, depth=depth + 1))
    return group


def _make_leaf(word: str, command: Command, invoke: Invoke) -> click.Command:
    from parley.cli.parameters import build, given_members, make_parameters  # slow to load

    def run(**values: Any) -> int:  # noqa: ANN401  # whatever the parameters are
        context = click.get_current_context()
        members = given_members(command, context, values)
        return invoke(
            Invocation(
                command,
                build(command, members),
                members,
                is_json=context.meta.get(_META_JSON, False),
                data_dir=context.meta.get(_META_DATA_DIR),
            )
        )

    return click.Command(
        name=word,
        params=[*make_parameters(command), *_common_options()],
        callback=run,
        help=_help_text(command),
        short_help=command.summary,
    )


def _help_text(command: Command) -> str:
    from parley.cli.parameters import argument_help  # slow to load

    parts = [command.summary]
    if described := argument_help(command):
        parts.append("\b\n" + "\n".join(f"{name}  {text}" for name, text in described))
    if command.result != "null":
        parts.append(f"Result: {command.result}.")
    return "\n\n".join(parts)


def _common_options(*, has_version: bool = False) -> list[click.Parameter]:
    """Return the options that stand at every word, so that they may be given anywhere."""

    def note_json(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's
        del parameter
        if value:
            context.meta[_META_JSON] = True

    def note_data_dir(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        del parameter
        if value is not None:
            context.meta[_META_DATA_DIR] = value

    return [
        click.Option(
            ["--data-dir"],
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="The node's directory. [default: PARLEY_DATA_DIR, or ~/.parley]",
            callback=note_data_dir,
            expose_value=False,
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            help="Print one JSON document; errors too, on stderr.",
            callback=note_json,
            expose_value=False,
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            hidden=not has_version,
            help="Print the version.",
            callback=_print_version,
            expose_value=False,
        ),
    ]


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's
    del parameter
    if value and not context.resilient_parsing:
        click.echo(f"{PROGRAM_NAME} {__version__}")
        context.exit()


def _show_help_for_nothing() -> None:
    """Say what can follow, when nothing did."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(WRONG_USAGE)
