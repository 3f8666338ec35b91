"""The scheme `lottery` of x402: pay a request with tickets of which few win, and only winners touch the chain.

    client                                   LotteryScheme                              desk
      names its sender               ──►       offer: parameters for it           ──►     quote
                                     ◄──       402: amount, parameters
      signs tickets
      the request with its tickets   ──►       are there enough for the price?
                                               was this payment for this request before?
                                               receive                            ──►     checks, takes, keeps winners
                                     ◄──       the answer; fresh parameters in time
      the next request, with tickets ──►       no 402 in between

The price is checked before a ticket is taken, so what is too little costs its sender nothing. Of what was taken and
did not do, a sender has credit. Which tickets won is told to nobody; the sender learns it from the chain.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from parley.adapters.lottery.documents import parse_tickets_object
from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from parley.gate.lottery_forms import (
    LOTTERY_SCHEME,
    lottery_entry,
    network_name,
    parse_account,
    sender_extra,
)
from parley.gate.lottery_memory import Credits, TakenPayments
from parley.gate.lottery_quotes import Quote, QuoteBook, Quoter
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.till_config import TillConfig
from parley.gate.x402 import PaymentSignature, Requirement
from parley.lottery.params import PRICE_OF_A_WEI, Payment, TicketParams
from parley.lottery.verdicts import Reaction, Receipt
from parley.lottery.worth import worth_shares
from parley.ports.broker import Broker
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["LotteryScheme", "TicketDesk", "check_till_price"]

_REFERENCE_TAG: Final = "parley/gate/lottery/v1"
_NONCE_BYTES: Final = 4
_PRICE_MAX_WEI: Final = 2**128
_TIMEOUT_SECONDS: Final = 60
"""How long an offer stands at the least; parameters end by blocks, and 10 of them are left when they are offered."""


class TicketDesk(Quoter, Protocol):
    """Makes parameters and takes tickets (`parley.adapters.lottery.desk.Desk`)."""

    async def receive(self, payment: Payment) -> Receipt:
        """Judge the tickets of a payment and take the good ones, each once."""


class _Presented(msgspec.Struct, frozen=True):
    """A payment as it came, for one request."""

    payment: Payment
    params: TicketParams
    shares: int
    reference: bytes
    owner: bytes


class LotteryScheme:
    """Pay by lottery tickets (a `parley.gate.schemes.Scheme` whose prices are in wei)."""

    def __init__(
        self,
        desk: TicketDesk,
        broker: Broker,
        *,
        chain_id: int,
        recipient: Address,
        config: TillConfig | None = None,
    ) -> None:
        """Take tickets.

        Args:
            desk: judges them, and keeps the winners.
            broker: that pays them; the desk's.
            chain_id: of its chain.
            recipient: who is paid, 20 bytes; the desk's.
            config: what a ticket is worth, and limits.
        """
        self._desk = desk
        self._broker_address = broker.address
        self._network = network_name(chain_id)
        self._recipient = recipient
        self._config = TillConfig() if config is None else config
        self._quotes = QuoteBook(desk, broker, self._config)
        self._credits = Credits(self._config.senders_max)
        self._taken = TakenPayments(payments_max=self._config.remembered_max, remember_ms=self._config.remember_ms)

    @property
    def name(self) -> str:
        """Return "lottery"."""
        return LOTTERY_SCHEME

    @property
    def network(self) -> str:
        """Return the chain in the form of CAIP-2."""
        return self._network

    def check_price(self, price: int) -> None:
        """Check that a price can be paid by as many tickets as one request may bring.

        Args:
            price: in wei.

        Raises:
            ConfigError: it cannot.
        """
        check_till_price(price, self._config)

    async def offer(self, charge: Charge, now: Instant) -> tuple[Requirement, ...]:
        """Return one entry: with parameters for the account that is named, or with what to name.

        Raises:
            PeerError: MALFORMED: an account of this network that is no address.
            UnavailableError: the chain did not answer, or parameters are being made for too many.
        """
        sender = parse_account(charge.account, self._network)
        if sender is None:
            return (self._entry(charge.price, sender_extra(self._network)),)
        quote = await self._quotes.quote(sender, self._worth_wei(charge.price), now)
        if isinstance(quote, Rejected):
            return (self._entry(charge.price, {"refused": quote.code.name.lower()}),)
        # Credit alone admits nobody: whoever names a sender need not be it.
        return (self._entry(max(1, charge.price - self._credits.wei(sender)), {"params": quote.document}),)

    async def settle(self, payment: PaymentSignature, charge: Charge, now: Instant) -> Settled | Repeated | Rejected:
        """Judge tickets from cheap to expensive, and take them.

        Raises:
            PeerError: MALFORMED: the parameters or the tickets have another form.
            UnavailableError: store or chain did not answer; the tickets may have been taken, and are credit then.
        """
        presented = self._read(payment, charge)
        earlier = await self._taken.find(presented.reference, presented.owner)
        if earlier is not None:
            return earlier
        sender = presented.payment.sender
        if not self._credits.covers(sender, presented.shares, charge.price):
            return Rejected(ErrorCode.PRICE_TOO_LOW, {"price_wei": charge.price, "tickets": _count(presented)})
        self._taken.begin(presented.reference, presented.owner, now)
        try:
            receipt = await self._desk.receive(presented.payment)
            outcome = self._judge(presented, receipt, charge.price)
            if isinstance(outcome, Rejected):
                if receipt.reaction is not Reaction.FATAL:
                    self._quotes.forget(sender, self._worth_wei(charge.price))
                return outcome
            expires_ms = self._taken.end(presented.reference, now)
        finally:
            self._taken.forget(presented.reference)
        return Settled(presented.reference.hex(), expires_ms, await self._fresh(presented, receipt, charge.price, now))

    def _read(self, signature: PaymentSignature, charge: Charge) -> _Presented:
        params = self._quotes.read(signature.accepted.extra.get("params"))
        payment = parse_tickets_object(signature.payload, params, PRICE_OF_A_WEI)
        if len(payment.tickets) > self._config.tickets_max:
            raise PeerError(ErrorCode.TOO_LARGE, tickets=len(payment.tickets), maximum=self._config.tickets_max)
        signed = b"".join([one.nonce.to_bytes(_NONCE_BYTES, "big") + one.signature for one in payment.tickets])
        reference = tagged_hash(_REFERENCE_TAG, payment.sender, params.recipient_rand_hash, signed)
        shares = worth_shares(params) * len(payment.tickets)
        return _Presented(payment, params, shares, reference, charge.act.digest + charge.payer)

    def _judge(self, presented: _Presented, receipt: Receipt, price: int) -> Rejected | None:
        """Decide whether what was taken pays for the request; what does not is the sender's credit."""
        shares = receipt.credited_shares
        sender = presented.payment.sender
        tolerated = 0 if shares == presented.shares else receipt.tolerated * worth_shares(presented.params)
        if tolerated and self._credits.covers(sender, shares + tolerated, price):
            shares += tolerated
        if self._credits.spend(sender, shares, price):
            return None
        refused = receipt.rejected()
        return Rejected(ErrorCode.PRICE_TOO_LOW, {"price_wei": price}) if refused is None else refused

    async def _fresh(self, presented: _Presented, receipt: Receipt, price: int, now: Instant) -> dict[str, object]:
        """Return parameters that the sender should use from now on, where those that it uses come to their end."""
        sender, params, worth_wei = presented.payment.sender, presented.params, self._worth_wei(price)
        nonce = max([signed.nonce for signed in presented.payment.tickets])
        is_used_up = self._quotes.is_used_up(sender, worth_wei, params, nonce)
        if not is_used_up and receipt.view is not None and not self._quotes.is_ending(params, receipt.view):
            return {}
        try:
            quote = await self._quotes.quote(sender, worth_wei, now)
        except UnavailableError:
            # The request is paid. Its sender asks for parameters itself when it needs them.
            return {}
        return {"params": quote.document} if isinstance(quote, Quote) else {}

    def _worth_wei(self, price: int) -> int:
        return self._config.ticket_wei or price

    def _entry(self, amount_wei: int, extra: dict[str, object]) -> Requirement:
        return lottery_entry(
            network=self._network,
            amount_wei=amount_wei,
            recipient=self._recipient,
            broker=self._broker_address,
            max_timeout_seconds=_TIMEOUT_SECONDS,
            extra=extra,
        )


def check_till_price(price: int, config: TillConfig) -> None:
    """Check that a price can be paid by as many tickets as one request may bring.

    Args:
        price: in wei, 1 or more.
        config: of the till.

    Raises:
        ConfigError: it cannot.
    """
    worth_wei, tickets_max = config.ticket_wei or price, config.tickets_max
    if price > _PRICE_MAX_WEI or -(-price // worth_wei) > tickets_max:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="price", price_wei=price, tickets_max=tickets_max)


def _count(presented: _Presented) -> int:
    return len(presented.payment.tickets)
