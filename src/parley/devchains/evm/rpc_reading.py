"""The methods of the server that only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from parley.devchains.evm.blocks import MinedBlock
from parley.devchains.evm.config import USUAL_TIP_WEI
from parley.devchains.evm.machine import Raised
from parley.devchains.evm.rpc_filters import BLOCKS, TRANSACTIONS, LogQuery, changes, parse_query, query_documents
from parley.devchains.evm.rpc_forms import (
    block_document,
    data_text,
    parse_account,
    parse_call,
    parse_data,
    parse_hash,
    parse_quantity,
    quantity_text,
    receipt_document,
    transaction_document,
    wrong,
)
from parley.devchains.evm.rpc_scope import Refused, Scope, block_at, known_block, refused_call, state_at
from parley.devchains.evm.transactions import SignedTransaction, parse_signed
from parley.ledgers.evm.addresses import checksum_text
from parley.primitives.hashing import keccak256

__all__ = ["READING_METHODS", "Method"]

_LOGS_MAX: Final = 10_000
_HISTORY_MAX: Final = 1_024
_PERCENTILES_MAX: Final = 100
_TOO_MUCH: Final = Refused(-32_005, "query returned more than 10000 results")
_NO_FILTER: Final = Refused(-32_000, "filter not found")


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the server.

    Attributes:
        run: what does it; raises PeerError INVALID_PARAMS for parameters of another form.
        least: how many parameters it needs.
        most: how many it takes.
    """

    run: Callable[..., Any]
    least: int = 0
    most: int = 0


def _chain_id(scope: Scope) -> str:
    return quantity_text(scope.local.config.chain_id)


def _block_number(scope: Scope) -> str:
    return quantity_text(scope.local.head.header.number)


def _balance(scope: Scope, account: object, moment: object = "latest") -> str | Refused:
    state = state_at(scope, moment)
    address = parse_account(account, "address")
    return state if isinstance(state, Refused) else quantity_text(state.account(address).balance_wei)


def _transaction_count(scope: Scope, account: object, moment: object = "latest") -> str | Refused:
    state = state_at(scope, moment)
    if isinstance(state, Refused):
        return state
    address = parse_account(account, "address")
    nonce = state.account(address).nonce
    return quantity_text(scope.local.mempool.next_nonce(address, nonce) if moment == "pending" else nonce)


def _code(scope: Scope, account: object, moment: object = "latest") -> str | Refused:
    state = state_at(scope, moment)
    address = parse_account(account, "address")
    return state if isinstance(state, Refused) else data_text(state.code(address))


def _slot(scope: Scope, account: object, place: object, moment: object = "latest") -> str | Refused:
    state = state_at(scope, moment)
    address = parse_account(account, "address")
    is_word = isinstance(place, str) and len(place) == 66  # noqa: PLR2004  # some tools send a whole word
    number = int.from_bytes(parse_hash(place, "slot"), "big") if is_word else parse_quantity(place, "slot")
    return state if isinstance(state, Refused) else data_text(state.slot(address, number).to_bytes(32, "big"))


def _call(scope: Scope, wanted: object, moment: object = "latest") -> str | Refused:
    call, given = parse_call(wanted)
    state = state_at(scope, moment)
    if isinstance(state, Refused):
        return state
    gas = parse_quantity(given["gas"], "gas") if "gas" in given else None
    output = state.call(call, gas)
    return refused_call(output) if isinstance(output, Raised) else data_text(output)


def _estimate_gas(scope: Scope, wanted: object, moment: object = "latest") -> str | Refused:
    call, _ = parse_call(wanted)
    state = state_at(scope, moment)
    if isinstance(state, Refused):
        return state
    gas = state.estimate_gas(call)
    return refused_call(gas) if isinstance(gas, Raised) else quantity_text(gas)


def _gas_price(scope: Scope) -> str:
    return quantity_text(scope.local.base_fee_wei + USUAL_TIP_WEI)


def _priority_fee(scope: Scope) -> str:
    del scope
    return quantity_text(USUAL_TIP_WEI)


def _fee_history(scope: Scope, count: object, newest: object, percentiles: object = None) -> dict[str, Any] | Refused:
    last = block_at(scope, newest)
    wanted = parse_quantity(count, "blockCount")
    shares = [] if percentiles is None else percentiles
    if not isinstance(shares, list) or len(shares) > _PERCENTILES_MAX or not all(_is_share(one) for one in shares):
        raise wrong("percentiles", "at most 100 numbers from 0 to 100 in rising order")
    if isinstance(last, Refused):
        return last
    number = last.header.number
    first = max(0, number + 1 - min(wanted, _HISTORY_MAX))
    found = [scope.local.history.by_number(each) for each in range(first, number + 1)]
    blocks = [block for block in found if block is not None]
    following = scope.local.history.by_number(number + 1)
    next_fee_wei = scope.local.base_fee_wei if following is None else following.header.base_fee_wei
    document = {
        "oldestBlock": quantity_text(first),
        "baseFeePerGas": [quantity_text(block.header.base_fee_wei) for block in blocks] + [quantity_text(next_fee_wei)],
        "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
    }
    if shares:
        document["reward"] = [[quantity_text(tip) for tip in _tips(block, shares)] for block in blocks]
    return document


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100  # noqa: PLR2004


