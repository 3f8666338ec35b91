"""What every adapter of an Ethereum-like chain must do, as a function that any can be run against.

    await check_chain(make)         make() starts a fresh chain with its controls, as an async context manager

Raises LocalError naming the rule that the adapter breaks, and returns None where it obeys all of them. No test
framework is needed. What is expected comes from the rules of the protocol (the yellow paper, EIP-1559), never from
the chain.

The chain makes a block only when it is told to by `ChainRig.mine`, so that each state between can be looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from parley.errors import ErrorCode, Rejected
from parley.ledgers.evm.transactions import Transaction, sign_transaction, transaction_hash
from parley.ports.chain import Call
from parley.testing.chain_contract_checks import CONTRACT_CHECKS
from parley.testing.chain_contracts import HERALD
from parley.testing.chain_rig import MAX_FEE_WEI, NOBODY, UNKNOWN_HASH, ChainRig, Hand, expect, expect_unavailable

__all__ = ["ChainRig", "check_chain"]

_GWEI: Final = 10**9
_TRANSFER_GAS: Final = 21_000


async def check_chain(make: Callable[[], AbstractAsyncContextManager[ChainRig]]) -> None:
    """Check a chain.

    Args:
        make: starts a fresh one.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    for check in (
        _blocks_are_found_by_number_and_by_hash,
        _transfer_waits_and_is_included,
        _transaction_is_published_twice,
        _unfit_transactions_are_refused,
        _replacement_needs_a_higher_fee,
        _later_nonce_waits_for_the_earlier,
        _fees_are_those_of_the_next_block,
        _lost_blocks_take_all_along,
        _closed_chain_answers_no_more,
        *CONTRACT_CHECKS,
    ):
        async with make() as rig:
            await check(Hand(rig))


async def _blocks_are_found_by_number_and_by_hash(hand: Hand) -> None:
    chain = hand.chain
    expect("a chain has a number", wanted=True, got=await chain.chain_id() > 0)
    before = await chain.head()
    await hand.rig.mine(3)
    head = await chain.head()
    expect("each block counts one", wanted=before.number + 3, got=head.number)
    expect("the head is found by its number", wanted=head, got=await chain.block(head.number))
    expect("and by its hash", wanted=head, got=await chain.block(head.block_hash))
    child = head
    for number in range(head.number - 1, before.number - 1, -1):
        parent = await hand.block(number)
        expect("a block names its parent", wanted=child.parent_hash, got=parent.block_hash)
        expect("time never runs backwards", wanted=True, got=parent.timestamp_s <= child.timestamp_s)
        expect("a block has its number", wanted=number, got=parent.number)
        child = parent
    expect("and is the same later", wanted=before, got=child)
    expect("the first block has no parent", wanted=bytes(32), got=(await hand.block(0)).parent_hash)
    expect("what is not there yet is no block", wanted=None, got=await chain.block(head.number + 1))
    expect("nor is an unknown hash", wanted=None, got=await chain.block(UNKNOWN_HASH))


async def _transfer_waits_and_is_included(hand: Hand) -> None:
    chain = hand.chain
    had_wei = await chain.balance_wei(hand.address)
    head = await chain.head()
    name = await hand.publish(Call(to=NOBODY, data=b"", value_wei=5))
    expect("what waits is in no block", wanted=None, got=await chain.receipt(name))
    expect("nor is its nonce used", wanted=0, got=await chain.transaction_count(hand.address))
    expect("but spoken for", wanted=1, got=await chain.transaction_count(hand.address, pending=True))
    expect("and moves nothing", wanted=0, got=await chain.balance_wei(NOBODY))
    await hand.rig.mine()
    receipt = await hand.receipt(name)
    block = await hand.block(head.number + 1)
    place = (receipt.transaction_hash, receipt.block_number, receipt.block_hash)
    expect("a receipt names its block", wanted=(name, block.number, block.block_hash), got=place)
    did = (receipt.succeeded, receipt.gas_used, receipt.contract, receipt.logs)
    expect("a transfer takes what it takes", wanted=(True, _TRANSFER_GAS, None, ()), got=did)
    price_wei = block.base_fee_wei + _GWEI
    expect("the fee is the base fee and the tip", wanted=price_wei, got=receipt.gas_price_wei)
    expect("what was sent arrives", wanted=5, got=await chain.balance_wei(NOBODY))
    left_wei = had_wei - 5 - _TRANSFER_GAS * price_wei
    expect("the sender pays it and the fee", wanted=left_wei, got=await chain.balance_wei(hand.address))
    expect("the nonce is used", wanted=1, got=await chain.transaction_count(hand.address))
    expect("an unknown hash has no receipt", wanted=None, got=await chain.receipt(UNKNOWN_HASH))


