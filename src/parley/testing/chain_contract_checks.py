"""What every Ethereum-like chain does with contracts: the second half of `parley.testing.chain_conformance`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.transactions import created_address, transaction_hash
from parley.ports.chain import Block, Call, Reverted
from parley.primitives.hashing import keccak256
from parley.testing.chain_contracts import HERALD, MEMORY, MIRROR, REFUSAL, RUIN, error_string
from parley.testing.chain_rig import NOBODY, UNKNOWN_HASH, Hand, expect, expect_unavailable

__all__ = ["CONTRACT_CHECKS"]

_TRANSFER_GAS: Final = 21_000


async def _contract_is_created_where_it_must_be(hand: Hand) -> None:
    chain = hand.chain
    expect("an account has no code", wanted=b"", got=await chain.code(hand.address))
    for nonce in (0, 1):
        created = await hand.create(MEMORY)
        expect("sender and nonce name it", wanted=created_address(hand.address, nonce), got=created)
        expect("it has its code", wanted=MEMORY, got=await chain.code(created))


async def _call_sees_its_sender_and_its_block(hand: Hand) -> None:
    chain = hand.chain
    mirror = await hand.create(MIRROR)
    call = Call(to=mirror, data=b"", value_wei=7, sender=hand.address)
    seen = bytes(12) + hand.address + (7).to_bytes(32, "big")
    expect("a call has a sender and a value", wanted=seen, got=await chain.call(call))
    expect("and moves nothing", wanted=0, got=await chain.balance_wei(mirror))
    memory = await hand.create(MEMORY)
    reads = Call(to=memory, data=b"")
    blocks: list[Block] = []
    for number in (1, 2):
        await hand.act(Call(to=memory, data=number.to_bytes(32, "big")))
        blocks.append(await chain.head())
    for number, block in enumerate(blocks, 1):
        got = await chain.call(reads, at=block.block_hash)
        expect("a call sees the state after its block", wanted=number.to_bytes(32, "big"), got=got)
    newest = (2).to_bytes(32, "big")
    expect("by default that of the head", wanted=newest, got=await chain.call(reads))
    await chain.call(Call(to=memory, data=(3).to_bytes(32, "big")))
    expect("a call leaves no trace", wanted=newest, got=await chain.call(reads))
    expect("where nothing is, nothing answers", wanted=b"", got=await chain.call(Call(to=NOBODY, data=b"")))
    await expect_unavailable("an unknown block has no state", ErrorCode.NOT_FOUND, chain.call(reads, at=UNKNOWN_HASH))


async def _refusal_of_a_contract_is_an_answer(hand: Hand) -> None:
    refusal, ruin = await hand.create(REFUSAL), await hand.create(RUIN)
    for data, reason in (
        (b"", ""),
        (b"\x01", ""),
        (error_string(b"ticket is used"), "ticket is used"),
        (error_string("fünf €".encode()), "fünf €"),
        (error_string(b"two\nlines\x00\x1b[31m\xff"), "twolines[31m\ufffd"),
        (error_string(b"x" * 300), "x" * 256),
        (error_string(b"cut short")[:-32], ""),
        (bytes.fromhex("4e487b71") + (17).to_bytes(32, "big"), ""),
        (keccak256(b"Expired()")[:4], ""),
    ):
        call = Call(to=refusal, data=data)
        expect("a refusal has its reason", wanted=Reverted(reason), got=await hand.chain.call(call))
        expect("also where gas is asked for", wanted=Reverted(reason), got=await hand.chain.estimate_gas(call))
    got = await hand.chain.call(Call(to=ruin, data=b""))
    expect("what fails without a word is refused", wanted=Reverted(""), got=got)


async def _estimate_suffices(hand: Hand) -> None:
    chain = hand.chain
    transfer = Call(to=NOBODY, data=b"", value_wei=1, sender=hand.address)
    expect("a transfer has its price", wanted=_TRANSFER_GAS, got=await chain.estimate_gas(transfer))
    memory = await hand.create(MEMORY)
    call = Call(to=memory, data=(1).to_bytes(32, "big"), sender=hand.address)
    estimate = await chain.estimate_gas(call)
    if isinstance(estimate, Reverted):
        raise LocalError(ErrorCode.WRONG_STATE, rule="what succeeds has an estimate")
    raw = await hand.signed(call, gas_limit=estimate)
    await chain.publish(raw)
    await hand.rig.mine()
    receipt = await hand.receipt(transaction_hash(raw))
    expect("the estimate suffices", wanted=True, got=receipt.succeeded)
    expect("and is not far above", wanted=True, got=receipt.gas_used <= estimate <= 2 * receipt.gas_used)


async def _reverted_transaction_is_paid_for(hand: Hand) -> None:
    chain = hand.chain
    refusal = await hand.create(REFUSAL)
    had_wei = await chain.balance_wei(hand.address)
    receipt = await hand.act(Call(to=refusal, data=b"", value_wei=9))
    expect("it failed", wanted=(False, ()), got=(receipt.succeeded, receipt.logs))
    expect("it moved nothing", wanted=0, got=await chain.balance_wei(refusal))
    left_wei = had_wei - receipt.gas_used * receipt.gas_price_wei
    expect("it is paid for", wanted=left_wei, got=await chain.balance_wei(hand.address))
    expect("its nonce is used", wanted=2, got=await chain.transaction_count(hand.address))


async def _logs_come_in_order(hand: Hand) -> None:
    chain, other = hand.chain, Hand(hand.rig, 1)
    herald, second = await hand.create(HERALD), await hand.create(HERALD)
    red, blue, plain = b"\x01" * 32, b"\x02" * 32, b"short"
    first_block = (await chain.head()).number + 1
    receipts = [await hand.act(Call(to=herald, data=data)) for data in (red + b"a", blue + b"b", plain)]
    await hand.act(Call(to=second, data=red + b"elsewhere"))
    names = [
        await hand.publish(Call(to=herald, data=red + b"c")),
        await hand.publish(Call(to=herald, data=red)),
        await other.publish(Call(to=herald, data=blue)),
    ]
    await hand.rig.mine()
    last_block = (await chain.head()).number
    of_one_block = sorted(
        (log for receipt in [await hand.receipt(name) for name in names] for log in receipt.logs),
        key=lambda log: log.index,
    )
    made = [log for receipt in receipts for log in receipt.logs] + of_one_block
    expect("logs of one block are counted", wanted=[0, 1, 2], got=[log.index for log in of_one_block])
    said = [((red,), b"a"), ((blue,), b"b"), ((), plain)]
    expect("a log has topics and data", wanted=said, got=[(log.topics, log.data) for log in made[:3]])
    place = (receipts[0].block_number, receipts[0].block_hash, receipts[0].transaction_hash, herald)
    log = made[0]
    named = (log.block_number, log.block_hash, log.transaction_hash, log.address)
    expect("a log names its place", wanted=place, got=named)
    for topics, wanted in (
        ((), made),
        ((red,), [log for log in made if log.topics == (red,)]),
        ((blue, red), [log for log in made if log.topics]),
        ((UNKNOWN_HASH,), []),
    ):
        got = await chain.logs(herald, topics, 0, last_block + 5)
        expect("logs are found by their first topic, in order", wanted=tuple(wanted), got=got)
    got = await chain.logs(herald, (), first_block + 1, first_block + 1)
    expect("a range holds its ends alone", wanted=(made[1],), got=got)
    got = await chain.logs(herald, (), last_block + 1, last_block + 2)
    expect("what is not there yet has no logs", wanted=(), got=got)


CONTRACT_CHECKS: Final[tuple[Callable[[Hand], Awaitable[None]], ...]] = (
    _contract_is_created_where_it_must_be,
    _call_sees_its_sender_and_its_block,
    _refusal_of_a_contract_is_an_answer,
    _estimate_suffices,
    _reverted_transaction_is_paid_for,
    _logs_come_in_order,
)
"""Each is run on a fresh chain and raises LocalError for a broken rule."""
