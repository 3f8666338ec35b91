"""Judges results: what is cheap at once, what is expensive in a thread, a few at a time, and asks where it must."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.node.upload_metrics import UploadMetrics
from parley.ports.clock import Clock
from parley.protocol.work import Accepted, Challenge, Pending, Registry
from parley.upload.config import UploadConfig
from parley.upload.methods import NameSender
from parley.upload.tokens import Token, token_binding

__all__ = ["Judge", "Questions"]

Questions = Mapping[type, Callable[[object], Awaitable[object]]]
"""Who answers what a kind of work asks for, by the type of the question: how a payment plugs in."""

_QUESTIONS_MAX: Final = 8
_CHEAP: Final = frozenset({"captcha", "pow", "pow-memory", "subscription", "wait"})
"""Checks of microseconds: handing them to a thread would cost more."""

ValueT = TypeVar("ValueT")


class Judge:
    """Judges what is presented for tickets."""

    def __init__(
        self,
        registry: Registry,
        *,
        config: UploadConfig,
        clock: Clock,
        secret: bytes,
        metrics: UploadMetrics,
        questions: Questions,
    ) -> None:
        """Judge by these kinds of work.

        Args:
            registry: all that can be judged.
            config: how many expensive checks run and wait.
            clock: gives `now`.
            secret: under which the challenges were issued.
            metrics: is told how long each check took.
            questions: answers what kinds of work ask for, beside what the ticket itself says.
        """
        self._registry = registry
        self._config = config
        self._clock = clock
        self._secret = secret
        self._metrics = metrics
        self._questions = dict(questions)
        self._slots = asyncio.Semaphore(config.expensive_checks_max)
        self._waiting = 0

    async def judge(self, token: Token, challenge: Challenge, result: object) -> Accepted | Rejected:
        """Judge a result, from what is cheap to what is expensive.

        Args:
            token: the ticket, its mac checked.
            challenge: the ticket's.
            result: as JSON has it.

        Raises:
            UnavailableError: BUSY, or whoever was asked did not answer.
            LocalError: a kind of work asks what nobody here answers.
        """
        method = self._registry.find(challenge.method)
        if method is None:
            return Rejected(ErrorCode.METHOD_UNKNOWN, {"known": ",".join(self._registry.names())})
        proof = method.parse_result(result)
        if proof is None:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "result"})
        check = partial(
            self._registry.check,
            challenge,
            proof,
            binding=token_binding(token.sender, token.recipient, token.size_max_bytes, token.purpose),
            secret=self._secret,
        )
        answers: list[object] = []
        begun_s = time.perf_counter()
        while len(answers) < _QUESTIONS_MAX:
            ready = partial(check, now=self._clock.now(), answers=tuple(answers))
            verdict = ready() if method.name in _CHEAP else await self.bounded(ready)
            if not isinstance(verdict, Pending):
                self._metrics.verify_seconds.labels(method.name).observe(time.perf_counter() - begun_s)
                return verdict
            answers.append(await self._answer(token, verdict.question))
        raise LocalError(ErrorCode.WRONG_STATE, method=method.name, questions=len(answers))

    async def bounded(self, work: Callable[[], ValueT]) -> ValueT:
        """Do something expensive in a thread, when its turn comes.

        Raises:
            UnavailableError: BUSY: too much waits already.
        """
        if self._slots.locked() and self._waiting >= self._config.expensive_checks_waiting_max:
            raise UnavailableError(ErrorCode.BUSY, waiting=self._waiting)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        # A caller that goes away must not free the place while the thread still works.
        return await asyncio.shield(self._run(work))

    async def _run(self, work: Callable[[], ValueT]) -> ValueT:
        try:
            return await asyncio.to_thread(work)
        finally:
            self._slots.release()

    async def _answer(self, token: Token, question: object) -> object:
        if isinstance(question, NameSender):
            return token.sender
        answerer = self._questions.get(type(question))
        if answerer is None:
            raise LocalError(ErrorCode.WRONG_STATE, question=type(question).__name__)
        return await answerer(question)
