"""Paying another node again and again: fresh parameters when they are wanted, and never more than was agreed to.

    look for parameters ─► too dear? stop ─► sign ─► send ─► taken: the next
            ▲                                  │        ├── refresh ──┐
            └──────────────────────────────────┴────────┴─────────────┘      retry: other tickets      fatal: stop

What a ticket is worth at the most is the payer's to say; parameters above it are refused before anything is signed.
Tickets that are signed and not taken are bounded too: a quarter of all, and a few payments, as at the end of a round.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from parley.adapters.lottery.payment_client import NodeCaller, ask_params, send_payment
from parley.adapters.lottery.purse import Purse
from parley.errors import ErrorCode, LocalError, ParleyError, PeerError, Rejected, UnavailableError
from parley.ledgers.evm.addresses import checksum_text
from parley.lottery.params import PRICE_OF_A_WEI, Payment, TicketParams
from parley.lottery.refusals import Refused, Remedy
from parley.lottery.verdicts import Reaction
from parley.lottery.wire import encode_payment
from parley.lottery.worth import SHARES_PER_WEI, ceil_wei, worth_shares
from parley.node.lottery_metrics import LotteryMetrics
from parley.node.payment_book import PaymentBook
from parley.pool.addresses import Address, parse_address
from parley.ports.clock import Clock
from parley.primitives.instants import Instant

__all__ = ["Paid", "Payer"]

_PAUSE_MS: Final = 200
_ALLOWANCE: Final = 5
"""In quarters of what was asked for: how many tickets may be signed, as some are lost when a round ends."""
_SPARE_PAYMENTS: Final = 4
_PATIENCE: Final = 200
"""How often in a row nothing may come of a payment before the payer gives up."""


@dataclass(slots=True)
class Paid:
    """What came of paying.

    Attributes:
        requests: that were answered, every ticket taken.
        tickets: taken.
        refused: tickets that were signed, and not taken or never answered.
        worth_shares: of the tickets taken, in parts of 2**256 - 1 of a wei.
        face_value_wei: of the newest tickets.
        refusal: why it ended early; None where it did not.
    """

    requests: int = 0
    tickets: int = 0
    refused: int = 0
    worth_shares: int = 0
    face_value_wei: int = 0
    refusal: Rejected | None = None

    @property
    def worth_wei(self) -> int:
        """What the tickets taken were worth, in wei, rounded down."""
        return self.worth_shares // SHARES_PER_WEI


@dataclass(slots=True)
class _Errand:
    """One call of `pay`, under way."""

    url: Address
    worth_wei: int
    tickets: int
    left: int
    signed_max: int
    signed: int = 0
    paid: Paid = field(default_factory=Paid)
    failures: int = 0
    error: ParleyError | None = None
    params: TicketParams | None = None
    refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Payer:
    """Pays other nodes from one purse."""

    def __init__(
        self, purse: Purse, caller: NodeCaller, book: PaymentBook, clock: Clock, metrics: LotteryMetrics
    ) -> None:
        """Take what it pays with.

        Args:
            purse: signs tickets.
            caller: reaches nodes.
            book: is told what was paid.
            clock: for pauses.
            metrics: is told what is paid.
        """
        self._purse = purse
        self._caller = caller
        self._book = book
        self._clock = clock
        self._metrics = metrics

    async def quote(self, url: str, *, worth_wei: int) -> dict[str, object]:
        """Ask a node what tickets must look like; nothing is paid.

        Raises:
            LocalError: no URL of a node, or a worth below 1.
            UnavailableError: the node or the chain did not answer.
            PeerError: the node refuses, or answers in another form.
        """
        params = await ask_params(
            self._caller, _node_url(url), sender=self._purse.sender, worth_wei=_checked_worth(worth_wei)
        )
        refused = await self._purse.check(params)
        return {
            "recipient": checksum_text(params.recipient),
            "face_value_wei": str(params.face_value),
            "worth_wei": str(ceil_wei(worth_shares(params))),
            "tickets_per_winner": None if not params.win_prob else SHARES_PER_WEI // params.win_prob,
            "expiration_block": params.expiration_block,
            "would_pay": refused is None,
            "reason": "" if refused is None else refused.reason.text,
        }

    async def pay(self, url: str, *, requests: int, tickets: int, worth_wei: int, parallel: int) -> Paid:
        """Pay a node a number of times.

        Args:
            url: of the node.
            requests: payments that are to be taken, >= 1.
            tickets: in each, >= 1.
            worth_wei: what one ticket is to be worth, and the most that it may be, >= 1.
            parallel: payments under way at once, >= 1.

        Raises:
            LocalError: no URL of a node, or a worth below 1.
            UnavailableError: the node, the chain or the store did not answer.
            PeerError: the node refuses, or answers in another form.
        """
        signed_max = requests * tickets * _ALLOWANCE // 4 + _SPARE_PAYMENTS * parallel * tickets
        errand = _Errand(_node_url(url), _checked_worth(worth_wei), tickets, requests, signed_max)
        await asyncio.gather(*(self._work(errand) for _ in range(min(parallel, requests))))
        if errand.error is not None:
            raise errand.error
        return errand.paid

    async def tickets_for(self, url: Address, amount_wei: int) -> bytes:
        """Return one lottery ticket worth an amount, as a node takes it; what becomes of it is the node's to say.

        Args:
            url: of the node.
            amount_wei: what the ticket is to be worth, and the most that it may be, >= 1.

        Raises:
            UnavailableError: the node, the chain or the store did not answer.
            PeerError: the node refuses, or asks for what this node does not sign.
        """
        errand = _Errand(url, _checked_worth(amount_wei), 1, 1, 1)
        params = await self._params(errand)
        if params is None:
            raise PeerError(ErrorCode.TOO_EXPENSIVE, limit_wei=str(amount_wei))
        payment = await self._purse.pay(params, PRICE_OF_A_WEI, 1)
        if isinstance(payment, Refused):
            self._metrics.note_held_back(payment)
            raise PeerError(payment.reason.code, reason=payment.reason.text)
        self._book.note_paid(params, 1, self._clock.now())
        self._metrics.note_given(1)
        return encode_payment(payment)

    async def _work(self, errand: _Errand) -> None:
        while errand.left > 0 and errand.paid.refusal is None and errand.error is None:
            errand.left -= 1
            unavailable: UnavailableError | None = None
            try:
                is_taken = await self._pay_once(errand)
            except UnavailableError as error:
                is_taken, unavailable = False, error
            except ParleyError as error:
                errand.error = error
                return
            if is_taken:
                errand.failures = 0
                continue
            errand.left += 1
            await self._wait(errand, unavailable)

    async def _wait(self, errand: _Errand, unavailable: UnavailableError | None) -> None:
        """Wait a moment after a payment of which nothing came: a block, or the other side, may be on its way."""
        errand.failures += 1
        if errand.failures > _PATIENCE or (unavailable is not None and unavailable.code is ErrorCode.SHUTTING_DOWN):
            errand.error = errand.error or unavailable
            if errand.error is None and errand.paid.refusal is None:
                errand.paid.refusal = Rejected(ErrorCode.TICKET_REFUSED, {"failures": errand.failures})
        elif errand.paid.refusal is None:
            await self._clock.sleep_until(Instant(self._clock.now() + _PAUSE_MS))

    async def _pay_once(self, errand: _Errand) -> bool:
        """Pay once; return whether every ticket was taken."""
        params = await self._params(errand)
        if params is None:
            return False
        if errand.signed + errand.tickets > errand.signed_max:
            # Whoever keeps tickets and says that they were not taken gets no more of them.
            facts = {"signed": errand.signed, "taken": errand.paid.tickets}
            errand.paid.refusal = errand.paid.refusal or Rejected(ErrorCode.TOO_EXPENSIVE, facts)
            return False
        errand.signed += errand.tickets
        payment = await self._purse.pay(params, PRICE_OF_A_WEI, errand.tickets)
        if isinstance(payment, Refused):
            errand.signed -= errand.tickets
            self._metrics.note_held_back(payment)
            self._after_refusal(errand, payment, params)
            return False
        return await self._send(errand, payment, params)

    async def _send(self, errand: _Errand, payment: Payment, params: TicketParams) -> bool:
        paid = errand.paid
        try:
            answer = await send_payment(self._caller, errand.url, payment)
        except UnavailableError:
            paid.refused += len(payment.tickets)
            _forget(errand, params)  # the next is signed when the node answers again
            raise
        self._book.note_paid(params, answer.taken, self._clock.now())
        self._metrics.note_given(answer.taken)
        paid.tickets += answer.taken
        paid.refused += len(payment.tickets) - answer.taken
        paid.worth_shares += answer.taken * worth_shares(params)
        paid.face_value_wei = params.face_value
        if answer.reaction is None:
            paid.requests += 1
            return True
        if answer.reaction is Reaction.FATAL:
            paid.refusal = Rejected(ErrorCode.TICKET_REFUSED, {"by": "the recipient"})
        elif answer.reaction is Reaction.REFRESH:
            _forget(errand, params)
        return False

    @staticmethod
    def _after_refusal(errand: _Errand, refused: Refused, params: TicketParams) -> None:
        remedy = refused.reason.remedy
        if remedy is Remedy.STOP:
            errand.paid.refusal = refused.rejected()
        elif remedy is Remedy.REFRESH:
            _forget(errand, params)

    async def _params(self, errand: _Errand) -> TicketParams | None:
        """Return parameters that may be paid under; None where they are too dear, and the errand ends."""
        async with errand.refreshing:
            if errand.params is not None and not await self._purse.wants_refresh(errand.params):
                return errand.params
            params = await ask_params(self._caller, errand.url, sender=self._purse.sender, worth_wei=errand.worth_wei)
            # Recipients round win probabilities up, by less than one part of 2**256 - 1 for each wei of worth.
            if worth_shares(params) > errand.worth_wei * (SHARES_PER_WEI + params.face_value):
                facts = {"ticket_worth_wei": worth_shares(params) // SHARES_PER_WEI, "limit_wei": errand.worth_wei}
                errand.paid.refusal = Rejected(ErrorCode.TOO_EXPENSIVE, _short(facts))
                return None
            errand.params = params
            return params


def _node_url(text: str) -> Address:
    url = parse_address(text)
    if isinstance(url, Rejected):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="url", wanted="a URL like http://127.0.0.1:7421")
    return url


def _checked_worth(worth_wei: int) -> int:
    if worth_wei < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="worth", wanted="1 wei or more")
    return worth_wei


def _forget(errand: _Errand, params: TicketParams) -> None:
    if errand.params is params:
        errand.params = None


def _short(facts: dict[str, int]) -> dict[str, str | int]:
    """Return amounts as text, as they stand in documents."""
    return {name: str(value) for name, value in facts.items()}
