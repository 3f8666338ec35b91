"""`TicketAuth`: lets an httpx client pay at a `TicketGate` by itself, within a budget.

    client = httpx.Client(auth=TicketAuth(Budget(request_tries=2_000_000, total_tries=50_000_000)))
    client.get("https://example.org/search?q=swap")       402, some work, 200

A 402 that asks for no work this client can do is left as it is. Where another server answers, because a redirect led
there, nothing is paid. Needs httpx: the extra `client`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Final

from parley.adapters import solving
from parley.adapters.solving import WorkSolver
from parley.errors import ConfigError, ConflictError, ErrorCode, LocalError, PeerError, Rejected
from parley.gate.budget import Budget
from parley.gate.paying import OwnRequest, WorkOrder, choose_work, payment_header
from parley.gate.x402 import REQUIRED_HEADER, SIGNATURE_HEADER, parse_required
from parley.primitives.sha256_search import ENGINE, HASHLIB
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Pending, Registry, Solution

try:
    import httpx
except ModuleNotFoundError as error:
    raise ConfigError(ErrorCode.CONFIG_INVALID, missing="httpx", install="pip install 'parley[client]'") from error

__all__ = ["TicketAuth", "WorkProgress"]

_PAYMENT_REQUIRED: Final = 402
_USUAL_PORTS: Final = (("http", 80), ("https", 443))
_SLICE_TRIES: Final = 65_536
"""Some tens of milliseconds of Python."""


@dataclass(frozen=True, slots=True)
class WorkProgress:
    """How far the work for one request is.

    Attributes:
        url: of the request.
        method: name of the kind of work.
        tries: made so far; chance decides how many are needed.
        expected_tries: on average.
        is_done: whether it is solved.
    """

    url: str
    method: str
    tries: int
    expected_tries: int
    is_done: bool


@dataclass(slots=True)
class _Visit:
    """One request with all its repeats."""

    origin: tuple[str, str, int | None]
    attempts: int = 0
    spent_tries: int = 0


class TicketAuth(httpx.Auth):
    """Pay by work what a server asks for, for `httpx.Client` and `httpx.AsyncClient` (on asyncio).

    A synchronous client works in the thread that calls; an asynchronous one in other threads, and stops when its task
    is cancelled.
    """

    requires_request_body = True

    def __init__(
        self,
        budget: Budget,
        *,
        methods: Registry | None = None,
        progress: Callable[[WorkProgress], None] | None = None,
        attempts_max: int = 2,
        slice_tries: int = _SLICE_TRIES,
        solver: WorkSolver | None = None,
    ) -> None:
        """Pay within a budget.

        Args:
            budget: the most that may be asked for.
            methods: kinds of work that this client can do, best first; None is `pow` alone.
            progress: called after every slice, in the thread of the caller.
            attempts_max: how often one request may be paid for, 1 or more: offers expire, and redirects lead on.
            slice_tries: how many tries a synchronous client makes between two looks at the world, 1 or more.
            solver: does the work of an asynchronous client, and may start processes; None uses all cores where the
                compiled search is there, and one thread where it is not.

        Raises:
            LocalError: a number is out of range.
        """
        if attempts_max < 1 or slice_tries < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, attempts_max=attempts_max, slice_tries=slice_tries)
        self._budget = budget
        self._methods = Registry((ProofOfWork(),)) if methods is None else methods
        self._progress = progress
        self._attempts_max = attempts_max
        self._slice_tries = slice_tries
        self._solver = solver

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request, and again with what it costs.

        Raises:
            ConflictError: TOO_EXPENSIVE: it costs more than the budget allows; nothing was worked.
            PeerError: the server's offer has another form, or is for another request.
        """
        request.read()
        visit = _Visit(_origin_of(request.url))
        response = yield request
        while self._is_payable(response, visit):
            response.request.read()
            order = self._order(response, visit)
            if order is None:
                return
            proof = self._solve(order, str(response.request.url))
            response = yield _paid(response.request, order, proof)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send a request, and again with what it costs.

        Raises:
            ConflictError: as `sync_auth_flow`.
            PeerError: as `sync_auth_flow`.
        """
        await request.aread()
        visit = _Visit(_origin_of(request.url))
        response = yield request
        while self._is_payable(response, visit):
            await response.request.aread()
            order = self._order(response, visit)
            if order is None:
                return
            proof = await self._solve_aside(order, str(response.request.url))
            response = yield _paid(response.request, order, proof)

    def _is_payable(self, response: httpx.Response, visit: _Visit) -> bool:
        return (
            response.status_code == _PAYMENT_REQUIRED
            and REQUIRED_HEADER in response.headers
            and visit.attempts < self._attempts_max
            and _origin_of(response.request.url) == visit.origin
        )

    def _order(self, response: httpx.Response, visit: _Visit) -> WorkOrder | None:
        """Decide what to solve and take it out of the budget; None where this client can do nothing."""
        required = parse_required(response.headers[REQUIRED_HEADER].encode("latin-1", errors="replace"))
        own = _own_request(response.request)
        left_tries = self._budget.left_for_request(visit.spent_tries)
        chosen = choose_work(required, own, self._methods, left_tries)
        match chosen:
            case Rejected(code=ErrorCode.METHOD_UNKNOWN):
                return None
            case Rejected(code=ErrorCode.TOO_EXPENSIVE):
                raise ConflictError(chosen.code, **chosen.facts)
            case Rejected():
                raise PeerError(chosen.code, field="binding")
        self._budget.take(chosen.expected_tries, request_spent_tries=visit.spent_tries)
        visit.attempts += 1
        visit.spent_tries += chosen.expected_tries
        return chosen

    def _solve(self, order: WorkOrder, url: str) -> bytes:
        solver = order.method.start(order.challenge)
        while True:
            step = solver.step(self._slice_tries)
            if isinstance(step, Pending):
                raise _unanswerable(order)
            self._report(order, url, step.tries, is_done=isinstance(step, Solution))
            if isinstance(step, Solution):
                return step.proof

    async def _solve_aside(self, order: WorkOrder, url: str) -> bytes:
        if self._solver is not None:
            return await self._solve_by(self._solver, order, url)
        # Without compiled code, all cores would mean processes that import the user's program once more.
        async with WorkSolver(cores=1 if ENGINE == HASHLIB else 0) as solver:
            return await self._solve_by(solver, order, url)

    async def _solve_by(self, solver: WorkSolver, order: WorkOrder, url: str) -> bytes:
        def report(progress: solving.WorkProgress) -> None:
            self._report(order, url, progress.tries, is_done=False)

        found = await solver.solve(order.method, order.challenge, on_progress=report)
        if isinstance(found, Pending):
            raise _unanswerable(order)
        self._report(order, url, found.tries, is_done=True)
        return found.proof

    def _report(self, order: WorkOrder, url: str, tries: int, *, is_done: bool) -> None:
        if self._progress is not None:
            self._progress(WorkProgress(url, order.method.name, tries, order.expected_tries, is_done))


def _unanswerable(order: WorkOrder) -> ConflictError:
    """Return the error for what a person or another program would have to answer."""
    return ConflictError(ErrorCode.METHOD_UNKNOWN, method=order.method.name)


def _own_request(request: httpx.Request) -> OwnRequest:
    path, _, query = request.url.raw_path.partition(b"?")
    # A server cannot tell an empty query from none.
    target = path + b"?" + query if query else path
    return OwnRequest(request.method, request.headers.get("Host", ""), target, request.content)


def _paid(request: httpx.Request, order: WorkOrder, proof: bytes) -> httpx.Request:
    request.headers[SIGNATURE_HEADER] = payment_header(order, proof).decode()
    return request


def _origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    usual = dict(_USUAL_PORTS).get(url.scheme)
    return url.scheme, url.host, url.port or usual
