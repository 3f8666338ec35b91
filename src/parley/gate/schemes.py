"""What the gate asks of a way to pay, so that work is one of them and a payment can be another.

    gate                                      scheme
      a request without payment      ──►        offer(act, units): entries for the list of what is accepted
      a request with a payment       ──►        settle(payment, act): Settled · Repeated · Rejected
                                                only after Settled, and once, the gate lets the request through

A scheme joins by an object that fulfils `Scheme`; the gate knows nothing about any of them but this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from parley.errors import Rejected
from parley.gate.binding import Act
from parley.gate.x402 import PaymentSignature, Requirement
from parley.primitives.instants import Instant

__all__ = ["Repeated", "Scheme", "Settled"]


@dataclass(frozen=True, slots=True)
class Settled:
    """The payment is good and was taken, now and for the first time.

    Attributes:
        reference: names what was spent; goes into PAYMENT-RESPONSE.
        expires_ms: the moment from which the same payment is no longer looked at, so that nothing about it
            needs to be remembered.
        extra: what else PAYMENT-RESPONSE says, as JSON values.
    """

    reference: str
    expires_ms: Instant
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeated:
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

    def check_price(self, units: int) -> None:
        """Check, before the start, that a price can be asked for.

        Args:
            units: abstract units, 1 or more; twice the units are twice the price.

        Raises:
            ConfigError: it cannot.
        """

    async def offer(self, act: Act, units: int, now: Instant) -> tuple[Requirement, ...]:
        """Return the entries that would be accepted for a request; empty when there is none at the moment.

        Raises:
            UnavailableError: something that the offer needs did not answer.
        """

    async def settle(
        self, payment: PaymentSignature, act: Act, payer: bytes, now: Instant
    ) -> Settled | Repeated | Rejected:
        """Judge a payment and take it, in one atomic step at the end.

        Args:
            payment: of this scheme and network.
            act: the request that it came with.
            payer: 32 bytes over what else tells one caller from another; a payment that was taken is Repeated
                only for the same act and the same payer.
            now: the moment of the judgement.

        Raises:
            PeerError: MALFORMED or TOO_LARGE: the entry or the payload has another form.
            UnavailableError: a store did not answer; nothing is let through.
        """
