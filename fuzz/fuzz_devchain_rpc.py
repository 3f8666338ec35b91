"""Bodies of requests to the server of the embedded chain: each has an answer, in JSON, that is no internal error."""

from __future__ import annotations

import json
from functools import lru_cache

from parley.devchains.evm.accounts import development_accounts
from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.rpc import RpcServer
from parley.devchains.evm.storage import MemoryStorage
from parley.errors import ErrorCode, PeerError

__all__ = ["fuzz_one"]

_INTERNAL = -32_603


@lru_cache(1)
def _server() -> RpcServer:
    local = LocalChain(MemoryStorage(), ChainConfig(accounts=1))
    return RpcServer(local, None, development_accounts(1))


def fuzz_one(data: bytes) -> None:
    """Answer a body; one that is refused counts as not read."""
    answer = _server().answer(data)
    if not answer:
        return
    document = json.loads(answer)
    answers = document if isinstance(document, list) else [document]
    codes = [one["error"]["code"] for one in answers if "error" in one]
    if _INTERNAL in codes:
        raise AssertionError("an internal error")
    if codes:
        raise PeerError(ErrorCode.INVALID_PARAMS)
