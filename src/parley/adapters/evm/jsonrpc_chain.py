"""A chain behind a node that speaks Ethereum's JSON-RPC: geth and its kin, a provider, or `anvil`.

Blocks, receipts and logs are read by the standard methods alone; nothing is kept between two questions but the number
of the chain. A question about the state after a block names it by its hash (EIP-1898), so a reorganisation between
two questions shows.

Source: Ethereum execution-apis, "Ethereum JSON-RPC Specification".
"""

from __future__ import annotations

from typing import Final

from parley.adapters.evm.rpc_client import Refusal, RpcClient, RpcLimits
from parley.adapters.evm.rpc_refusals import (
    is_block_unknown,
    is_known_already,
    publishing_verdict,
    revert_of,
    unavailable,
)
from parley.adapters.evm.rpc_values import (
    data_text,
    parse_block,
    parse_data,
    parse_fees,
    parse_hash,
    parse_logs,
    parse_quantity,
    parse_receipt,
    quantity_text,
)
from parley.errors import ErrorCode, LocalError, PeerError, Rejected, UnavailableError
from parley.ledgers.evm.transactions import transaction_hash
from parley.ports.chain import Block, Call, Fees, Log, Receipt, Reverted
from parley.primitives.ids import Address

__all__ = ["LOG_BLOCKS_MAX", "JsonRpcChain"]

LOG_BLOCKS_MAX: Final = 10_000
"""How many blocks after the first are looked through for logs."""

_PRIORITY_FEE_MIN_WEI: Final = 1_000_000
"""Below this, default nodes do not pass a transaction on."""
_FEE_HISTORY: Final = ("0x5", "latest", (50,))
_NUMBER_MAX: Final = 2**63 - 1
_HASH_BYTES: Final = 32


