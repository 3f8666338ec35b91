"""What the methods of the server share: the chain, the moment that a call names, and how a refusal is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from parley.devchains.evm.accounts import DevelopmentAccount
from parley.devchains.evm.blocks import MinedBlock
from parley.devchains.evm.deployment import Deployment
from parley.devchains.evm.local_chain import LocalChain, Snapshot
from parley.devchains.evm.machine import Raised, State
from parley.devchains.evm.rpc_filters import Filters
from parley.devchains.evm.rpc_forms import data_text, parse_hash, parse_quantity, wrong
from parley.primitives.ids import Address

__all__ = ["Refused", "Scope", "block_at", "known_block", "refused_call", "state_at"]

_SAFE_DEPTH: Final = 32
_FINAL_DEPTH: Final = 64
_REVERTED_CODE: Final = 3
_SERVER_CODE: Final = -32_000


@dataclass(frozen=True, slots=True)
class Refused:
    """An error of JSON-RPC, in the words of Ethereum's nodes, which tools look for.

    Attributes:
        code: of the error.
        message: of the error.
        data: what a contract reverted with, as text; None where there is none.
    """

    code: int
    message: str
    data: str | None = None


@dataclass(slots=True)
class Scope:
    """The chain that is served.

    Attributes:
        local: the chain.
        deployment: where its contracts are; None where it has none.
        accounts: for which the server signs: everybody knows their keys.
        filters: what was asked to be watched.
        snapshots: moments to return to, by number.
    """

    local: LocalChain
    deployment: Deployment | None
    accounts: dict[Address, DevelopmentAccount]
    filters: Filters = field(default_factory=Filters)
    snapshots: dict[int, Snapshot] = field(default_factory=dict)


def block_at(scope: Scope, moment: Any) -> MinedBlock | Refused:  # noqa: ANN401  # whatever JSON can hold
    """Return the block that a call names: by number, by word, or by an object with number or hash (EIP-1898).

    Raises:
        PeerError: INVALID_PARAMS: it names none.
    """
    history = scope.local.history
    match moment:
        case {"blockHash": text}:
            return history.by_hash(parse_hash(text, "blockHash")) or Refused(_SERVER_CODE, "header not found")
        case {"blockNumber": inner}:
            return block_at(scope, inner)
        case _:
            found = history.by_number(_number_of(scope, moment))
            return found or Refused(_SERVER_CODE, "header not found")


def known_block(scope: Scope, moment: Any) -> MinedBlock | None:  # noqa: ANN401  # as above
    """Return the block with a number or a word; None where there is none.

    Raises:
        PeerError: INVALID_PARAMS: it names none.
    """
    return scope.local.history.by_number(_number_of(scope, moment))


def state_at(scope: Scope, moment: Any) -> State | Refused:  # noqa: ANN401  # as above
    """Return the state after the block that a call names.

    Raises:
        PeerError: INVALID_PARAMS: it names none.
    """
    block = block_at(scope, moment)
    return block if isinstance(block, Refused) else scope.local.history.state(block)


def refused_call(raised: Raised) -> Refused:
    """Return why a call came to nothing."""
    if raised.is_late:
        return Refused(_SERVER_CODE, "execution aborted (timeout)")
    if not raised.is_revert:
        return Refused(_SERVER_CODE, "execution failed: out of gas, invalid opcode or insufficient funds for transfer")
    reason = raised.reverted().reason
    message = f"execution reverted: {reason}" if reason else "execution reverted"
    return Refused(_REVERTED_CODE, message, data_text(raised.data))


def _number_of(scope: Scope, moment: object) -> int:
    head = scope.local.head.header.number
    match moment:
        case "latest" | "pending" | None:
            return head
        case "earliest":
            return 0
        case "safe":
            return max(head - _SAFE_DEPTH, 0)
        case "finalized":
            return max(head - _FINAL_DEPTH, 0)
        case str() | int():
            return parse_quantity(moment, "block")
        case _:
            raise wrong("block", "a number, latest, pending, safe, finalized or earliest")