def _tips(block: MinedBlock, shares: list[float]) -> list[int]:
    """Return the tips below which such shares of the block's gas were bought."""
    paid = sorted((outcome.price_wei - block.header.base_fee_wei, outcome.gas_used) for outcome in block.outcomes)
    tips = []
    for share in shares:
        wanted_gas = block.header.gas_used * share / 100
        passed_gas, tip_wei = 0, 0
        for tip_wei, gas in paid:  # noqa: B007  # the last one stands where the share is the whole
            passed_gas += gas
            if passed_gas >= wanted_gas:
                break
        tips.append(tip_wei)
    return tips


def _block_by_number(scope: Scope, moment: object, is_whole: object = False) -> dict[str, Any] | None:  # noqa: FBT002
    return _block(scope, known_block(scope, moment), is_whole)


def _block_by_hash(scope: Scope, block_hash: object, is_whole: object = False) -> dict[str, Any] | None:  # noqa: FBT002
    return _block(scope, scope.local.history.by_hash(parse_hash(block_hash, "hash")), is_whole)


def _block(scope: Scope, block: MinedBlock | None, is_whole: object) -> dict[str, Any] | None:
    if not isinstance(is_whole, bool):
        raise wrong("full", "true or false")
    if block is None:
        return None
    if not is_whole:
        return block_document(block, [data_text(each) for each in block.hashes])
    documents = [transaction_document(_read(scope, raw), block, place) for place, raw in enumerate(block.raws)]
    return block_document(block, documents)


def _count_by_number(scope: Scope, moment: object) -> str | None:
    block = known_block(scope, moment)
    return None if block is None else quantity_text(len(block.raws))


def _count_by_hash(scope: Scope, block_hash: object) -> str | None:
    block = scope.local.history.by_hash(parse_hash(block_hash, "hash"))
    return None if block is None else quantity_text(len(block.raws))


def _no_uncles_by_number(scope: Scope, moment: object) -> str | None:
    return None if known_block(scope, moment) is None else quantity_text(0)


def _transaction(scope: Scope, name: object) -> dict[str, Any] | None:
    transaction_hash = parse_hash(name, "hash")
    waiting = scope.local.mempool.by_hash.get(transaction_hash)
    if waiting is not None:
        return transaction_document(waiting, None)
    found = scope.local.history.transaction(transaction_hash)
    return None if found is None else _placed(scope, *found)


def _transaction_by_place(scope: Scope, moment: object, index: object) -> dict[str, Any] | None:
    block, place = known_block(scope, moment), parse_quantity(index, "index")
    return None if block is None or place >= len(block.raws) else _placed(scope, block, place)


def _transaction_by_hash_and_place(scope: Scope, block_hash: object, index: object) -> dict[str, Any] | None:
    block, place = scope.local.history.by_hash(parse_hash(block_hash, "hash")), parse_quantity(index, "index")
    return None if block is None or place >= len(block.raws) else _placed(scope, block, place)


def _placed(scope: Scope, block: MinedBlock, place: int) -> dict[str, Any]:
    return transaction_document(_read(scope, block.raws[place]), block, place)


def _receipt(scope: Scope, name: object) -> dict[str, Any] | None:
    found = scope.local.history.transaction(parse_hash(name, "hash"))
    if found is None:
        return None
    block, place = found
    return receipt_document(_read(scope, block.raws[place]), block, place)


def _block_receipts(scope: Scope, moment: object) -> list[dict[str, Any]] | None:
    is_hash = isinstance(moment, str) and len(moment) == 66  # noqa: PLR2004  # 0x and 64 digits
    block = block_at(scope, {"blockHash": moment} if is_hash else moment)
    if isinstance(block, Refused):
        return None
    return [receipt_document(_read(scope, raw), block, place) for place, raw in enumerate(block.raws)]


def _logs(scope: Scope, wanted: object) -> list[Any] | Refused:
    if not isinstance(wanted, dict):
        raise wrong("filter", "an object")
    query = parse_query(wanted)
    if wanted.get("blockHash") is not None:
        if wanted.get("fromBlock") is not None or wanted.get("toBlock") is not None:
            raise wrong("filter", "blockHash alone, or fromBlock and toBlock")
        block = block_at(scope, {"blockHash": wanted["blockHash"]})
        if isinstance(block, Refused):
            return block
        first = last = block.header.number
    else:
        first, last = (_end(scope, wanted.get(name)) for name in ("fromBlock", "toBlock"))
    found = query_documents(scope.local, query, first, last, _LOGS_MAX)
    return _TOO_MUCH if found is None else found


def _end(scope: Scope, moment: object) -> int:
    """Return an end of a range, which may lie beyond the head."""
    block = known_block(scope, moment)
    return parse_quantity(moment, "block") if block is None else block.header.number


