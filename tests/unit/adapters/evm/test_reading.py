"""What is read at one block is read once, shared, bounded and never kept when it failed."""

from __future__ import annotations

import asyncio

import pytest

from parley.adapters.evm.reading import ChainReader
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.lottery.questions import Question
from parley.ports.chain import Block, Reverted
from parley.testing.clock import VirtualClock
from tests.unit.adapters.evm.memory_chain import CONTRACT, MemoryChain

QUESTION = Question(b"ask!")
WORD = (7).to_bytes(32, "big")


def made(*, head_age_ms: int = 0) -> tuple[MemoryChain, ChainReader, VirtualClock]:
    chain, clock = MemoryChain(answers={QUESTION.data: WORD}), VirtualClock()
    return chain, ChainReader(chain, clock, head_age_ms=head_age_ms), clock


async def word_at_head(reader: ChainReader) -> int:
    async def read(block: Block) -> int:
        return await reader.once(block.block_hash, "word", lambda: ask(block))

    async def ask(block: Block) -> int:
        return await reader.word(CONTRACT, QUESTION, at=block.block_hash)

    return await reader.at_head(read)


async def test_a_question_is_asked_at_the_blocks_hash() -> None:
    chain, reader, _ = made()
    block = chain.mine()
    assert await word_at_head(reader) == 7
    [(call, at)] = chain.calls
    assert (call.to, call.data, call.sender, call.value_wei, at) == (CONTRACT, b"ask!", None, 0, block.block_hash)


async def test_one_block_is_read_once_and_the_next_one_anew() -> None:
    chain, reader, _ = made()
    assert [await word_at_head(reader) for _ in range(3)] == [7, 7, 7]
    assert len(chain.calls) == 1
    chain.answers[QUESTION.data] = (8).to_bytes(32, "big")
    chain.mine()
    assert await word_at_head(reader) == 8
    chain.reorganise(1, [[]])
    chain.answers[QUESTION.data] = (9).to_bytes(32, "big")
    assert await word_at_head(reader) == 9
    assert len(chain.calls) == 3


async def test_many_at_a_time_ask_once() -> None:
    chain, reader, _ = made()
    chain.gate = asyncio.Event()
    asking = [asyncio.ensure_future(word_at_head(reader)) for _ in range(10)]
    await chain.asked.wait()
    chain.gate.set()
    assert await asyncio.gather(*asking) == [7] * 10
    assert len(chain.calls) == 1


async def test_one_who_gives_up_takes_the_answer_from_nobody() -> None:
    chain, reader, _ = made()
    chain.gate = asyncio.Event()
    first, second = (asyncio.ensure_future(word_at_head(reader)) for _ in range(2))
    await chain.asked.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    chain.gate.set()
    assert await second == 7


