"""JSON-RPC 2.0: bytes in, bytes out. What comes from outside stands in no answer but where the protocol wants it.

    {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    {"jsonrpc": "2.0", "id": 1, "result": "0x4"}

An error has the codes and the words of Ethereum's nodes, as tools look for them: 3 and "execution reverted: reason"
with the data of the revert, -32000 for what a chain refuses, -32602 for parameters of another form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from parley.devchains.evm.accounts import DevelopmentAccount
from parley.devchains.evm.deployment import Deployment
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.rpc_acting import ACTING_METHODS
from parley.devchains.evm.rpc_reading import READING_METHODS, Method
from parley.devchains.evm.rpc_scope import Refused, Scope
from parley.errors import PeerError, UnavailableError

__all__ = ["RPC_METHODS", "RpcServer"]

_BATCH_MAX: Final = 100
_ID_MAX_CHARACTERS: Final = 200
_PARSE_ERROR: Final = Refused(-32_700, "parse error")
_INVALID_REQUEST: Final = Refused(-32_600, "invalid request")
_UNAVAILABLE: Final = Refused(-32_603, "the chain does not answer")
_NOT_FOUND_CODE: Final = -32_601
_INVALID_PARAMS_CODE: Final = -32_602

RPC_METHODS: Final[Mapping[str, Method]] = {
    **READING_METHODS,
    **ACTING_METHODS,
    "web3_clientVersion": Method(lambda _: "parley/devchain"),
    "net_peerCount": Method(lambda _: "0x0"),
}
"""All methods by name."""


class RpcServer:
    """Answers request bodies about one chain."""

    def __init__(
        self, local: LocalChain, deployment: Deployment | None = None, accounts: Iterable[DevelopmentAccount] = ()
    ) -> None:
        """Serve a chain.

        Args:
            local: the chain.
            deployment: where its contracts are.
            accounts: for which the server signs when it is asked to.
        """
        self._scope = Scope(local, deployment, {account.address: account for account in accounts})

    def answer(self, body: bytes) -> bytes:
        """Answer one request body, which may be a batch.

        Args:
            body: of any content, its size limited by the caller.

        Returns:
            JSON; empty where nothing but notifications came.
        """
        requests = self._read(body)
        return requests if isinstance(requests, bytes) else _joined([self._answer_one(one) for one in requests])

    async def answer_in_turns(self, body: bytes) -> bytes:
        """Answer as `answer` does, but let others come in between the requests of a batch.

        Args:
            body: as of `answer`.
        """
        requests = self._read(body)
        if isinstance(requests, bytes):
            return requests
        answers = []
        for one in requests:
            answers.append(self._answer_one(one))
            await asyncio.sleep(0)
        return _joined(answers)

    def _read(self, body: bytes) -> list[Any] | bytes:
        """Return the requests of a batch; or the answer, where it is none."""
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _encode(None, _PARSE_ERROR)
        if not isinstance(request, list):
            return self._answer_one(request)
        return request if 1 <= len(request) <= _BATCH_MAX else _encode(None, _INVALID_REQUEST)

    def _answer_one(self, request: Any) -> bytes:  # noqa: ANN401  # whatever JSON can hold
        match request:
            case {"jsonrpc": "2.0", "method": str(name), "id": None | int() | float() | str() as number} if (
                not isinstance(number, str) or len(number) <= _ID_MAX_CHARACTERS
            ):
                return _encode(number, self._run(name, request.get("params")))
            case {"jsonrpc": "2.0", "method": str(name)} if "id" not in request:
                self._run(name, request.get("params"))
                return b""
            case _:
                return _encode(None, _INVALID_REQUEST)

    def _run(self, name: str, params: Any) -> Any:  # noqa: ANN401  # whatever JSON can hold
        method = RPC_METHODS.get(name)
        if method is None:
            return Refused(_NOT_FOUND_CODE, "the method does not exist or is not available")
        given = [] if params is None else params
        if not isinstance(given, list) or not method.least <= len(given) <= method.most:
            return Refused(_INVALID_PARAMS_CODE, f"invalid params: {method.least} to {method.most} of them, in a list")
        try:
            return method.run(self._scope, *given)
        except PeerError as error:
            return Refused(_INVALID_PARAMS_CODE, f"invalid params: {error}")
        except UnavailableError:
            return _UNAVAILABLE


def _joined(answers: list[bytes]) -> bytes:
    some = [answer for answer in answers if answer]
    return b"[" + b",".join(some) + b"]" if some else b""


def _encode(number: float | str | None, result: Any) -> bytes:  # noqa: ANN401  # whatever JSON can hold
    if not isinstance(result, Refused):
        return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "result": result})
    error: dict[str, object] = {"code": result.code, "message": result.message}
    if result.data is not None:
        error["data"] = result.data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "error": error})