def _new_filter(scope: Scope, wanted: object) -> str:
    if not isinstance(wanted, dict):
        raise wrong("filter", "an object")
    return quantity_text(scope.filters.add(parse_query(wanted), scope.local.news.end))


def _new_block_filter(scope: Scope) -> str:
    return quantity_text(scope.filters.add(BLOCKS, scope.local.news.end))


def _new_transaction_filter(scope: Scope) -> str:
    return quantity_text(scope.filters.add(TRANSACTIONS, scope.local.news.end))


def _filter_changes(scope: Scope, name: object) -> list[Any] | Refused:
    number = parse_quantity(name, "filter")
    found = scope.filters.find(number)
    if found is None:
        return _NO_FILTER
    heard = changes(scope.local, *found)
    if heard is None:
        scope.filters.remove(number)
        return _NO_FILTER
    scope.filters.advance(number, scope.local.news.end)
    return heard


def _filter_logs(scope: Scope, name: object) -> list[Any] | Refused:
    found = scope.filters.find(parse_quantity(name, "filter"))
    if found is None or not isinstance(found[0], LogQuery):
        return _NO_FILTER
    logs = query_documents(scope.local, found[0], 0, scope.local.head.header.number, _LOGS_MAX)
    return _TOO_MUCH if logs is None else logs


def _remove_filter(scope: Scope, name: object) -> bool:
    return scope.filters.remove(parse_quantity(name, "filter"))


def _accounts(scope: Scope) -> list[str]:
    return [checksum_text(account) for account in scope.accounts]


def _hash(scope: Scope, raw: object) -> str:
    del scope
    return data_text(keccak256(parse_data(raw, "data")))


def _network(scope: Scope) -> str:
    return str(scope.local.config.chain_id)


def _pool_status(scope: Scope) -> dict[str, str]:
    waiting = scope.local.mempool.by_hash.values()
    ready = sum(
        scope.local.mempool.next_nonce(one.sender, scope.local.nonce(one.sender)) > one.nonce for one in waiting
    )
    return {"pending": quantity_text(ready), "queued": quantity_text(len(waiting) - ready)}


def _deployment(scope: Scope) -> dict[str, str] | None:
    """Say where the contracts of the lottery are; a method of this server's own."""
    found = scope.deployment
    if found is None:
        return None
    return {name: checksum_text(getattr(found, name)) for name in ("broker", "rounds", "recipients")}


def _read(scope: Scope, raw: bytes) -> SignedTransaction:
    return parse_signed(raw, scope.local.config.chain_id)


READING_METHODS: Final[Mapping[str, Method]] = {
    "eth_accounts": Method(_accounts),
    "eth_blockNumber": Method(_block_number),
    "eth_call": Method(_call, 1, 2),
    "eth_chainId": Method(_chain_id),
    "eth_estimateGas": Method(_estimate_gas, 1, 2),
    "eth_feeHistory": Method(_fee_history, 2, 3),
    "eth_gasPrice": Method(_gas_price),
    "eth_getBalance": Method(_balance, 1, 2),
    "eth_getBlockByHash": Method(_block_by_hash, 1, 2),
    "eth_getBlockByNumber": Method(_block_by_number, 1, 2),
    "eth_getBlockReceipts": Method(_block_receipts, 1, 1),
    "eth_getBlockTransactionCountByHash": Method(_count_by_hash, 1, 1),
    "eth_getBlockTransactionCountByNumber": Method(_count_by_number, 1, 1),
    "eth_getCode": Method(_code, 1, 2),
    "eth_getFilterChanges": Method(_filter_changes, 1, 1),
    "eth_getFilterLogs": Method(_filter_logs, 1, 1),
    "eth_getLogs": Method(_logs, 1, 1),
    "eth_getStorageAt": Method(_slot, 2, 3),
    "eth_getTransactionByBlockHashAndIndex": Method(_transaction_by_hash_and_place, 2, 2),
    "eth_getTransactionByBlockNumberAndIndex": Method(_transaction_by_place, 2, 2),
    "eth_getTransactionByHash": Method(_transaction, 1, 1),
    "eth_getTransactionCount": Method(_transaction_count, 1, 2),
    "eth_getTransactionReceipt": Method(_receipt, 1, 1),
    "eth_getUncleCountByBlockNumber": Method(_no_uncles_by_number, 1, 1),
    "eth_maxPriorityFeePerGas": Method(_priority_fee),
    "eth_newBlockFilter": Method(_new_block_filter),
    "eth_newFilter": Method(_new_filter, 1, 1),
    "eth_newPendingTransactionFilter": Method(_new_transaction_filter),
    "eth_syncing": Method(lambda _: False),
    "eth_uninstallFilter": Method(_remove_filter, 1, 1),
    "net_listening": Method(lambda _: True),
    "net_version": Method(_network),
    "parley_deployment": Method(_deployment),
    "txpool_status": Method(_pool_status),
    "web3_sha3": Method(_hash, 1, 1),
}
"""By the name that is called."""
