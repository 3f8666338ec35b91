"""The one registry of commands: the command line, JSON-RPC, OpenRPC and the reference are made from it.

A command is data: its words, its method name, the struct of its parameters, and the function that runs it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

import msgspec

from parley.errors import ErrorCode, LocalError, Rejected

__all__ = ["Audience", "Command", "NoParameters", "RawResult", "Refusal", "Registry"]


class Audience(Enum):
    """Who may call a command, and where it runs."""

    OWNER = "owner"
    """Whoever holds the node's secret, over `/v2/owner`."""
    FOREIGN = "foreign"
    """Peers and strangers, over `/v2/foreign`."""
    LOCAL = "local"
    """The command line alone, in its own process."""


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Takes no parameters."""


class RawResult:
    """The bytes of a whole JSON result, encoded already."""

    __slots__ = ("json",)

    def __init__(self, json: bytes) -> None:
        """Keep the bytes."""
        self.json = json


class Refusal:
    """A refusal together with what its data carries beside the facts."""

    __slots__ = ("data", "rejected")

    def __init__(self, rejected: Rejected, **data: Any) -> None:  # noqa: ANN401  # whatever JSON can hold
        """Keep both."""
        self.rejected = rejected
        self.data = data


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that can be asked for.

    Attributes:
        method: JSON-RPC name, or the name of a local command.
        audience: who may call it.
        parameters: struct whose fields are the parameters; a field's `Meta(description=...)` is its help.
        run: what does it. OWNER: (node, parameters) -> result; FOREIGN: (node, parameters, caller) -> result;
            LOCAL: (program, parameters) -> exit code. An OWNER or FOREIGN result is JSON-able, or the bytes of the
            whole JSON result, or a `Rejected`.
        summary: one line.
        words: on the command line, such as ("pool", "push"); empty when it is not offered there.
        arguments: fields that are given by place on the command line; the last may be a list.
        result: what the result holds, in words.
        codes: refusals to expect.
    """

    method: str
    audience: Audience
    parameters: type[msgspec.Struct]
    run: Callable[..., Awaitable[Any] | Any]
    summary: str
    words: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    result: str = "null"
    codes: tuple[ErrorCode, ...] = ()


class Registry:
    """Commands by method and by words; names are unique within an audience."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Take the commands in.

        Raises:
            LocalError: two commands share a name.
        """
        self.commands = tuple(commands)
        by_method: dict[Audience, dict[str, Command]] = {audience: {} for audience in Audience}
        by_words: dict[tuple[str, ...], Command] = {}
        for command in self.commands:
            if by_method[command.audience].setdefault(command.method, command) is not command:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, method=command.method)
            if command.words and by_words.setdefault(command.words, command) is not command:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, words=" ".join(command.words))
        self.by_words: Mapping[tuple[str, ...], Command] = MappingProxyType(by_words)
        self._by_method = by_method

    def find(self, audience: Audience, method: str) -> Command | None:
        """Return the command of that name for that audience."""
        return self._by_method[audience].get(method)

    def methods(self, audience: Audience) -> Mapping[str, Command]:
        """Return the commands of one audience by name."""
        return MappingProxyType(self._by_method[audience])

    def of(self, audience: Audience) -> tuple[Command, ...]:
        """Return the commands of one audience, in order of registration."""
        return tuple(command for command in self.commands if command.audience is audience)
