"""The nonces of a sender under one commitment: each is given out once, in ascending order, whatever crashes.

    window 0: nonces 1..50     window 1: nonces 51..100     ...     each claimed in the store before its first nonce

A window is claimed for one attempt, by an owner that no other attempt has. So it is this session's or it is lost for
it: a claim whose answer was never seen, one of the process before the crash and one of another process all answer
Foreign, and the next window is tried. Nothing is written for a single nonce.

    nonce given out   =>   its window's claim was Applied, for this session, and binds for longer than it is used
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from parley.lottery.params import TicketParams
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["CLAIM_MS", "Session", "WindowClaim"]

CLAIM_MS: Final = 172_800_000
"""How long a claimed window binds: 48 hours, far longer than any parameters hold."""

_USED_MS: Final = CLAIM_MS // 2
_NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class WindowClaim:
    """A window of nonces that must be claimed before one of them is used.

    Attributes:
        commitment: of the session, 32 bytes.
        number: of the window, >= 0.
        key: what is claimed in the store, 32 bytes.
        expires_ms: until when the claim must bind.
    """

    commitment: bytes
    number: int
    key: bytes
    expires_ms: Instant


@dataclass(slots=True)
class _Window:
    next_nonce: int
    end: int
    used_until_ms: Instant


class Session:
    """One commitment of a recipient, as one process of a sender uses it.

    Attributes:
        params: under which the commitment came first.
    """

    __slots__ = ("_last_nonce", "_limit", "_next_window", "_per_window", "_sender", "_windows", "params")

    def __init__(self, sender: Address, params: TicketParams, *, nonces_max: int, window_nonces: int) -> None:
        """Begin without a window.

        Args:
            sender: whose nonces, 20 bytes.
            params: the recipient's.
            nonces_max: the largest nonce, a multiple of window_nonces.
            window_nonces: how many nonces one claim reserves, >= 1.
        """
        self.params = params
        self._sender, self._limit, self._per_window = sender, nonces_max, window_nonces
        self._windows: deque[_Window] = deque()
        self._next_window = 0
        self._last_nonce = 0

    @property
    def last_nonce(self) -> int:
        """The largest nonce that is given out; 0 at first."""
        return self._last_nonce

    def left(self, now: Instant) -> int:
        """Return how many nonces can be given out at the most, with and without further claims."""
        self._drop_lapsed(now)
        return self._held() + self._limit - min(self._next_window * self._per_window, self._limit)

    def wanted_claim(self, count: int, now: Instant) -> WindowClaim | None:
        """Return the claim that is needed before `count` nonces can be taken; None where there are enough."""
        self._drop_lapsed(now)
        if self._held() >= count:
            return None
        number = self._next_window
        commitment = self.params.recipient_rand_hash
        return WindowClaim(
            commitment=commitment,
            number=number,
            key=tagged_hash(
                "parley/lottery/sender-nonces/v1", self._sender, commitment, encode_uint(number, _NUMBER_BYTES)
            ),
            expires_ms=Instant(now + CLAIM_MS),
        )

    def is_next(self, claim: WindowClaim) -> bool:
        """Say whether a claim is of the next window."""
        return claim.number == self._next_window

    def settle(self, claim: WindowClaim, *, is_applied: bool) -> None:
        """Take in what the store answered to a claim.

        Args:
            claim: what was wanted; one that is older than the next window is passed over.
            is_applied: whether it was Applied, for an owner of its own; anything else means that it is not ours.
        """
        if not self.is_next(claim):
            return
        self._next_window += 1
        if is_applied:
            first = claim.number * self._per_window + 1
            used_until_ms = Instant(claim.expires_ms - CLAIM_MS + _USED_MS)
            self._windows.append(_Window(first, first + self._per_window, used_until_ms))

    def take(self, count: int) -> tuple[int, ...]:
        """Give out nonces, ascending; `wanted_claim` has said that there are enough."""
        taken: list[int] = []
        while len(taken) < count:
            window = self._windows[0]
            end = min(window.end, window.next_nonce + count - len(taken))
            taken.extend(range(window.next_nonce, end))
            window.next_nonce = end
            if end == window.end:
                self._windows.popleft()
        if taken:
            self._last_nonce = taken[-1]
        return tuple(taken)

    def _held(self) -> int:
        return sum(window.end - window.next_nonce for window in self._windows)

    def _drop_lapsed(self, now: Instant) -> None:
        while self._windows and self._windows[0].used_until_ms <= now:
            self._windows.popleft()
