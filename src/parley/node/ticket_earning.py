"""Earning tickets at other nodes: ask, work within a budget, hand the result in; what came too late is asked again."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from parley.adapters.upload.ticket_client import Offer
from parley.errors import ErrorCode, LocalError, PeerError
from parley.pool.addresses import Address
from parley.ports.clock import Clock
from parley.primitives.ids import CHALLENGE_ID_BYTES, ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import BINDING_BYTES, MAC_BYTES, Challenge
from parley.protocol.work import Pending, Registry, Solution, WorkMethod
from parley.upload.methods import PayAmount
from parley.upload.tokens import read_token

__all__ = ["Solving", "TicketEarner", "TicketIssuer", "TicketPayer", "challenge_of"]

_ATTEMPTS_MAX: Final = 3
_WORK_MS_MAX: Final = 600_000
"""The longest to work for one ticket, as all others wait for their turn: the other side says when a ticket expires."""

_TRIES_PER_KEY: Final = 65_536
"""What one try of `pow-memory` counts for: a key takes milliseconds, a hash a tenth of a microsecond."""

_MEMORY_HARD: Final = "pow-memory"
_PAYMENT: Final = "payment"
_MS_PER_SECOND: Final = 1_000


class TicketIssuer(Protocol):
    """Another node's ticket service; `parley.adapters.upload.ticket_client.TicketClient` reaches one."""

    async def request_ticket(
        self, url: Address, *, sender: bytes, recipient: bytes, preference: tuple[str, ...]
    ) -> Offer:
        """Ask what a message costs."""

    async def submit(self, url: Address, ticket_id: str, method: str, result: int | str) -> Offer:
        """Hand in a result."""


class Solving(Protocol):
    """Does work; `parley.adapters.solving.WorkSolver` does."""

    async def solve(self, method: WorkMethod, challenge: Challenge) -> Solution | Pending:
        """Solve a challenge."""


class TicketPayer(Protocol):
    """Pays other nodes; `parley.node.payments_door.PaymentsDoor` does."""

    async def tickets_for(self, url: Address, amount_wei: int) -> bytes:
        """Return lottery tickets worth an amount, as a node takes them."""


class TicketEarner:
    """Earns tickets, one at a time: work takes all that the machine has."""

    def __init__(
        self,
        issuer: TicketIssuer,
        methods: Registry,
        solver: Solving,
        *,
        tries_max: int,
        clock: Clock,
        work_ms_max: int = _WORK_MS_MAX,
        payer: TicketPayer | None = None,
        pay_max_wei: int = 0,
    ) -> None:
        """Earn tickets.

        Args:
            issuer: is asked.
            methods: kinds of work that are done here, the one liked best first.
            solver: does them.
            tries_max: most expected tries for one ticket.
            clock: gives `now`.
            work_ms_max: the longest to work for one ticket.
            payer: pays, where a node takes money instead of work.
            pay_max_wei: the most to pay for one ticket; 0: nothing is paid.
        """
        self._issuer = issuer
        self._methods = methods
        self._solver = solver
        self._tries_max = tries_max
        self._clock = clock
        self._work_ms_max = work_ms_max
        self._payer = payer
        self._pay_max_wei = pay_max_wei
        self._turn = asyncio.Lock()

    async def earn(self, route: Address, *, sender: bytes, recipient: bytes) -> Offer:
        """Return a ticket that admits an upload.

        Args:
            route: of the recipient's node.
            sender: 32 bytes.
            recipient: 32 bytes.

        Raises:
            UnavailableError: the node did not answer, or wants to be asked later.
            PeerError: TOO_EXPENSIVE: above the budget. METHOD_UNKNOWN: work that is not done here. WORK_REJECTED: no
                result was accepted. MALFORMED, PEER_REFUSED: what the node says.
        """
        offer = await self._issuer.request_ticket(
            route, sender=sender, recipient=recipient, preference=self._methods.names()
        )
        async with self._turn:
            is_paid = False
            for _ in range(_ATTEMPTS_MAX):
                if offer.is_valid:
                    return offer
                method, challenge = self._price(offer)
                if method.name == _PAYMENT:
                    if is_paid:
                        break  # Who takes money and gives nothing is not paid again.
                    is_paid = True
                result = await self._solve(route, method, challenge)
                if result is None:
                    offer = await self._issuer.request_ticket(
                        route, sender=sender, recipient=recipient, preference=self._methods.names()
                    )
                else:
                    offer = await self._issuer.submit(route, offer.ticket_id, method.name, result)
        if offer.is_valid:
            return offer
        raise PeerError(ErrorCode.WORK_REJECTED, attempts=_ATTEMPTS_MAX)

    def _price(self, offer: Offer) -> tuple[WorkMethod, Challenge]:
        """Return what has to be done, if it is done here and within the budget."""
        method = self._methods.find(offer.worktype)
        if method is None:
            raise PeerError(ErrorCode.METHOD_UNKNOWN, known=",".join(self._methods.names()))
        challenge = challenge_of(offer)
        method.check_params(challenge.params)
        if method.name == _PAYMENT:
            amount_wei = int(challenge.params["amount_wei"])
            if amount_wei > self._pay_max_wei:
                raise PeerError(ErrorCode.TOO_EXPENSIVE, amount_wei=str(amount_wei), pay_max_wei=str(self._pay_max_wei))
        expected = method.expected_tries(challenge.params) * (_TRIES_PER_KEY if method.name == _MEMORY_HARD else 1)
        if expected > self._tries_max:
            raise PeerError(ErrorCode.TOO_EXPENSIVE, expected_tries=expected, tries_max=self._tries_max)
        return method, challenge

    async def _solve(self, route: Address, method: WorkMethod, challenge: Challenge) -> int | str | None:
        """Return the result of the work; None where the ticket expired before it was done."""
        left_ms = challenge.expires_ms - self._clock.now()
        try:
            async with asyncio.timeout(max(0, min(left_ms, self._work_ms_max)) / _MS_PER_SECOND):
                solved = await self._solver.solve(method, challenge)
        except TimeoutError:
            if left_ms > self._work_ms_max:
                raise PeerError(ErrorCode.TOO_EXPENSIVE, work_ms_max=self._work_ms_max) from None
            return None
        if isinstance(solved, Pending) and isinstance(solved.question, PayAmount) and self._payer is not None:
            return method.show_result(await self._payer.tickets_for(route, solved.question.amount_wei))
        if isinstance(solved, Pending):
            raise PeerError(ErrorCode.METHOD_UNKNOWN, known=",".join(self._methods.names()))
        return method.show_result(solved.proof)


def challenge_of(offer: Offer) -> Challenge:
    """Return the challenge behind an offer: the one that its id carries, or, of another kind of node, its params alone.

    Raises:
        PeerError: MALFORMED: params that no method has.
    """
    try:
        carried = read_token(offer.ticket_id).challenge
    except PeerError:
        carried = None
    if carried is not None and carried.method == offer.worktype and dict(carried.params) == dict(offer.work):
        return carried
    try:
        return Challenge(
            ChallengeId(bytes(CHALLENGE_ID_BYTES)),
            offer.worktype,
            offer.work,
            bytes(BINDING_BYTES),
            Instant(offer.expires_ms),
            bytes(MAC_BYTES),
        )
    except LocalError:
        raise PeerError(ErrorCode.MALFORMED, value="work") from None
