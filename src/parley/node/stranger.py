"""A wallet without a node: ask a public node, earn what it charges, and check all that it answers.

stranger                                public node
peer_hello            ─────────────►
◄─────────────  its id
pool_query            ─────────────►
◄─────────────  WORK_REQUIRED, challenges bound to this very question
solves one
pool_query + work     ─────────────►  judged, spent once, then answered
◄─────────────  records, each verified here
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from parley.adapters.jsonrpc.documents import (
    WorkDocument,
    parse_answer_document,
    push_params,
    query_params,
    work_document,
)
from parley.adapters.solving import OnProgress, WorkSolver
from parley.errors import ErrorCode, ParleyError, PeerError, Rejected, UnavailableError
from parley.node.acts import PUSH_PURPOSE, QUERY_PURPOSE, act_of_query, bind_act
from parley.node.requests import PeerRequests
from parley.pool.addresses import Address
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, encode_record
from parley.pool.rules import check_record, is_under
from parley.ports.clock import Clock
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.earning import (
    ChallengeOffered,
    Earning,
    EarningEvent,
    EarningOutput,
    EarningTerms,
    Present,
    PresentationAccepted,
    PresentationRefused,
    Request,
    SolutionFound,
    Solve,
)
from parley.protocol.machine import Ask, Fail, Finish
from parley.protocol.work import Challenge, Pending, Registry, parse_challenge

__all__ = ["Stranger"]

_TIMEOUT_MS: Final = 20_000
_DEADLINE_MS: Final = 300_000
_RETRY_MS: Final = 5_000
_ATTEMPTS_MAX: Final = 3
_MS_PER_SECOND: Final = 1_000
_ANSWER_LIMIT_BYTES: Final = 32 * 2**20

Call = Callable[[WorkDocument | None], Awaitable[bytes]]


class Stranger:
    """Asks one public node, in the name of a key that nobody knows yet."""

    def __init__(
        self,
        requests: PeerRequests,
        *,
        own_id: NodeId,
        address: Address,
        methods: Registry,
        tries_max: int,
        clock: Clock,
        solver: WorkSolver,
        on_progress: OnProgress,
    ) -> None:
        """Ask over `requests`.

        Args:
            requests: signed by `own_id`.
            own_id: of the asker.
            address: of the public node.
            methods: kinds of work that can be done here.
            tries_max: most expected tries for one permission.
            clock: gives `now`.
            solver: does the work.
            on_progress: is told how far it is.
        """
        self._requests = requests
        self._own_id = own_id
        self._address = address
        self._methods = methods
        self._tries_max = tries_max
        self._clock = clock
        self._solver = solver
        self._on_progress = on_progress

    async def query(self, query: Query) -> Answer:
        """Ask for records; those that do not verify, or were not asked for, are left out.

        Raises:
            PeerError: the node refuses, asks too much, or answers nonsense.
            UnavailableError: it does not answer.
        """

        async def call(node_id: NodeId, work: WorkDocument | None) -> bytes:
            return await self._call(node_id, "pool_query", query_params(query, work))

        answer = parse_answer_document(await self._earn(act_of_query(query), QUERY_PURPOSE, call))
        now, config = self._clock.now(), PoolConfig(message_bytes_max=65_536)
        return Answer(tuple(item for item in answer.items if _is_good(item, query, now, config)), answer.stats)

    async def push(self, record: Record) -> None:
        """Put a signed record into the node's pool.

        Raises:
            PeerError: the node refuses, asks too much, or answers nonsense.
            UnavailableError: it does not answer; whether it took the record is unknown, and pushing again is harmless.
        """

        async def call(node_id: NodeId, work: WorkDocument | None) -> bytes:
            return await self._call(node_id, "pool_push", push_params(record, work))

        await self._earn(encode_record(record), PUSH_PURPOSE, call)

    async def _call(self, node_id: NodeId, method: str, params: bytes) -> bytes:
        return await self._requests.call(
            self._address, node_id, method, params, timeout_ms=_TIMEOUT_MS, limit_bytes=_ANSWER_LIMIT_BYTES
        )

    async def _earn(
        self, act: bytes, purpose: str, call: Callable[[NodeId, WorkDocument | None], Awaitable[bytes]]
    ) -> bytes:
        greeted = await self._requests.hello(self._address, None, own_address=None, timeout_ms=_TIMEOUT_MS)
        now = self._clock.now()
        terms = EarningTerms(
            binding=bind_act(act, sender=self._own_id, recipient=greeted.id, purpose=purpose),
            limits=dict.fromkeys(self._methods.names(), self._tries_max),
            attempts_max=_ATTEMPTS_MAX,
            deadline=Instant(now + _DEADLINE_MS),
            retry_ms=_RETRY_MS,
        )
        machine = Earning(self._methods, terms, now)
        while True:
            output = machine.next_output()
            match output:
                case Finish(value):
                    return value
                case Fail(code):
                    raise PeerError(code, tries_max=self._tries_max)
                case Ask():
                    event = await self._do(output, lambda work: call(greeted.id, work))
                    if event is None:
                        machine.handle_timeout(self._clock.now())
                    else:
                        machine.receive(event, self._clock.now())
                case None:
                    moment = machine.next_timeout()
                    if moment is not None:
                        await self._clock.sleep_until(moment)
                    machine.handle_timeout(self._clock.now())

    async def _do(self, output: EarningOutput, call: Call) -> EarningEvent | None:
        match output:
            case Ask(exchange, Request()):
                return await self._present(exchange, call, None)
            case Ask(exchange, Present(challenge, proof)):
                return await self._present(exchange, call, work_document(challenge, proof))
            case Ask(exchange, Solve(challenge)):
                solution = await self._solve(challenge)
                return None if solution is None else SolutionFound(exchange, solution)
        return None

    async def _present(self, exchange: int, call: Call, work: WorkDocument | None) -> EarningEvent:
        try:
            return PresentationAccepted(exchange, await call(work))
        except UnavailableError as error:
            return PresentationRefused(exchange, error.code)
        except PeerError as error:
            if not error.evidence:
                return PresentationRefused(exchange, error.code)
            return ChallengeOffered(exchange, tuple(parse_challenge(raw) for raw in error.evidence))

    async def _solve(self, challenge: Challenge) -> bytes | None:
        """Solve a challenge; None when it expired meanwhile."""
        method = self._methods.find(challenge.method)
        if method is None:
            raise PeerError(ErrorCode.METHOD_UNKNOWN)
        left_ms = max(0, challenge.expires_ms - self._clock.now())
        try:
            async with asyncio.timeout(left_ms / _MS_PER_SECOND):
                solved = await self._solver.solve(method, challenge, on_progress=self._on_progress)
        except TimeoutError:
            return None
        if isinstance(solved, Pending):
            raise PeerError(ErrorCode.METHOD_UNKNOWN)
        return solved.proof


def _is_good(item: Item, query: Query, now: Instant, config: PoolConfig) -> bool:
    try:
        checked = check_record(item.record, now, config)
    except ParleyError:
        return False
    return not isinstance(checked, Rejected) and is_under(item.record.keys, query.keys)
