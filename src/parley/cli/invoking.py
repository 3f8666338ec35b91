"""Runs one command: an owner's over the running node, a local one in this process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from inspect import isawaitable
from typing import TYPE_CHECKING, Final

from parley.cli.client import connect
from parley.cli.conventions import DONE, FAILED, WRONG_USAGE
from parley.cli.tree import Invocation
from parley.cli.views import VIEWS
from parley.errors import ErrorCode, LocalError, ParleyError, Rejected
from parley.node.program import Program
from parley.node.registry import Audience

if TYPE_CHECKING:  # slow to load
    from asyncio import AbstractEventLoop

__all__ = ["invoke"]

_NS_PER_MS: Final = 1_000_000
_BUDGET_FLOOR_MS: Final = 60_000


def invoke(invocation: Invocation, program: Program) -> int:
    """Run a command and print what it says.

    Args:
        invocation: of an owner's or a local command.
        program: what it runs in.

    Returns:
        The exit code.
    """
    command = invocation.command
    try:
        if command.audience is Audience.OWNER:
            return _ask_node(invocation, program)
        if command.audience is Audience.LOCAL:
            outcome = command.run(program, invocation.parameters)
            code: int = _run_loop(outcome) if isawaitable(outcome) else outcome
            return code
        raise LocalError(ErrorCode.INVALID_ARGUMENT, method=command.method, audience=command.audience.value)
    except ParleyError as error:
        program.output.refuse(error)
        return FAILED


def _ask_node(invocation: Invocation, program: Program) -> int:
    output, command, parameters = program.output, invocation.command, invocation.parameters
    client, config = connect(program.data_dir, program.environment)
    view = None if output.is_json else VIEWS.get(command.method)
    params = {**invocation.members, **({} if view is None else view.params)}
    is_deep = getattr(parameters, "deepness", 1) > 1
    budget_ms = getattr(parameters, "budget_ms", None) or config.pool.budget_ms
    with output.progress("asking the network", budget_ms=budget_ms) if is_deep else nullcontext():
        result = client.call(command.method, params, budget_ms=max(budget_ms, _BUDGET_FLOOR_MS))
    if isinstance(result, Rejected):
        output.refuse(result)
        return WRONG_USAGE if result.code is ErrorCode.INVALID_PARAMS else FAILED
    if view is not None:
        view.show(output, result, time.time_ns() // _NS_PER_MS)
    else:
        output.result(result.get("Ok") if result.keys() <= {"Ok"} else result)
    return DONE


def _run_loop(work: Awaitable[int]) -> int:
    """Wait for a local command in an event loop of its own; Ctrl-C cancels it first, then raises."""
    import asyncio  # slow to load

    async def run() -> int:
        return await work

    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        return runner.run(run())


def _fast_loop() -> Callable[[], AbstractEventLoop] | None:
    """Return what makes the loop that nodes are measured with, where there is one."""
    try:
        import uvloop  # slow to load
    except ImportError:
        return None
    return uvloop.new_event_loop
