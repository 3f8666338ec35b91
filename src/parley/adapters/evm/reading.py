"""Contracts read at one block, and what was read there kept for whoever asks next.

    caller ──► head (asked again once it is older than allowed)
               question at the head's hash ──► answered from memory, joined where it is being asked, or asked

All that one look at the chain consists of is asked at the hash of one block, so its parts agree. A block's hash names
its whole state, so what was read there never becomes wrong; it becomes old, and is dropped. A chain that reorganises
has another head with another hash, and nothing that was kept applies to it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Final, TypeVar, cast

from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.lottery.questions import Question, parse_words
from parley.ports.chain import Block, Call, EvmChain, Reverted
from parley.ports.clock import Clock
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["ChainReader"]

_BLOCKS_KEPT: Final = 4
_ANSWERS_KEPT_PER_BLOCK: Final = 4_096
_NUMBER_CODE: Final = bytes.fromhex("4360005260206000f3")
"""NUMBER, stored in memory at 0, returned as 32 bytes: run as the code that makes a contract, it answers."""

Answer = TypeVar("Answer")


class ChainReader:
    """Asks contracts at the head of a chain, each question once per block.

    Attributes:
        chain: what is asked.
    """

    def __init__(self, chain: EvmChain, clock: Clock, *, head_age_ms: int = 0) -> None:
        """Read a chain.

        Args:
            chain: what is asked.
            clock: tells how old the head is that is known.
            head_age_ms: for how long a head is taken for the newest one; 0 asks each time.

        Raises:
            LocalError: a negative age.
        """
        if head_age_ms < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, head_age_ms=head_age_ms)
        self.chain = chain
        self._clock = clock
        self._head_age_ms = head_age_ms
        self._head: tuple[Block, Instant] | None = None
        self._asking: asyncio.Task[Block] | None = None
        self._constants: dict[Hashable, asyncio.Task[object]] = {}
        self._blocks: OrderedDict[bytes, dict[Hashable, asyncio.Task[object]]] = OrderedDict()

    async def head(self) -> Block:
        """Return the newest block, or one that was it at most `head_age_ms` ago."""
        if not self._head_age_ms:
            return await self.chain.head()
        if self._head is not None and self._clock.now() - self._head[1] < self._head_age_ms:
            return self._head[0]
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask_head())
            self._asking.add_done_callback(self._note_asked)
        return await asyncio.shield(self._asking)

    async def _ask_head(self) -> Block:
        asked_at = self._clock.now()
        block = await self.chain.head()
        self._head = (block, asked_at)
        return block

    def _note_asked(self, task: asyncio.Task[Block]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # so that asyncio knows that it was seen, where everybody who waited is gone

    async def at_head(self, read: Callable[[Block], Awaitable[Answer]]) -> Answer:
        """Read something at the head; once more where that block is gone before it was read.

        Raises:
            UnavailableError: the chain does not answer, or loses its head twice.
        """
        try:
            return await read(await self.head())
        except UnavailableError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
        return await read(await self._ask_head())

    async def once(
        self, block_hash: bytes | None, key: Hashable, make: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        """Return what was made for a key at a block, or make it; several who ask at a time share one answer.

        A failure is told to all who wait for it, and is not kept.

        Args:
            block_hash: of the block, 32 bytes; None for what holds at every block.
            key: what is asked, with all that the answer depends on.
            make: asks; called where nothing is known and nobody asks yet.
        """
        answers = self._constants if block_hash is None else self._answers(block_hash)
        task = answers.get(key)
        if task is not None and task.done():
            return cast("Answer", task.result())
        if task is None:
            task = asyncio.ensure_future(cast("Coroutine[Any, Any, object]", make()))
            answers[key] = task
            while len(answers) > _ANSWERS_KEPT_PER_BLOCK:
                del answers[next(iter(answers))]
            task.add_done_callback(partial(_drop_failure, answers, key))
        # one who gives up must not take the answer from the others
        return cast("Answer", await asyncio.shield(task))

    def _answers(self, block_hash: bytes) -> dict[Hashable, asyncio.Task[object]]:
        answers = self._blocks.setdefault(block_hash, {})
        self._blocks.move_to_end(block_hash)
        while len(self._blocks) > _BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return answers

    async def ask(self, contract: Address, question: Question, *, at: bytes | None) -> tuple[int, ...] | Reverted:
        """Ask a contract at a block, or at the head where None.

        Returns:
            The words of the answer, or that the contract refused to answer.

        Raises:
            PeerError: MALFORMED: the answer has another form; there may be no such contract.
        """
        answer = await self.chain.call(Call(to=contract, data=question.data), at=at)
        return answer if isinstance(answer, Reverted) else parse_words(answer, question.words)

    async def words(self, contract: Address, question: Question, *, at: bytes | None) -> tuple[int, ...]:
        """Ask a contract that has no reason to refuse.

        Raises:
            PeerError: MALFORMED: it refused, or the answer has another form.
        """
        answer = await self.ask(contract, question, at=at)
        if isinstance(answer, Reverted):
            raise PeerError(ErrorCode.MALFORMED, untrusted_text=answer.reason, field="answer", fault="reverted")
        return answer

    async def word(self, contract: Address, question: Question, *, at: bytes | None) -> int:
        """Ask a contract for one word.

        Raises:
            PeerError: MALFORMED: it refused, or the answer has another form.
        """
        (word,) = await self.words(contract, question, at=at)
        return word

    async def number_seen_by_contracts(self, *, at: bytes) -> int:
        """Return the block number that a contract sees: on a second layer such as Arbitrum, that of the first.

        Raises:
            PeerError: MALFORMED: the answer has another form.
        """
        answer = await self.chain.call(Call(to=None, data=_NUMBER_CODE), at=at)
        if isinstance(answer, Reverted):
            raise PeerError(ErrorCode.MALFORMED, untrusted_text=answer.reason, field="number", fault="reverted")
        return parse_words(answer, 1)[0]


def _drop_failure(answers: dict[Hashable, asyncio.Task[object]], key: Hashable, task: asyncio.Task[object]) -> None:
    # asking for the exception also tells asyncio that it was seen, where everybody who waited is gone
    if (task.cancelled() or task.exception() is not None) and answers.get(key) is task:
        del answers[key]
