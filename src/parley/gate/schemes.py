"""What the gate asks of a way to pay, so that work is one of them and a payment can be another.

    gate                                      scheme
      a request without payment      ──►        offer(charge): entries for the list of what is accepted
      a request with a payment       ──►        settle(payment, charge): Settled · Repeated · Rejected
                                                only after Settled, and once, the gate lets the request through

A scheme joins by an object that fulfils `Scheme`; the gate knows nothing about any of them but this. Each has a
currency of its own: what a price counts is the scheme's to say, and the gate only looks up which number is asked for
a path.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from parley.errors import Rejected
from parley.gate.binding import Act
from parley.gate.x402 import PaymentSignature, Requirement
from parley.primitives.instants import Instant

__all__ = ["Charge", "Repeated", "Scheme", "Settled"]


class Charge(msgspec.Struct, frozen=True):
    """What is asked for one request, by one scheme.

    Attributes:
        act: the request.
        price: in the scheme's own currency, 1 or more.
        payer: 32 bytes over what else tells one caller from another (its credentials); a payment that was taken is
            Repeated only for the same act and the same payer.
        account: of whoever says that it will pay, as the header PAYMENT-SENDER has it, of any form; empty where
            nobody says so. A scheme that makes offers for one payer looks at it.
    """

    act: Act
    price: int
    payer: bytes
    account: str = ""


class Settled(msgspec.Struct, frozen=True):
    """The payment is good and was taken, now and for the first time.

    Attributes:
        reference: names what was spent; goes into PAYMENT-RESPONSE.
        expires_ms: the moment from which the same payment is no longer looked at, so that nothing about it
            needs to be remembered.
        extra: what else PAYMENT-RESPONSE says, as JSON values.
    """

    reference: str
    expires_ms: Instant
    extra: dict[str, object] = {}


class Repeated(msgspec.Struct, frozen=True):
    """The same payment for the same request was taken before.

    Attributes:
        reference: as `Settled` had it.
    """

    reference: str


class Scheme(Protocol):
    """One way to pay."""

    @property
    def name(self) -> str:
        """Name the scheme as x402 does."""

    @property
    def network(self) -> str:
        """Name the network in the form of CAIP-2."""

    def check_price(self, price: int) -> None:
        """Check, before the start, that a price can be asked for.

        Args:
            price: in the scheme's own currency, 1 or more; twice the number is twice the price.

        Raises:
            ConfigError: it cannot.
        """

    async def offer(self, charge: Charge, now: Instant) -> tuple[Requirement, ...]:
        """Return the entries that would be accepted for a request; empty when there is none at the moment.

        Raises:
            PeerError: MALFORMED: the account has a form that no account has.
            UnavailableError: something that the offer needs did not answer.
        """

    async def settle(self, payment: PaymentSignature, charge: Charge, now: Instant) -> Settled | Repeated | Rejected:
        """Judge a payment and take it, in one atomic step at the end.

        Args:
            payment: of this scheme and network.
            charge: what it is to pay for.
            now: the moment of the judgement.

        Raises:
            PeerError: MALFORMED or TOO_LARGE: the entry or the payload has another form.
            UnavailableError: a store or a chain did not answer; nothing is let through.
        """
