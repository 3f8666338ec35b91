"""A desk that quotes only where a winner would be paid: it knows the broker's periods, and whether we are registered.

    check      at the start of what lives by being paid: the periods, or an error; whether we are registered
    quote      the periods                senders could withdraw in front of every winner: no quotes
               the desk's own judgement
               a float too low            because of the sender, or because no reserve stands in for us?
    receive    the desk's own judgement: nothing is taken that was not quoted

What a recipient can lose is bounded by its share of a reserve only if nobody withdraws while a ticket can be redeemed.
Our contract cannot be deployed otherwise; another one may have been, and the owner of the deployed one may change it.
"""

from __future__ import annotations

from typing import Final, Protocol

from parley.adapters.lottery.desk import Desk
from parley.errors import ConfigError, ErrorCode, Rejected
from parley.ledgers.evm.addresses import checksum_text
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.verdicts import Fault, Receipt
from parley.lottery.views import BrokerPeriods
from parley.primitives.ids import Address

__all__ = ["BrokerTerms", "CheckedDesk"]

_TOO_SHORT: Final = "senders could withdraw while their tickets can be redeemed"


class BrokerTerms(Protocol):
    """What is asked of a `parley.ports.broker.Broker`."""

    async def periods(self) -> BrokerPeriods:
        """Return for how long it holds a sender's money, and for how long it pays a ticket."""

    async def is_recipient(self, account: Address) -> bool:
        """Say whether an account is registered as a recipient in the present round; 20 bytes."""


class CheckedDesk:
    """Takes tickets where they can be paid (a `parley.gate.lottery_scheme.TicketDesk`)."""

    def __init__(self, desk: Desk, terms: BrokerTerms) -> None:
        """Ask nothing yet.

        Args:
            desk: judges tickets, and keeps the winners.
            terms: the broker that pays them.
        """
        self._desk = desk
        self._terms = terms

    @property
    def recipient(self) -> Address:
        """Return who is paid, 20 bytes."""
        return self._desk.recipient

    async def check(self) -> bool:
        """Look whether tickets can be taken at all.

        Returns:
            Whether the recipient is registered in the present round; otherwise no reserve stands in for it, and there
            are no quotes to give until it is.

        Raises:
            ConfigError: CONFIG_INVALID: senders could withdraw while their tickets can be redeemed.
            UnavailableError: the chain did not answer.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        periods = await self._terms.periods()
        if not periods.outlast_tickets:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="broker", fault=_TOO_SHORT, **_facts(periods))
        return await self._terms.is_recipient(self.recipient)

    async def quote(self, sender: Address, expected_value_wei: int, price: Price) -> TicketParams | Rejected:
        """Make ticket parameters for a sender; see `Desk.quote`.

        Returns:
            The parameters. Or FUNDS_TOO_LOW: the sender's money does not bear such tickets. NOT_REGISTERED: no
            reserve stands in for this recipient. TICKET_REFUSED: the broker holds nobody's money for long enough.

        Raises:
            LocalError: an argument out of range.
            UnavailableError: the chain did not answer.
            PeerError: MALFORMED: what stands at the broker's address answers in another form.
        """
        periods = await self._terms.periods()
        if not periods.outlast_tickets:
            return Rejected(ErrorCode.TICKET_REFUSED, {"reason": _TOO_SHORT, **_facts(periods)})
        quoted = await self._desk.quote(sender, expected_value_wei, price)
        is_float_short = isinstance(quoted, Rejected) and quoted.facts.get("reason") == Fault.FLOAT_TOO_LOW.text
        if is_float_short and not await self._terms.is_recipient(self.recipient):
            return Rejected(ErrorCode.NOT_REGISTERED, {"recipient": checksum_text(self.recipient)})
        return quoted

    async def receive(self, payment: Payment) -> Receipt:
        """Judge the tickets of a payment, and take those that are good; see `Desk.receive`.

        Raises:
            UnavailableError: as `Desk.receive`.
            PeerError: as `Desk.receive`.
        """
        return await self._desk.receive(payment)

    async def close(self) -> None:
        """Write what is not written yet.

        Raises:
            UnavailableError: the store did not answer; what was won is lost with the process.
        """
        await self._desk.close()


def _facts(periods: BrokerPeriods) -> dict[str, int]:
    facts = {"unlock_rounds": periods.unlock_rounds, "ticket_validity_rounds": periods.ticket_validity_rounds}
    return facts if periods.freeze_rounds is None else facts | {"freeze_rounds": periods.freeze_rounds}
