"""Which nonces of which commitments a recipient has taken: each once, in little memory, and only while it matters.

    NonceSet    one commitment's: a policy says which nonces are still good
        WindowNonces   any order, not further behind the highest than the window; a bitmap
        StrictNonces   each above all before; one number
    NonceBook   all of them, by sender, with a heap that ends each with its parameters

A nonce is judged here only if its *claim window*, 256 nonces wide, is this process's in the durable store. Another
process, and this one before a crash, may have taken any nonce of a window that it claimed; those are FOREIGN. So
nothing is written per ticket, and no nonce is taken twice.

    taken   =>   its window was claimed by this process, and its bit was not set before
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, Protocol

from parley.lottery.verdicts import Fault
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import Address

__all__ = [
    "CLAIM_WINDOW_NONCES",
    "NonceBook",
    "NoncePolicy",
    "NonceRule",
    "NonceSet",
    "StrictNonces",
    "WindowNonces",
    "make_policy",
    "window_key",
]

CLAIM_WINDOW_NONCES: Final = 256
"""How many nonces one claim covers."""

_NUMBER_BYTES: Final = 8
_TAG: Final = "parley/lottery/recipient-nonces/v1"


class NonceRule(Enum):
    """Which nonces of one commitment are taken."""

    WINDOW = "window"
    STRICT = "strict"


class NoncePolicy(Protocol):
    """What has been taken under one commitment."""

    def judge(self, nonce: int) -> Fault | None:
        """Say why a nonce would not be taken; changes nothing."""

    def take(self, nonce: int) -> Fault | None:
        """Take a nonce, or say why not."""

    @property
    def lowest(self) -> int:
        """The lowest nonce that might still be taken."""


class StrictNonces:
    """Each nonce must be above all that were taken: what the specification asks for."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        """Start with nothing taken."""
        self._last = -1

    def judge(self, nonce: int) -> Fault | None:
        """Say why a nonce would not be taken."""
        if nonce > self._last:
            return None
        return Fault.NONCE_SEEN if nonce == self._last else Fault.NONCE_TOO_LOW

    def take(self, nonce: int) -> Fault | None:
        """Take a nonce, or say why not."""
        fault = self.judge(nonce)
        if fault is None:
            self._last = nonce
        return fault

    @property
    def lowest(self) -> int:
        """The lowest nonce that might still be taken."""
        return self._last + 1


class WindowNonces:
    """Nonces come in any order; of those too far behind the highest nothing is known, so they are not taken.

    Bit i of the bitmap stands for the nonce `highest - i`, so a bitmap never has more bits than the window.
    """

    __slots__ = ("_bits", "_highest", "_mask", "_window")

    def __init__(self, window_nonces: int) -> None:
        """Start with nothing taken.

        Args:
            window_nonces: how far behind the highest a nonce may be, >= 1.
        """
        self._window = window_nonces
        self._mask = (1 << window_nonces) - 1
        self._highest, self._bits = -1, 0

    def judge(self, nonce: int) -> Fault | None:
        """Say why a nonce would not be taken."""
        behind = self._highest - nonce
        if behind < 0:
            return None
        if behind >= self._window:
            return Fault.NONCE_TOO_LOW
        return Fault.NONCE_SEEN if self._bits >> behind & 1 else None

    def take(self, nonce: int) -> Fault | None:
        """Take a nonce, or say why not."""
        fault = self.judge(nonce)
        if fault is not None:
            return fault
        ahead = nonce - self._highest
        if ahead > 0:
            # A shift by more than the window would be a number of 2**32 bits for one leap of the nonce.
            self._bits = (self._bits << ahead & self._mask) | 1 if ahead < self._window else 1
            self._highest = nonce
        else:
            self._bits |= 1 << -ahead
        return None

    @property
    def lowest(self) -> int:
        """The lowest nonce that might still be taken."""
        return max(0, self._highest - self._window + 1)


def make_policy(rule: NonceRule, window_nonces: int) -> NoncePolicy:
    """Return a fresh policy; `window_nonces` is for NonceRule.WINDOW."""
    return WindowNonces(window_nonces) if rule is NonceRule.WINDOW else StrictNonces()


def window_key(commitment: bytes, sender: Address, number: int) -> bytes:
    """Return what is claimed in the store for one window of nonces, 32 bytes.

    Args:
        commitment: 32 bytes.
        sender: who pays under it, 20 bytes.
        number: of the window: nonce // CLAIM_WINDOW_NONCES.
    """
    return tagged_hash(_TAG, commitment, sender, encode_uint(number, _NUMBER_BYTES))


class NonceSet:
    """The nonces of one commitment, and which claim windows are this process's."""

    __slots__ = ("_floor", "_foreign", "_owned", "_policy")

    def __init__(self, policy: NoncePolicy) -> None:
        """Start with nothing taken and nothing claimed."""
        self._policy = policy
        self._floor = 0
        # Few windows are open at once, and an empty set is four times a tuple of one.
        self._owned: tuple[int, ...] = ()
        self._foreign: tuple[int, ...] = ()

    def judge(self, nonce: int) -> Fault | None:
        """Say why a nonce would not be taken; its window may still have to be claimed."""
        fault = self._policy.judge(nonce)
        if fault is None and nonce // CLAIM_WINDOW_NONCES in self._foreign:
            return Fault.FOREIGN_NONCE
        return fault

    def owns(self, nonces: Iterable[int]) -> bool:
        """Say whether the windows of all these nonces are this process's."""
        owned = self._owned
        for nonce in nonces:  # noqa: SIM110  # the hot path: a generator costs more than the comparison
            if nonce // CLAIM_WINDOW_NONCES not in owned:
                return False
        return True

    def is_open(self, window: int) -> bool:
        """Say whether it is not known yet whose a window is."""
        return window not in self._owned and window not in self._foreign

    def unclaimed(self, nonces: Iterable[int]) -> set[int]:
        """Return the windows that must be claimed before these nonces can be taken."""
        wanted = {nonce // CLAIM_WINDOW_NONCES for nonce in nonces if self.judge(nonce) is None}
        return wanted.difference(self._owned)

    def settle_claim(self, window: int, *, is_ours: bool) -> None:
        """Note whose a window is."""
        if is_ours and window not in self._owned:
            self._owned += (window,)
        elif not is_ours and window not in self._foreign:
            self._foreign += (window,)

    def take(self, nonce: int) -> Fault | None:
        """Take a nonce, or say why not; one whose window nobody claimed for it is too far from the others."""
        if nonce // CLAIM_WINDOW_NONCES not in self._owned:
            return self.judge(nonce) or Fault.NONCES_SPREAD
        fault = self._policy.take(nonce)
        if fault is None:
            floor = self._policy.lowest // CLAIM_WINDOW_NONCES
            if floor > self._floor:
                self._forget_below(floor)
        return fault

    def _forget_below(self, floor: int) -> None:
        self._floor = floor
        self._owned = tuple(number for number in self._owned if number >= floor)
        self._foreign = tuple(number for number in self._foreign if number >= floor)


class NonceBook:
    """The nonces of all senders, bounded: what is in use is never given up, and what is above the bound not begun.

    A sender gets its place by a ticket that it signed, so nobody can fill another's places.
    """

    def __init__(self, make: Callable[[], NoncePolicy], *, per_sender_max: int, total_max: int) -> None:
        """Start empty.

        Args:
            make: makes the policy of a fresh commitment.
            per_sender_max: commitments of one sender at once, >= 1.
            total_max: commitments of all senders at once, >= 1.
        """
        self._make = make
        self._per_sender_max, self._total_max = per_sender_max, total_max
        self._senders: dict[Address, dict[bytes, NonceSet]] = {}
        self._ends: list[tuple[int, bytes, Address]] = []

    def __len__(self) -> int:
        """Return how many commitments are in use."""
        return len(self._ends)

    def find(self, sender: Address, commitment: bytes) -> NonceSet | None:
        """Return the nonces of a commitment; None where it was not begun."""
        sets = self._senders.get(sender)
        return None if sets is None else sets.get(commitment)

    def begin(self, sender: Address, commitment: bytes, expiration_block: int) -> NonceSet | None:
        """Return the nonces of a commitment, begun where they were not; None where there is no room.

        Args:
            sender: who pays under it.
            commitment: 32 bytes.
            expiration_block: the first block at which its parameters hold no longer.
        """
        held = self.find(sender, commitment)
        if held is not None:
            return held
        sets = self._senders.get(sender)
        if len(self._ends) >= self._total_max or (sets is not None and len(sets) >= self._per_sender_max):
            return None
        begun = NonceSet(self._make())
        self._senders.setdefault(sender, {})[commitment] = begun
        heapq.heappush(self._ends, (expiration_block, commitment, sender))
        return begun

    def expire(self, block_number: int) -> None:
        """Forget the commitments whose parameters hold no longer at a block; nothing is taken under them any more."""
        while self._ends and self._ends[0][0] <= block_number:
            _, commitment, sender = heapq.heappop(self._ends)
            sets = self._senders[sender]
            del sets[commitment]
            if not sets:
                del self._senders[sender]