async def _transaction_is_published_twice(hand: Hand) -> None:
    raw = await hand.signed(Call(to=NOBODY, data=b"", value_wei=1))
    name = transaction_hash(raw)
    for moment in ("at first", "while it waits"):
        expect(f"the same is taken {moment}", wanted=name, got=await hand.chain.publish(raw))
    await hand.rig.mine()
    expect("and once it is in a block", wanted=name, got=await hand.chain.publish(raw))
    await hand.rig.mine()
    expect("but takes effect once", wanted=1, got=await hand.chain.balance_wei(NOBODY))


async def _unfit_transactions_are_refused(hand: Hand) -> None:
    chain = hand.chain
    await hand.act(Call(to=NOBODY, data=b""))
    call = Call(to=NOBODY, data=b"", value_wei=1)
    stale = await chain.publish(await hand.signed(call, nonce=0))
    expect("a nonce is used once", wanted=ErrorCode.STALE_SEQUENCE, got=_code(stale))
    everything = Call(to=NOBODY, data=b"", value_wei=await chain.balance_wei(hand.address))
    poor = await chain.publish(await hand.signed(everything))
    expect("what is not there is not sent", wanted=ErrorCode.QUOTA_EXCEEDED, got=_code(poor))
    fit = await hand.signed(call)
    elsewhere = Transaction(
        chain_id=await chain.chain_id() + 1,
        nonce=1,
        max_priority_fee_wei=_GWEI,
        max_fee_wei=MAX_FEE_WEI,
        gas_limit=_TRANSFER_GAS,
        to=NOBODY,
    )
    starving = await hand.signed(call, gas_limit=_TRANSFER_GAS - 1)
    foreign = sign_transaction(elsewhere, hand.secret)
    for raw in (b"", b"\x02", b"\x02\xc0", fit[:-1], b"\x05" + fit[1:], foreign, starving):
        expect("what is no transaction of this chain", wanted=ErrorCode.MALFORMED, got=_code(await chain.publish(raw)))
    await hand.rig.mine()
    expect("what is refused has no effect", wanted=1, got=await chain.transaction_count(hand.address))