async def test_a_failure_is_told_to_all_and_kept_for_nobody() -> None:
    chain, reader, _ = made()
    chain.answers[QUESTION.data] = UnavailableError(ErrorCode.UNREACHABLE)
    failed = await asyncio.gather(*(word_at_head(reader) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in failed] == [UnavailableError] * 3
    assert len(chain.calls) == 1
    chain.answers[QUESTION.data] = WORD
    assert await word_at_head(reader) == 7


async def test_old_blocks_are_dropped() -> None:
    chain, reader, _ = made()
    first = chain.blocks[0]

    async def ask() -> int:
        return await reader.word(CONTRACT, QUESTION, at=first.block_hash)

    for _ in range(4):
        await reader.once(first.block_hash, "word", ask)
        assert len(chain.calls) == 1
    for number in range(4):
        await reader.once(number.to_bytes(32, "big"), "word", ask)
    await reader.once(first.block_hash, "word", ask)
    assert len(chain.calls) == 6


async def test_what_is_kept_of_one_block_is_bounded() -> None:
    chain, reader, _ = made()
    counted = 0

    async def count() -> int:
        nonlocal counted
        counted += 1
        return counted

    for number in range(4_097):
        assert await reader.once(chain.blocks[0].block_hash, number, count) == number + 1
    assert await reader.once(chain.blocks[0].block_hash, 4_096, count) == 4_097
    assert await reader.once(chain.blocks[0].block_hash, 0, count) == 4_098


async def test_what_holds_at_every_block_is_never_dropped() -> None:
    chain, reader, _ = made()

    async def ask() -> int:
        return await reader.word(CONTRACT, QUESTION, at=chain.blocks[0].block_hash)

    for number in range(10):
        assert await reader.once(None, "constant", ask) == 7
        await reader.once(number.to_bytes(32, "big"), "word", ask)
    assert len(chain.calls) == 11


async def test_the_head_is_asked_for_again_once_it_is_too_old() -> None:
    chain, reader, clock = made(head_age_ms=500)
    for age_ms, heads in [(0, 1), (499, 1), (1, 2), (0, 2)]:
        clock.advance(age_ms)
        await reader.head()
        assert chain.heads == heads


async def test_many_at_a_time_ask_for_the_head_once_where_it_may_be_older() -> None:
    chain, reader, _ = made(head_age_ms=500)
    chain.gate = asyncio.Event()
    asking = [asyncio.ensure_future(reader.head()) for _ in range(10)]
    await chain.asked.wait()
    asking[0].cancel()
    chain.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [chain.blocks[-1]] * 9
    assert chain.heads == 1


async def test_a_head_that_is_not_told_is_asked_for_again() -> None:
    chain, reader, _ = made(head_age_ms=500)
    chain.is_away = True
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await reader.head()
    chain.is_away = False
    assert await reader.head() == chain.blocks[-1]
    assert chain.heads == 3


async def test_a_failure_that_nobody_waits_for_any_more_is_dropped() -> None:
    chain, reader, _ = made(head_age_ms=500)
    chain.gate, chain.is_away = asyncio.Event(), True
    asking = asyncio.ensure_future(reader.head())
    await chain.asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    chain.gate.set()
    with pytest.raises(UnavailableError):
        await reader.head()
    chain.is_away = False
    assert await reader.head() == chain.blocks[-1]


async def test_the_head_is_asked_for_each_time_unless_told_otherwise() -> None:
    chain, reader, _ = made()
    await reader.head()
    await reader.head()
    assert chain.heads == 2


async def test_a_head_that_is_gone_is_asked_for_once_more() -> None:
    chain, reader, _ = made(head_age_ms=1_000)
    chain.mine()
    await word_at_head(reader)
    chain.reorganise(1, [[]])

    async def read(block: Block) -> bytes:
        await reader.word(CONTRACT, QUESTION, at=block.block_hash)
        return block.block_hash

    assert await reader.at_head(read) == chain.blocks[-1].block_hash
    assert chain.heads == 2


async def test_a_block_that_stays_unknown_is_told() -> None:
    _, reader, _ = made()

    async def read(block: Block) -> int:
        del block
        return await reader.word(CONTRACT, QUESTION, at=bytes(32))

    with pytest.raises(UnavailableError) as caught:
        await reader.at_head(read)
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_a_refusal_to_answer_is_a_value_only_for_those_who_expect_it() -> None:
    chain, reader, _ = made()
    chain.answers[QUESTION.data] = Reverted("not <b>you</b>")
    at = chain.blocks[0].block_hash
    assert await reader.ask(CONTRACT, QUESTION, at=at) == Reverted("not <b>you</b>")
    with pytest.raises(PeerError) as caught:
        await reader.word(CONTRACT, QUESTION, at=at)
    assert caught.value.untrusted_text == "not <b>you</b>"
    assert "you" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"", bytes(31), bytes(33), bytes(64)])
async def test_an_answer_of_another_size_is_refused(answer: bytes) -> None:
    chain, reader, _ = made()
    chain.answers[QUESTION.data] = answer
    with pytest.raises(PeerError) as caught:
        await reader.word(CONTRACT, QUESTION, at=chain.blocks[0].block_hash)
    assert caught.value.code is ErrorCode.MALFORMED


async def test_the_number_that_contracts_see_is_asked_of_no_contract() -> None:
    chain, reader, _ = made()
    code = bytes.fromhex("4360005260206000f3")
    chain.answers[code] = (19_000_000).to_bytes(32, "big")
    assert await reader.number_seen_by_contracts(at=chain.blocks[0].block_hash) == 19_000_000
    assert chain.calls[0][0].to is None
    chain.answers[code] = Reverted("")
    with pytest.raises(PeerError):
        await reader.number_seen_by_contracts(at=chain.blocks[0].block_hash)


async def test_a_negative_age_is_refused() -> None:
    with pytest.raises(LocalError):
        made(head_age_ms=-1)
