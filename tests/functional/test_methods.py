"""Every method that a node answers is called by some functional test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from parley.node.commands import ALL_COMMANDS
from parley.node.registry import Audience

pytestmark = pytest.mark.functional

CALLS = {"owner": Audience.OWNER, "foreign": Audience.FOREIGN}


def called() -> set[tuple[Audience, str]]:
    """Find the calls `node.owner("method", ...)` and `node.foreign("method", ...)` in the tests.

    They are read, not recorded while tests run: which tests run, and in how many processes, then makes no difference.
    """
    found: set[tuple[Audience, str]] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr=str(attribute)), args=[ast.Constant(value=str(method)), *_]):
                    if attribute in CALLS:
                        found.add((CALLS[attribute], method))
    return found


def test_every_method_is_called() -> None:
    answered = {
        (command.audience, command.method) for command in ALL_COMMANDS if command.audience is not Audience.LOCAL
    }
    assert answered - called() == set()


def test_the_reader_finds_calls() -> None:
    assert (Audience.OWNER, "push_message") in called()
    assert (Audience.FOREIGN, "peer_hello") in called()
    assert (Audience.OWNER, "peer_hello") not in called()
