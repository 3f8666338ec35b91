"""A chain behind JSON-RPC whose node answers wrongly, too much, too late, or in its own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.rpc_client import RpcLimits
from parley.errors import ErrorCode, LocalError, PeerError, Rejected, UnavailableError
from parley.ledgers.evm.transactions import Transaction, sign_transaction, transaction_hash
from parley.ports.chain import Block, Call, Fees, Log, Receipt, Reverted
from parley.primitives.ids import Address
from parley.testing.chain_contracts import error_string
from tests.integration.scripted_node import Refused, ScriptedNode, listening

SHOP: Final = Address(b"\x5a" * 20)
HASH: Final = b"\xaa" * 32
OTHER: Final = b"\xbb" * 32
RAW: Final = sign_transaction(
    Transaction(chain_id=1, nonce=0, max_priority_fee_wei=1, max_fee_wei=2, gas_limit=21_000, to=SHOP), b"\x01" * 32
)
NAME: Final = transaction_hash(RAW)
CALL: Final = Call(to=SHOP, data=b"\x01\x02", value_wei=3, sender=Address(b"\x11" * 20))


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


def block(number: int, block_hash: bytes = HASH, **fields: object) -> dict[str, object]:
    return {
        "number": hex(number),
        "hash": hexed(block_hash),
        "parentHash": hexed(OTHER),
        "timestamp": "0x64",
        "baseFeePerGas": "0x7",
        "extraData": "0x",
        **fields,
    }


def log(number: int, index: int = 0, **fields: object) -> dict[str, object]:
    return {
        "address": hexed(SHOP).upper().replace("X", "x"),
        "topics": [hexed(OTHER)],
        "data": "0x01",
        "blockNumber": hex(number),
        "blockHash": hexed(HASH),
        "transactionHash": hexed(NAME),
        "logIndex": hex(index),
        "removed": False,
        **fields,
    }


def receipt(**fields: object) -> dict[str, object]:
    return {
        "transactionHash": hexed(NAME),
        "blockNumber": "0x5",
        "blockHash": hexed(HASH),
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x9",
        "contractAddress": None,
        "logs": [log(5)],
        **fields,
    }


async def outcome(node: ScriptedNode, ask: Callable[[JsonRpcChain], Awaitable[object]], **limits: int) -> object:
    """Ask a node once; an error is returned."""
    async with listening(node, RpcLimits(**limits)) as chain:
        try:
            got = await ask(chain)
        except (PeerError, UnavailableError) as error:
            got = error
    assert "paid-for" not in str(got)
    return got


def code(got: object) -> ErrorCode | None:
    return got.code if isinstance(got, PeerError | UnavailableError | Rejected) else None


async def test_what_a_node_says_is_read() -> None:
    node = ScriptedNode(
        {
            "eth_chainId": "0xa4b1",
            "eth_getBlockByNumber": lambda params: block(9 if params[0] == "latest" else int(params[0], 16)),
            "eth_getBlockByHash": block(5),
            "eth_getBalance": hex(10**30),
            "eth_getTransactionCount": lambda params: {"latest": "0x3", "pending": "0x5"}[params[1]],
            "eth_getCode": "0x6001",
            "eth_call": "0x02",
            "eth_estimateGas": "0x5208",
            "eth_feeHistory": {
                "baseFeePerGas": ["0x1", "0x2", "0x9"],
                "reward": [["0x2faf080"], ["0x1"], ["0x3938700"]],
            },
            "eth_sendRawTransaction": hexed(NAME),
            "eth_getTransactionReceipt": receipt(),
        }
    )
    async with listening(node) as chain:
        assert [await chain.chain_id(), await chain.chain_id()] == [42_161, 42_161]
        read = Block(number=5, block_hash=HASH, parent_hash=OTHER, timestamp_s=100, base_fee_wei=7)
        assert (await chain.head()).number == 9
        assert await chain.block(5) == await chain.block(HASH) == read
        assert await chain.balance_wei(SHOP) == 10**30
        assert await chain.transaction_count(SHOP) == 3
        assert await chain.transaction_count(SHOP, pending=True) == 5
        assert await chain.code(SHOP) == b"\x60\x01"
        assert await chain.call(CALL, at=HASH) == b"\x02"
        assert await chain.estimate_gas(CALL) == 21_000
        assert await chain.fees() == Fees(base_fee_wei=9, priority_fee_wei=50_000_000)
        assert await chain.publish(RAW) == NAME
        assert await chain.receipt(NAME) == Receipt(
            transaction_hash=NAME,
            block_number=5,
            block_hash=HASH,
            succeeded=True,
            gas_used=21_000,
            gas_price_wei=9,
            contract=None,
            logs=(_log(5),),
        )
    assert [method for method, _ in node.asked].count("eth_chainId") == 1
    called = next(params for method, params in node.asked if method == "eth_call")
    assert called == [
        {"data": "0x0102", "value": "0x3", "to": hexed(SHOP), "from": "0x" + "11" * 20},
        {"blockHash": hexed(HASH), "requireCanonical": True},
    ]


def _log(number: int, index: int = 0) -> Log:
    return Log(
        address=SHOP,
        topics=(OTHER,),
        data=b"\x01",
        block_number=number,
        block_hash=HASH,
        transaction_hash=NAME,
        index=index,
    )


async def test_a_block_that_is_not_part_of_the_chain_is_none() -> None:
    for canonical in (None, block(5, OTHER)):
        node = ScriptedNode({"eth_getBlockByHash": block(5), "eth_getBlockByNumber": canonical})
        assert await outcome(node, lambda chain: chain.block(HASH)) is None
    node = ScriptedNode({"eth_getBlockByHash": None})
    assert await outcome(node, lambda chain: chain.block(HASH)) is None


async def test_a_reverted_creation_has_neither_contract_nor_logs() -> None:
    node = ScriptedNode({"eth_getTransactionReceipt": receipt(status="0x0", contractAddress=hexed(SHOP))})
    got = await outcome(node, lambda chain: chain.receipt(NAME))
    assert isinstance(got, Receipt)
    assert (got.succeeded, got.contract, got.logs) == (False, None, ())


@pytest.mark.parametrize("rewards", [None, [], [[]], [["0x0"]]])
async def test_a_tip_is_offered_at_least(rewards: object) -> None:
    node = ScriptedNode({"eth_feeHistory": {"baseFeePerGas": ["0x1", "0x2"], "reward": rewards}})
    got = await outcome(node, lambda chain: chain.fees())
    assert got == Fees(base_fee_wei=2, priority_fee_wei=1_000_000)


@pytest.mark.parametrize(
    ("method", "answer", "ask"),
    [
        ("eth_chainId", "0x01", lambda chain: chain.chain_id()),
        ("eth_chainId", 1, lambda chain: chain.chain_id()),
        ("eth_chainId", "0x" + "f" * 65, lambda chain: chain.chain_id()),
        ("eth_getBlockByNumber", None, lambda chain: chain.head()),
        ("eth_getBlockByNumber", block(6), lambda chain: chain.block(5)),
        ("eth_getBlockByNumber", block(2**63), lambda chain: chain.head()),
        ("eth_getBlockByNumber", block(5, baseFeePerGas=None), lambda chain: chain.head()),
        ("eth_getBlockByNumber", block(5, hash="0xzz" + "0" * 62), lambda chain: chain.head()),
        ("eth_getBlockByHash", block(5, OTHER), lambda chain: chain.block(HASH)),
        ("eth_getCode", "0x0", lambda chain: chain.code(SHOP)),
        ("eth_getTransactionCount", hex(2**63), lambda chain: chain.transaction_count(SHOP)),
        ("eth_estimateGas", hex(2**63), lambda chain: chain.estimate_gas(CALL)),
        ("eth_call", "02", lambda chain: chain.call(CALL)),
        ("eth_feeHistory", {"baseFeePerGas": ["0x1"]}, lambda chain: chain.fees()),
        ("eth_sendRawTransaction", hexed(OTHER), lambda chain: chain.publish(RAW)),
        ("eth_sendRawTransaction", "0x", lambda chain: chain.publish(RAW)),
        ("eth_getTransactionReceipt", receipt(status="0x2"), lambda chain: chain.receipt(NAME)),
        ("eth_getTransactionReceipt", receipt(), lambda chain: chain.receipt(OTHER)),
        ("eth_getTransactionReceipt", receipt(logs=[log(6)]), lambda chain: chain.receipt(NAME)),
        (
            "eth_getTransactionReceipt",
            receipt(logs=[log(5, topics=[hexed(OTHER)] * 5)]),
            lambda chain: chain.receipt(NAME),
        ),
        ("eth_getLogs", [log(5), log(5)], lambda chain: chain.logs(SHOP, (), 0, 9)),
        ("eth_getLogs", [log(5, address="0x5A" + "5a" * 18)], lambda chain: chain.logs(SHOP, (), 0, 9)),
    ],
)
async def test_an_answer_of_another_form_is_malformed(
    method: str, answer: object, ask: Callable[[JsonRpcChain], Awaitable[object]]
) -> None:
    got = await outcome(ScriptedNode({method: answer}), ask)
    assert code(got) is ErrorCode.MALFORMED
    assert isinstance(got, PeerError)


@pytest.mark.parametrize(
    "node",
    [
        ScriptedNode(body=b""),
        ScriptedNode(body=b"[]"),
        ScriptedNode(body=b"\xff"),
        ScriptedNode(body=b'{"jsonrpc": "2.0", "id": 1}'),
        ScriptedNode(body=b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"'),
        ScriptedNode({"eth_chainId": "0x1"}, version="1.0"),
        ScriptedNode({"eth_chainId": "0x1"}, is_other_id=True),
    ],
)
async def test_what_is_no_answer_is_malformed(node: ScriptedNode) -> None:
    assert code(await outcome(node, lambda chain: chain.chain_id())) is ErrorCode.MALFORMED


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 502])
async def test_an_error_of_http_without_an_answer_is_no_answer(status: int) -> None:
    got = await outcome(ScriptedNode(body=b"<html>", status=status), lambda chain: chain.chain_id())
    assert code(got) is ErrorCode.UNREACHABLE


async def test_an_answer_under_an_error_of_http_is_one() -> None:
    node = ScriptedNode({"eth_call": Refused(3, "execution reverted", hexed(error_string(b"no")))}, status=400)
    assert await outcome(node, lambda chain: chain.call(CALL)) == Reverted("no")


async def test_an_error_without_an_id_is_an_answer() -> None:
    node = ScriptedNode(body=b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32005, "message": "slow down"}}')
    assert code(await outcome(node, lambda chain: chain.chain_id())) is ErrorCode.UNREACHABLE


async def test_too_large_an_answer_is_not_read() -> None:
    node = ScriptedNode({"eth_getCode": "0x" + "00" * 1_024})
    assert code(await outcome(node, lambda chain: chain.code(SHOP), answer_bytes=1_024)) is ErrorCode.TOO_LARGE


async def test_a_silent_node_is_unreachable() -> None:
    got = await outcome(ScriptedNode(is_silent=True), lambda chain: chain.chain_id(), timeout_ms=50)
    assert code(got) is ErrorCode.UNREACHABLE


async def test_a_node_that_is_not_there_is_unreachable() -> None:
    node = ScriptedNode()
    async with listening(node):
        pass
    chain = JsonRpcChain(node.url)
    with pytest.raises(UnavailableError) as caught:
        await chain.head()
    assert caught.value.code is ErrorCode.UNREACHABLE
    await chain.close()


@pytest.mark.parametrize(("drops", "wanted"), [(1, 1), (2, None)])
async def test_a_connection_that_was_closed_is_opened_once_more(drops: int, wanted: int | None) -> None:
    got = await outcome(ScriptedNode({"eth_chainId": "0x1"}, drops=drops), lambda chain: chain.chain_id())
    assert (got if wanted is not None else None) == wanted
    assert code(got) is (ErrorCode.UNREACHABLE if wanted is None else None)


async def test_a_transaction_is_not_sent_again_where_nobody_knows_what_became_of_it() -> None:
    # The second answer could be "nonce too low", for the transaction itself has used it.
    node = ScriptedNode({"eth_sendRawTransaction": Refused(-32000, "nonce too low")}, drops=1)
    assert code(await outcome(node, lambda chain: chain.publish(RAW))) is ErrorCode.UNREACHABLE
    assert len(node.asked) == 1


@pytest.mark.parametrize(
    ("refused", "wanted"),
    [
        (Refused(-32000, "already known"), NAME),
        (Refused(-32010, "AlreadyKnown"), NAME),
        (Refused(-32000, "Known transaction"), NAME),
        (Refused(-32003, "transaction already imported"), NAME),
        (Refused(-32000, "nonce too low: next nonce 5, tx nonce 3"), ErrorCode.STALE_SEQUENCE),
        (Refused(-32010, "OldNonce, Current nonce: 5, nonce of rejected tx: 3"), ErrorCode.STALE_SEQUENCE),
        (Refused(-32000, "insufficient funds for gas * price + value: balance 0"), ErrorCode.QUOTA_EXCEEDED),
        (Refused(-32010, "InsufficientFunds, Account balance: 0"), ErrorCode.QUOTA_EXCEEDED),
        (Refused(-32004, "Upfront cost exceeds account balance"), ErrorCode.QUOTA_EXCEEDED),
        (Refused(-32000, "replacement transaction underpriced"), ErrorCode.PRICE_TOO_LOW),
        (Refused(-32000, "transaction underpriced: tip needed 1"), ErrorCode.PRICE_TOO_LOW),
        (Refused(-32010, "FeeTooLowToCompete"), ErrorCode.PRICE_TOO_LOW),
        (Refused(-32009, "Gas price below configured minimum gas price"), ErrorCode.PRICE_TOO_LOW),
        (Refused(-32000, "max fee per gas less than block base fee: address 0x"), ErrorCode.PRICE_TOO_LOW),
        (Refused(-32010, "ReplacementNotAllowed"), ErrorCode.PRICE_TOO_LOW),
        (Refused(-32000, "intrinsic gas too low: gas 0, minimum needed 21000"), ErrorCode.MALFORMED),
        (Refused(-32000, "invalid chain id for signer: have 1 want 2"), ErrorCode.MALFORMED),
        (Refused(-32000, "rlp: expected List"), ErrorCode.MALFORMED),
        (Refused(-32000, "insufficient gas for floor data gas cost: gas 1, minimum needed 2"), ErrorCode.MALFORMED),
        (Refused(-32000, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)"), ErrorCode.MALFORMED),
        (Refused(-32000, "transaction gas limit too high (cap: 16777216, tx: 30000000)"), ErrorCode.MALFORMED),
        (Refused(-32602, "something about the params"), ErrorCode.MALFORMED),
        (Refused(-32000, "unknown transaction type 9"), ErrorCode.MALFORMED),
        (Refused(-32000, "failed to decode the answer of the upstream"), ErrorCode.UNREACHABLE),
        (Refused(-32000, "txpool is full"), ErrorCode.UNREACHABLE),
        (Refused(-32603, "Internal error"), ErrorCode.UNREACHABLE),
        (Refused(-32005, "rate limit exceeded"), ErrorCode.UNREACHABLE),
    ],
)
async def test_why_a_node_takes_no_transaction(refused: Refused, wanted: bytes | ErrorCode) -> None:
    node = ScriptedNode({"eth_sendRawTransaction": refused, "eth_getTransactionReceipt": None})
    got = await outcome(node, lambda chain: chain.publish(RAW))
    assert (got if isinstance(wanted, bytes) else code(got)) == wanted
    # What is no verdict must be no value: the transaction may have been taken.
    assert isinstance(got, UnavailableError) == (wanted is ErrorCode.UNREACHABLE)


async def test_a_nonce_that_the_same_transaction_has_used_is_no_refusal() -> None:
    answers = {"eth_sendRawTransaction": Refused(-32000, "nonce too low"), "eth_getTransactionReceipt": receipt()}
    assert await outcome(ScriptedNode(answers), lambda chain: chain.publish(RAW)) == NAME


@pytest.mark.parametrize(
    ("refused", "wanted"),
    [
        (Refused(3, "execution reverted: used", hexed(error_string(b"used"))), Reverted("used")),
        (Refused(3, "execution reverted", "0x"), Reverted("")),
        (Refused(3, "execution reverted", {"an": "object"}), Reverted("")),
        (Refused(-32000, "execution reverted"), Reverted("")),
        (Refused(-32015, "VM execution error.", "Reverted " + hexed(error_string(b"used"))), Reverted("used")),
        (Refused(-32000, "invalid opcode: INVALID"), Reverted("")),
        (Refused(-32000, "out of gas"), Reverted("")),
        (Refused(-32603, "EVM error InvalidFEOpcode"), Reverted("")),
        (Refused(-32000, "gas required exceeds allowance (0)"), Reverted("")),
        (Refused(-32000, "insufficient funds for transfer"), Reverted("")),
        (Refused(-32000, "insufficient balance: top up your plan"), ErrorCode.UNREACHABLE),
        (Refused(-32601, "the method does not exist"), ErrorCode.MALFORMED),
        (Refused(-32005, "limit exceeded"), ErrorCode.UNREACHABLE),
    ],
)
async def test_what_a_node_says_of_a_call_that_fails(refused: Refused, wanted: Reverted | ErrorCode) -> None:
    node = ScriptedNode({"eth_call": refused, "eth_estimateGas": refused})
    for ask in (lambda chain: chain.call(CALL), lambda chain: chain.estimate_gas(CALL)):
        got = await outcome(node, ask)
        assert (got if isinstance(wanted, Reverted) else code(got)) == wanted


@pytest.mark.parametrize(
    "message",
    ["header not found", "Resource not found", "hash 0xaa is not currently canonical", "missing trie node 12 (path )"],
)
async def test_a_block_whose_state_is_gone_is_not_found(message: str) -> None:
    node = ScriptedNode({"eth_call": Refused(-32000, message)})
    got = await outcome(node, lambda chain: chain.call(CALL, at=HASH))
    assert code(got) is ErrorCode.NOT_FOUND


def chunked(limit_blocks: int, made: list[dict[str, Any]]) -> Callable[[list[Any]], object]:
    """Answer as a provider that looks through so many blocks at once."""

    def answer(params: list[Any]) -> object:
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        if last - first >= limit_blocks:
            return Refused(-32005, "query exceeds max block range")
        return [entry for entry in made if first <= int(entry["blockNumber"], 16) <= last]

    return answer


@pytest.mark.parametrize("limit_blocks", [1, 3, 1_000])
async def test_logs_of_a_range_too_large_for_the_node_are_asked_for_in_parts(limit_blocks: int) -> None:
    made = [log(number, index) for number in (0, 3, 7, 12, 99) for index in (0, 2)]
    node = ScriptedNode({"eth_getLogs": chunked(limit_blocks, made), "eth_getBlockByNumber": block(99)})
    got = await outcome(node, lambda chain: chain.logs(SHOP, (OTHER,), 0, 10_000))
    assert got == tuple(_log(number, index) for number in (0, 3, 7, 12, 99) for index in (0, 2))
    assert len(node.asked) < 10 * (100 // limit_blocks + 15)


async def test_logs_too_many_for_one_answer_are_asked_for_in_parts() -> None:
    made = [log(number) for number in range(64)]
    node = ScriptedNode({"eth_getLogs": chunked(1_000, made), "eth_getBlockByNumber": block(63)})
    got = await outcome(node, lambda chain: chain.logs(SHOP, (), 0, 63), answer_bytes=2_048)
    assert got == tuple(_log(number) for number in range(64))
    one = ScriptedNode({"eth_getLogs": [log(1, index) for index in range(64)]})
    assert code(await outcome(one, lambda chain: chain.logs(SHOP, (), 1, 1), answer_bytes=2_048)) is ErrorCode.TOO_LARGE


async def test_logs_behind_the_head_are_none_and_a_node_that_always_refuses_is_unavailable() -> None:
    node = ScriptedNode({"eth_getLogs": Refused(-32602, "out of range"), "eth_getBlockByNumber": block(10)})
    assert await outcome(node, lambda chain: chain.logs(SHOP, (), 11, 20)) == ()
    node = ScriptedNode({"eth_getLogs": Refused(-32000, "no"), "eth_getBlockByNumber": block(9_000)})
    assert code(await outcome(node, lambda chain: chain.logs(SHOP, (), 0, 9_000))) is ErrorCode.UNREACHABLE
    assert len(node.asked) < 40


async def test_logs_come_in_order_and_removed_ones_are_dropped() -> None:
    made = [log(7, 1), log(5, 4), log(7, 0), log(6, removed=True)]
    got = await outcome(ScriptedNode({"eth_getLogs": made}), lambda chain: chain.logs(SHOP, (), 0, 9))
    assert got == (_log(5, 4), _log(7, 0), _log(7, 1))


@pytest.mark.parametrize(
    "unasked", [log(10), log(5, address=hexed(b"\x11" * 20)), log(5, topics=[hexed(HASH)]), log(5, topics=[])]
)
async def test_logs_that_nobody_asked_for_are_refused(unasked: dict[str, object]) -> None:
    node = ScriptedNode({"eth_getLogs": [unasked]})
    assert code(await outcome(node, lambda chain: chain.logs(SHOP, (OTHER,), 0, 9))) is ErrorCode.NOT_ASKED_FOR


async def test_a_closed_chain_answers_no_more_not_even_what_it_knows() -> None:
    async with listening(ScriptedNode({"eth_chainId": "0x1"})) as chain:
        assert await chain.chain_id() == 1
        await chain.close()
        for ask in (chain.chain_id(), chain.head()):
            with pytest.raises(UnavailableError) as caught:
                await ask
            assert caught.value.code is ErrorCode.SHUTTING_DOWN


async def test_a_creation_by_nobody_names_neither() -> None:
    node = ScriptedNode({"eth_call": "0x"})
    assert await outcome(node, lambda chain: chain.call(Call(to=None, data=b"\x00"))) == b""
    assert node.asked == [("eth_call", [{"data": "0x00", "value": "0x0"}, "latest"])]


async def test_arguments_have_limits() -> None:
    async with listening(ScriptedNode()) as chain:
        for ask in (
            chain.block(-1),
            chain.block(2**63),
            chain.block(b"\x00" * 31),
            chain.receipt(b""),
            chain.call(CALL, at=b""),
            chain.logs(SHOP, (), 1, 0),
            chain.logs(SHOP, (), 0, 10_001),
            chain.logs(SHOP, (), -1, 0),
        ):
            with pytest.raises(LocalError):
                await ask
    for url in ("", "ftp://node", "http://", "no url", "http://[", "file:///etc/passwd"):
        with pytest.raises(LocalError):
            JsonRpcChain(url)
    for limits in ({"timeout_ms": 0}, {"answer_bytes": 1_023}, {"timeout_ms": 600_001}, {"answer_bytes": 2**31}):
        with pytest.raises(LocalError):
            RpcLimits(**limits)