class JsonRpcChain:
    """One chain as one node tells of it (a `parley.ports.chain.EvmChain`)."""

    def __init__(self, url: str, limits: RpcLimits | None = None) -> None:
        """Ask nothing yet.

        Args:
            url: http or https, with whatever key the node wants; it stands in no error.
            limits: of each answer.

        Raises:
            LocalError: the url is none that could be asked.
        """
        self._client = RpcClient(url, limits or RpcLimits())
        self._chain_id: int | None = None

    async def chain_id(self) -> int:
        """Return the number of the chain, asked for once."""
        known = self._chain_id
        if known is None:
            known = self._chain_id = parse_quantity(await self._ask("eth_chainId"))
        else:
            self._client.check_open()
        return known

    async def head(self) -> Block:
        """Return the newest block."""
        block = parse_block(await self._ask("eth_getBlockByNumber", "latest", False))  # noqa: FBT003 - the method's
        if block is None:
            raise PeerError(ErrorCode.MALFORMED, value="head")
        return block

    async def block(self, which: int | bytes) -> Block | None:
        """Return a block of the chain as it is now; nodes also know blocks by their hash that are not part of it."""
        if isinstance(which, int):
            if not 0 <= which <= _NUMBER_MAX:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, block_number=which)
            number = quantity_text(which)
            block = parse_block(await self._ask("eth_getBlockByNumber", number, False))  # noqa: FBT003 - the method's
            if block is not None and block.number != which:
                raise PeerError(ErrorCode.MALFORMED, value="block", fault="another number")
            return block
        _check_hash(which)
        found = parse_block(await self._ask("eth_getBlockByHash", data_text(which), False))  # noqa: FBT003 - the method's
        if found is None:
            return None
        if found.block_hash != which:
            raise PeerError(ErrorCode.MALFORMED, value="block", fault="another hash")
        return found if await self.block(found.number) == found else None

    async def balance_wei(self, account: Address) -> int:
        """Return what an account holds at the head."""
        return parse_quantity(await self._ask("eth_getBalance", data_text(account), "latest"))

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        """Return the next nonce of an account."""
        moment = "pending" if pending else "latest"
        count = parse_quantity(await self._ask("eth_getTransactionCount", data_text(account), moment))
        if count > _NUMBER_MAX:
            raise PeerError(ErrorCode.MALFORMED, value="nonce")
        return count

    async def code(self, account: Address) -> bytes:
        """Return the code at an address at the head."""
        return parse_data(await self._ask("eth_getCode", data_text(account), "latest"))

    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        """Run a call and keep nothing of it; see `parley.ports.chain.EvmChain`."""
        moment: object = "latest"
        if at is not None:
            _check_hash(at)
            moment = {"blockHash": data_text(at), "requireCanonical": True}
        answer = await self._client.ask("eth_call", (_call_document(call), moment))
        if not isinstance(answer, Refusal):
            return parse_data(answer)
        if at is not None and is_block_unknown(answer):
            raise UnavailableError(ErrorCode.NOT_FOUND, value="block")
        reverted = revert_of(answer)
        if reverted is None:
            raise unavailable(answer)
        return reverted

    async def estimate_gas(self, call: Call) -> int | Reverted:
        """Return the gas that a call would take."""
        answer = await self._client.ask("eth_estimateGas", (_call_document(call),))
        if not isinstance(answer, Refusal):
            gas = parse_quantity(answer)
            if gas > _NUMBER_MAX:
                raise PeerError(ErrorCode.MALFORMED, value="gas")
            return gas
        reverted = revert_of(answer)
        if reverted is None:
            raise unavailable(answer)
        return reverted

    async def fees(self) -> Fees:
        """Return what gas costs: the base fee of the next block, and the usual tip of the last five."""
        return parse_fees(await self._ask("eth_feeHistory", *_FEE_HISTORY), _PRIORITY_FEE_MIN_WEI)

    async def publish(self, raw: bytes) -> bytes | Rejected:
        """Hand a signed transaction to the chain; see `parley.ports.chain.EvmChain`."""
        name = transaction_hash(raw)
        answer = await self._client.ask("eth_sendRawTransaction", (data_text(raw),), is_repeatable=False)
        if not isinstance(answer, Refusal):
            if parse_hash(answer) != name:
                raise PeerError(ErrorCode.MALFORMED, value="transaction", fault="another hash")
            return name
        if is_known_already(answer):
            return name
        code = publishing_verdict(answer)
        if code is None:
            raise unavailable(answer)
        if code is ErrorCode.STALE_SEQUENCE and await self.receipt(name) is not None:
            return name
        return Rejected(code, {"rpc_code": answer.code})

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return what a transaction did; None while it is in no block."""
        _check_hash(transaction_hash)
        answer = await self._ask("eth_getTransactionReceipt", data_text(transaction_hash))
        return parse_receipt(answer, transaction_hash)

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        """Return events of a contract; a range that is too much for the node at once is asked for in parts."""
        if not 0 <= first_block <= last_block <= min(first_block + LOG_BLOCKS_MAX, _NUMBER_MAX):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, first_block=first_block, last_block=last_block)
        ranges = [(first_block, last_block)]
        found: list[Log] = []
        while ranges:
            first, last = ranges.pop()
            answer = await self._some_logs(contract, topics, first, last)
            if not isinstance(answer, Refusal):
                found.extend(answer)
                continue
            head = (await self.head()).number
            if first > head:
                continue
            if first == last:
                raise unavailable(answer)
            middle = min((first + last) // 2, max(head, first))
            ranges += [(middle + 1, last), (first, middle)]
        return tuple(found)

    async def close(self) -> None:
        """Close all connections; closing twice is harmless."""
        await self._client.close()

    async def _some_logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...] | Refusal:
        """Return events, or why the node has none to give: an answer too large for us is a refusal as well."""
        wanted: dict[str, object] = {
            "address": data_text(contract),
            "fromBlock": quantity_text(first_block),
            "toBlock": quantity_text(last_block),
        }
        if topics:
            wanted["topics"] = [[data_text(topic) for topic in topics]]
        try:
            answer = await self._client.ask("eth_getLogs", (wanted,))
        except PeerError as error:
            if error.code is not ErrorCode.TOO_LARGE or first_block == last_block:
                raise
            return Refusal(0, "", "")
        return answer if isinstance(answer, Refusal) else parse_logs(answer, contract, topics, first_block, last_block)

    async def _ask(self, method: str, *params: object) -> bytes:
        answer = await self._client.ask(method, params)
        if isinstance(answer, Refusal):
            raise unavailable(answer)
        return answer


def _check_hash(raw: bytes) -> None:
    if len(raw) != _HASH_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="hash", size_bytes=len(raw))


def _call_document(call: Call) -> dict[str, str]:
    document = {"data": data_text(call.data), "value": quantity_text(call.value_wei)}
    if call.to is not None:
        document["to"] = data_text(call.to)
    if call.sender is not None:
        document["from"] = data_text(call.sender)
    return document
