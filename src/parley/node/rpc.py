"""One address of JSON-RPC: decode, find the command, run it, encode what it says.

The body decides everything; nothing of it is ever repeated in an error. A refusal, an error of ours and a bug
all leave as a JSON-RPC error with a documented code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from prometheus_client import Counter

from parley.adapters.jsonrpc.calls import Call, encode_batch, encode_error, encode_ok, encode_result, parse_calls
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ErrorCode, ParleyError, Rejected
from parley.node.metrics import Metrics
from parley.node.registry import Audience, Command, RawResult, Refusal, Registry
from parley.node.supervise import Supervisor

__all__ = ["RpcAddress"]

Run = Callable[[Command, msgspec.Struct], Awaitable[Any]]


class RpcAddress:
    """Answers request bodies for one audience."""

    def __init__(self, registry: Registry, audience: Audience, *, metrics: Metrics, supervisor: Supervisor) -> None:
        """Serve the commands of an audience."""
        self._registry = registry
        self._audience = audience
        self._metrics = metrics
        self._supervisor = supervisor
        self._counters: dict[tuple[str, str], Counter] = {}

    async def answer(self, body: bytes, run: Run) -> bytes:
        """Answer one request body.

        Args:
            body: at most the limit of the address.
            run: calls a command with its parameters on behalf of whoever sent the body.

        Returns:
            The JSON body of the answer; empty when only notifications came.
        """
        request = parse_calls(body)
        if isinstance(request, Rejected):
            self._count("unknown", request)
            return encode_error(None, request)
        answers = [await self._answer_call(call, run) for call in request.calls]
        return encode_batch(answer for answer in answers if answer) if request.is_batch else answers[0]

    async def _answer_call(self, call: Call | Rejected, run: Run) -> bytes:
        if isinstance(call, Rejected):
            self._count("unknown", call)
            return encode_error(None, call)
        command = self._registry.find(self._audience, call.method)
        outcome = await self._outcome(command, call, run)
        self._count("unknown" if command is None else command.method, outcome)
        if call.is_notification:
            return b""
        match outcome:
            case RawResult(json=json):
                return encode_result(call.id, json)
            case Refusal(rejected=rejected, data=data):
                return encode_error(call.id, rejected, data=data)
            case Rejected() | ParleyError():
                return encode_error(call.id, outcome)
            case _:
                return encode_result(call.id, encode_ok(msgspec.json.encode(outcome)))

    async def _outcome(self, command: Command | None, call: Call, run: Run) -> Any:  # noqa: ANN401  # any result
        if command is None:
            return Rejected(ErrorCode.METHOD_NOT_FOUND)
        parameters = parse_params(call.params, command.parameters)
        if isinstance(parameters, Rejected):
            return parameters
        try:
            return await self._supervisor.call(run(command, parameters), command.method)
        except ParleyError as error:
            return error

    def _count(self, method: str, outcome: object) -> None:
        refused = outcome.rejected if isinstance(outcome, Refusal) else outcome
        name = refused.code.name.lower() if isinstance(refused, Rejected | ParleyError) else "ok"
        counter = self._counters.get((method, name))
        if counter is None:
            counter = self._counters[method, name] = self._metrics.calls.labels(self._audience.value, method, name)
        counter.inc()