async def _replacement_needs_a_higher_fee(hand: Hand) -> None:
    chain = hand.chain
    call = Call(to=NOBODY, data=b"", value_wei=1)
    first = await hand.publish(call, nonce=0)
    other = Call(to=NOBODY, data=b"", value_wei=2)
    same = await chain.publish(await hand.signed(other, nonce=0))
    expect("the same fee replaces nothing", wanted=ErrorCode.PRICE_TOO_LOW, got=_code(same))
    lower = await chain.publish(await hand.signed(other, nonce=0, max_fee_wei=MAX_FEE_WEI - _GWEI))
    expect("nor does a lower one", wanted=ErrorCode.PRICE_TOO_LOW, got=_code(lower))
    raw = await hand.signed(other, nonce=0, max_fee_wei=MAX_FEE_WEI * 5 // 4)
    expect("a fee a quarter higher does", wanted=transaction_hash(raw), got=await chain.publish(raw))
    await hand.rig.mine(2)
    expect("what was replaced is in no block", wanted=None, got=await chain.receipt(first))
    expect("what replaced it is", wanted=True, got=(await hand.receipt(transaction_hash(raw))).succeeded)
    expect("and takes effect alone", wanted=2, got=await chain.balance_wei(NOBODY))


async def _later_nonce_waits_for_the_earlier(hand: Hand) -> None:
    chain = hand.chain
    call = Call(to=NOBODY, data=b"", value_wei=1)
    later = await hand.publish(call, nonce=1)
    await hand.rig.mine()
    expect("a gap holds up what is behind it", wanted=None, got=await chain.receipt(later))
    expect("and does not count", wanted=0, got=await chain.transaction_count(hand.address, pending=True))
    earlier = await hand.publish(call, nonce=0)
    expect("once it is filled, all count", wanted=2, got=await chain.transaction_count(hand.address, pending=True))
    await hand.rig.mine(2)
    first, second = await hand.receipt(earlier), await hand.receipt(later)
    expect("and are included", wanted=(True, True), got=(first.succeeded, second.succeeded))
    expect("in their order", wanted=True, got=first.block_number <= second.block_number)


async def _fees_are_those_of_the_next_block(hand: Hand) -> None:
    for _ in range(3):
        fees = await hand.chain.fees()
        await hand.rig.mine()
        head = await hand.chain.head()
        expect("the base fee is the next block's", wanted=head.base_fee_wei, got=fees.base_fee_wei)
        expect("a tip is not negative", wanted=True, got=fees.priority_fee_wei >= 0)
        expect("both are the price", wanted=fees.base_fee_wei + fees.priority_fee_wei, got=fees.gas_price_wei)


async def _lost_blocks_take_all_along(hand: Hand) -> None:
    chain = hand.chain
    herald = await hand.create(HERALD)
    kept = await hand.act(Call(to=herald, data=b"kept"))
    base = await chain.head()
    name_of_lost = await hand.publish(Call(to=herald, data=b"lost", value_wei=0))
    await hand.rig.mine(2)
    lost = await hand.receipt(name_of_lost)
    head = await chain.head()
    await hand.rig.reorganise(2)
    new = await chain.head()
    expect(
        "another block is the head", wanted=(head.number, False), got=(new.number, new.block_hash == head.block_hash)
    )
    expect("the blocks below stay", wanted=base, got=await chain.block(base.block_hash))
    parent = await hand.block(new.parent_hash)
    expect("the new ones stand on them", wanted=base.block_hash, got=parent.parent_hash)
    expect("a lost block is none", wanted=None, got=await chain.block(lost.block_hash))
    expect("a lost receipt is none", wanted=None, got=await chain.receipt(name_of_lost))
    expect("a kept one stays", wanted=kept, got=await chain.receipt(kept.transaction_hash))
    got = await chain.logs(herald, (), 0, new.number)
    expect("lost logs are gone", wanted=kept.logs, got=got)
    expect("the nonce is free again", wanted=2, got=await chain.transaction_count(hand.address))
    again = await hand.publish(Call(to=herald, data=b"lost", value_wei=0), nonce=2)
    expect("and the same is the same", wanted=name_of_lost, got=again)
    await hand.rig.mine(2)
    expect("what is sent again is included", wanted=True, got=(await hand.receipt(again)).block_number > new.number)


async def _closed_chain_answers_no_more(hand: Hand) -> None:
    chain = hand.chain
    raw = await hand.signed(Call(to=NOBODY, data=b""))
    await chain.close()
    await chain.close()
    questions: tuple[Callable[[], Awaitable[object]], ...] = (
        chain.chain_id,
        chain.head,
        partial(chain.block, 0),
        partial(chain.balance_wei, NOBODY),
        partial(chain.transaction_count, NOBODY),
        partial(chain.code, NOBODY),
        partial(chain.call, Call(to=NOBODY, data=b"")),
        partial(chain.estimate_gas, Call(to=NOBODY, data=b"")),
        chain.fees,
        partial(chain.publish, raw),
        partial(chain.receipt, UNKNOWN_HASH),
        partial(chain.logs, NOBODY, (), 0, 0),
    )
    for question in questions:
        await expect_unavailable("a closed chain answers no more", ErrorCode.SHUTTING_DOWN, question())


def _code(answer: bytes | Rejected) -> ErrorCode | None:
    return answer.code if isinstance(answer, Rejected) else None
