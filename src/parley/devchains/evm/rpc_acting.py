"""The methods of the server that change something: publish, sign for a development account, and what tests may do.

What tests may do has names of several tools, as each of their users brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from parley.devchains.evm.accounts import DevelopmentAccount
from parley.devchains.evm.config import USUAL_TIP_WEI
from parley.devchains.evm.machine import Raised
from parley.devchains.evm.rpc_forms import (
    data_text,
    parse_call,
    parse_data,
    parse_hash,
    parse_quantity,
    quantity_text,
    wrong,
)
from parley.devchains.evm.rpc_reading import Method
from parley.devchains.evm.rpc_scope import Refused, Scope, refused_call
from parley.errors import ErrorCode, LocalError, Rejected
from parley.ledgers.evm.transactions import Transaction, sign_transaction
from parley.ports.chain import Call

__all__ = ["ACTING_METHODS"]

_BLOCKS_MAX: Final = 10_000
_SNAPSHOTS_MAX: Final = 1_000
_TIME_MAX_S: Final = 2**40
_SERVER_CODE: Final = -32_000
_INVALID_CODE: Final = -32_602
_WORDS: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.STALE_SEQUENCE: "nonce too low",
    ErrorCode.QUOTA_EXCEEDED: "insufficient funds for gas * price + value",
    ErrorCode.PRICE_TOO_LOW: "replacement transaction underpriced",
}
_FAULTS: Final = "invalid transaction: rlp, signature, chain id or intrinsic gas"


def _publish(scope: Scope, raw: object) -> str | Refused:
    return _published(scope, parse_data(raw, "transaction"))


def _published(scope: Scope, raw: bytes) -> str | Refused:
    answer = scope.local.publish(raw)
    if isinstance(answer, Rejected):
        return Refused(_SERVER_CODE, _WORDS.get(answer.code, _FAULTS))
    return data_text(answer)


def _send(scope: Scope, wanted: object) -> str | Refused:
    """Sign for a development account and publish."""
    call, given = parse_call(wanted)
    account = None if call.sender is None else scope.accounts.get(call.sender)
    if account is None:
        return Refused(_SERVER_CODE, "unknown account")
    if "gas" in given:
        gas: int | Raised = parse_quantity(given["gas"], "gas")
    else:
        gas = scope.local.history.state().estimate_gas(call)
    if isinstance(gas, Raised):
        return refused_call(gas)
    try:
        transaction = _transaction(scope, account, call, given, gas)
    except LocalError as error:
        raise wrong(str(error.facts.get("field", "transaction")), "within its range") from error
    return _published(scope, sign_transaction(transaction, account.secret))


def _transaction(
    scope: Scope, account: DevelopmentAccount, call: Call, given: Mapping[str, Any], gas: int
) -> Transaction:
    local = scope.local
    fees = {name: parse_quantity(given[name], name) for name in given if name in _FEE_NAMES}
    price_wei = fees.get("gasPrice")
    tip_wei = fees.get("maxPriorityFeePerGas", USUAL_TIP_WEI if price_wei is None else price_wei)
    usual_wei = 2 * local.base_fee_wei + tip_wei if price_wei is None else price_wei
    max_fee_wei = fees.get("maxFeePerGas", usual_wei)
    next_nonce = local.mempool.next_nonce(account.address, local.nonce(account.address))
    return Transaction(
        chain_id=local.config.chain_id,
        nonce=parse_quantity(given["nonce"], "nonce") if "nonce" in given else next_nonce,
        max_priority_fee_wei=min(tip_wei, max_fee_wei),
        max_fee_wei=max_fee_wei,
        gas_limit=gas,
        to=call.to,
        value_wei=call.value_wei,
        data=call.data,
    )


_FEE_NAMES: Final = frozenset({"gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"})


def _mine_one(scope: Scope, wanted: object = None) -> str:
    """Mine one block, at a time where one is given, or as many as an object says."""
    blocks, timestamp = (wanted.get("blocks"), wanted.get("timestamp")) if isinstance(wanted, dict) else (1, wanted)
    if timestamp is not None:
        _set_time(scope, timestamp)
    _mine_many(scope, 1 if blocks is None else blocks)
    return quantity_text(0)


def _mine_many(scope: Scope, count: object = 1, interval: object = None) -> None:
    """Mine blocks, as many seconds apart as is said."""
    blocks = parse_quantity(count, "blocks")
    if blocks > _BLOCKS_MAX:
        raise wrong("blocks", "at most 10000")
    seconds = None if interval is None else min(max(parse_quantity(interval, "interval"), 1), _TIME_MAX_S)
    for number in range(blocks):
        if seconds is not None and number > 0:
            scope.local.set_next_timestamp(scope.local.head.header.timestamp_s + seconds)
        scope.local.mine()


def _increase_time(scope: Scope, seconds: object) -> int:
    passed_s = parse_quantity(seconds, "seconds")
    if passed_s > _TIME_MAX_S:
        raise wrong("seconds", "below 2**40")
    scope.local.increase_time(passed_s)
    return passed_s


def _set_time(scope: Scope, timestamp: object) -> None:
    timestamp_s = parse_quantity(timestamp, "timestamp")
    if not scope.local.head.header.timestamp_s < timestamp_s <= _TIME_MAX_S:
        raise wrong("timestamp", "after the head's, and below 2**40")
    scope.local.set_next_timestamp(timestamp_s)


def _set_base_fee(scope: Scope, fee: object) -> None:
    fee_wei = parse_quantity(fee, "fee")
    if fee_wei > _FEE_MAX_WEI:
        raise wrong("fee", "at most 10**18")
    scope.local.set_next_base_fee(fee_wei)


_FEE_MAX_WEI: Final = 10**18


def _set_automatic(scope: Scope, is_automatic: object) -> bool:
    if not isinstance(is_automatic, bool):
        raise wrong("automine", "true or false")
    scope.local.is_automatic = is_automatic
    return True


def _is_automatic(scope: Scope) -> bool:
    return scope.local.is_automatic


def _snapshot(scope: Scope) -> str:
    number = max(scope.snapshots, default=0) + 1
    scope.snapshots[number] = scope.local.snapshot()
    if len(scope.snapshots) > _SNAPSHOTS_MAX:
        del scope.snapshots[min(scope.snapshots)]
    return quantity_text(number)


def _restore(scope: Scope, name: object) -> bool:
    """Return to a moment, which is spent by that, and so are those after it."""
    number = parse_quantity(name, "snapshot")
    snapshot = scope.snapshots.get(number)
    if snapshot is None:
        return False
    for later in [each for each in scope.snapshots if each >= number]:
        del scope.snapshots[later]
    return scope.local.restore(snapshot)


def _reorganise(scope: Scope, depth: object, transactions: object = None) -> None:
    """Replace the newest blocks; what was in them is gone until it is published again."""
    blocks = parse_quantity(depth, "depth")
    if transactions:
        raise wrong("transactions", "none")
    if not 1 <= blocks <= min(scope.local.head.header.number, _BLOCKS_MAX):
        raise wrong("depth", "1 to the number of the head, at most 10000")
    scope.local.reorganise(blocks, is_keeping=False)


def _drop(scope: Scope, name: object) -> str | None:
    transaction_hash = parse_hash(name, "hash")
    return data_text(transaction_hash) if scope.local.drop(transaction_hash) else None


_TEST_METHODS: Final[Mapping[str, Method]] = {
    "dropTransaction": Method(_drop, 1, 1),
    "mine": Method(_mine_many, 0, 2),
    "reorg": Method(_reorganise, 1, 2),
    "setNextBlockBaseFeePerGas": Method(_set_base_fee, 1, 1),
    "getAutomine": Method(_is_automatic),
}

ACTING_METHODS: Final[Mapping[str, Method]] = {
    "eth_sendRawTransaction": Method(_publish, 1, 1),
    "eth_sendTransaction": Method(_send, 1, 1),
    "evm_increaseTime": Method(_increase_time, 1, 1),
    "evm_mine": Method(_mine_one, 0, 1),
    "evm_revert": Method(_restore, 1, 1),
    "evm_setAutomine": Method(_set_automatic, 1, 1),
    "evm_setNextBlockTimestamp": Method(_set_time, 1, 1),
    "evm_snapshot": Method(_snapshot),
    **{f"{tool}_{name}": method for tool in ("anvil", "hardhat") for name, method in _TEST_METHODS.items()},
}
"""By the name that is called."""
