"""What a gate remembers of lottery payments, in memory and bounded: who paid too little, and what was paid already.

Both are lost when the process ends. Then a sender loses what it had paid too much, and a payment that comes once more
is refused for its nonces instead of being known; no ticket counts twice for that.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec

from parley.errors import ErrorCode, Rejected
from parley.gate.lottery_forms import is_enough
from parley.gate.schemes import Repeated
from parley.lottery.worth import SHARES_PER_WEI
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["Credits", "TakenPayments"]


class Credits:
    """What senders have paid and not yet got anything for, in shares of a wei; who paid longest ago is forgotten."""

    def __init__(self, senders_max: int) -> None:
        """Keep so many senders at the most."""
        self._senders_max = senders_max
        self._shares: OrderedDict[Address, int] = OrderedDict()

    def wei(self, sender: Address) -> int:
        """Return the credit of a sender, rounded down."""
        return self._shares.get(sender, 0) // SHARES_PER_WEI

    def covers(self, sender: Address, shares: int, price_wei: int) -> bool:
        """Say whether a sender's credit and so many shares cover a price."""
        return is_enough(self._shares.get(sender, 0) + shares, price_wei)

    def spend(self, sender: Address, shares: int, price_wei: int) -> bool:
        """Add what a sender has paid, and take a price from it; where it does not do, all of it is kept.

        Returns:
            Whether the price was taken.
        """
        held = self._shares.pop(sender, 0) + shares
        is_paid = is_enough(held, price_wei)
        left = max(0, held - price_wei * SHARES_PER_WEI) if is_paid else held
        if left > 0:
            self._shares[sender] = left
            if len(self._shares) > self._senders_max:
                self._shares.popitem(last=False)
        return is_paid


class _Taken(msgspec.Struct, frozen=True):
    """A payment that was settled."""

    owner: bytes
    expires_ms: Instant


class _Judging(msgspec.Struct):
    """A payment that is being judged; `waiting` is there as soon as somebody waits for that."""

    taken: _Taken
    waiting: asyncio.Future[None] | None = None


class TakenPayments:
    """Payments by their reference, each with the one request that it admitted."""

    def __init__(self, *, payments_max: int, remember_ms: int) -> None:
        """Remember so many settled payments, each for so long, at the most."""
        self._payments_max = payments_max
        self._remember_ms = remember_ms
        self._judging: dict[bytes, _Judging] = {}
        self._taken: OrderedDict[bytes, _Taken] = OrderedDict()

    async def find(self, reference: bytes, owner: bytes) -> Repeated | Rejected | None:
        """Look a payment up; wait while it is being judged for another request.

        Args:
            reference: names the payment.
            owner: names the request and who asks.

        Returns:
            Repeated where it admitted this request, Rejected(ALREADY_SPENT) where it admitted another; None where it is
            not known.
        """
        while (judging := self._judging.get(reference)) is not None:
            if judging.waiting is None:
                judging.waiting = asyncio.get_running_loop().create_future()
            # Whoever judges may be cancelled; who waits must not be cancelled with it, nor cancel others.
            await asyncio.wait({judging.waiting})
        taken = self._taken.get(reference)
        if taken is None:
            return None
        return Repeated(reference.hex()) if taken.owner == owner else Rejected(ErrorCode.ALREADY_SPENT)

    def begin(self, reference: bytes, owner: bytes, now: Instant) -> None:
        """Note that a payment is being judged; `end` or `forget` must follow, and until then it is not forgotten."""
        self._judging[reference] = _Judging(_Taken(owner, Instant(now + self._remember_ms)))

    def end(self, reference: bytes, now: Instant) -> Instant:
        """Note that a payment was settled; return until when it is known."""
        judging = self._judging.pop(reference)
        self._taken[reference] = judging.taken
        while len(self._taken) > self._payments_max or self._is_first_over(now):
            self._taken.popitem(last=False)
        _release(judging)
        return judging.taken.expires_ms

    def forget(self, reference: bytes) -> None:
        """Note that a payment was not taken; nothing where it was settled."""
        judging = self._judging.pop(reference, None)
        if judging is not None:
            _release(judging)

    def _is_first_over(self, now: Instant) -> bool:
        return bool(self._taken) and next(iter(self._taken.values())).expires_ms <= now


def _release(judging: _Judging) -> None:
    if judging.waiting is not None:
        judging.waiting.set_result(None)
