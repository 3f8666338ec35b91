"""One address of JSON-RPC: decode, find the command, run it, encode what it says.

The body decides everything; nothing of it is ever repeated in an error. A refusal, an error of ours and a bug
all leave as a JSON-RPC error with a documented code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec
from prometheus_client import Counter

from parley.adapters.jsonrpc.calls import Call, encode_batch, encode_error, encode_ok, encode_result, parse_calls
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ErrorCode, ParleyError, Rejected
from parley.node.metrics import Metrics
from parley.node.registry import Audience, Command, RawResult, Refusal, Registry
from parley.node.supervise import Supervisor

__all__ = ["RpcAddress"]

_REFUSED: Final = (Rejected, ParleyError)

Run = Callable[[Command, msgspec.Struct], Awaitable[Any]]


class RpcAddress:
    """Answers request bodies for one audience."""

    def __init__(self, registry: Registry, audience: Audience, *, metrics: Metrics, supervisor: Supervisor) -> None:
        """Serve the commands of an audience."""
        self._commands = registry.methods(audience)
        self._audience = audience.value
        self._metrics = metrics
        self._supervisor = supervisor
        self._counters: dict[tuple[str, str], Counter] = {}

    def answer(self, body: bytes, run: Run) -> Awaitable[bytes]:
        """Answer one request body.

        Args:
            body: at most the limit of the address.
            run: calls a command with its parameters on behalf of whoever sent the body.

        Returns:
            The JSON body of the answer; empty when only notifications came.
        """
        request = parse_calls(body)
        if isinstance(request, Rejected):
            return self._answer_call(request, run)
        return self._answer_batch(request.calls, run) if request.is_batch else self._answer_call(request.calls[0], run)

    async def _answer_batch(self, calls: Iterable[Call | Rejected], run: Run) -> bytes:
        answers = [await self._answer_call(call, run) for call in calls]
        return encode_batch(answer for answer in answers if answer)

    async def _answer_call(self, call: Call | Rejected, run: Run) -> bytes:
        if isinstance(call, Rejected):
            self._count("unknown", call)
            return encode_error(None, call)
        command = self._commands.get(call.method)
        if command is None:
            outcome: Any = Rejected(ErrorCode.METHOD_NOT_FOUND)
        else:
            outcome = parse_params(call.params, command.parameters)
            if not isinstance(outcome, Rejected):
                outcome = await self._supervisor.call(run(command, outcome), command.method)
        self._count("unknown" if command is None else command.method, outcome)
        if call.is_notification:
            return b""
        if isinstance(outcome, RawResult):
            return encode_result(call.id, outcome.json)
        if isinstance(outcome, Refusal):
            return encode_error(call.id, outcome.rejected, data=outcome.data)
        if isinstance(outcome, _REFUSED):
            return encode_error(call.id, outcome)
        return encode_result(call.id, encode_ok(msgspec.json.encode(outcome)))

    def _count(self, method: str, outcome: object) -> None:
        refused = outcome.rejected if isinstance(outcome, Refusal) else outcome
        name = refused.code.name.lower() if isinstance(refused, _REFUSED) else "ok"
        counter = self._counters.get((method, name))
        if counter is None:
            counter = self._counters[method, name] = self._metrics.calls.labels(self._audience, method, name)
        counter.inc()
