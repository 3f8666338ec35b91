"""What a sender lets one recipient take from it, each limit with its unit; ranges are checked at construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parley.errors import ConfigError, ErrorCode
from parley.primitives.ranges import check_ranges

__all__ = ["SenderLimits"]

_WEI_MAX: Final = 2**63 - 1
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "ticket_max_wei": (1, _WEI_MAX),
    "payment_max_wei": (1, _WEI_MAX),
    "deposit_multiplier": (1, 1_000_000),
    "expiry_margin_blocks": (1, 1_000),
    "refresh_blocks": (1, 10_000),
    "params_max_blocks": (2, 1_000_000),
    "nonces_max": (1, 100_000),
    "refresh_nonces": (1, 100_000),
    "window_nonces": (1, 100_000),
    "sessions_max": (1, 1_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLimits:
    """What one sender signs at the most."""

    ticket_max_wei: int = 3_000_000_000_000
    """Most wei that one ticket may be worth before the draw."""
    payment_max_wei: int = 20_000_000_000_000
    """Most wei that the tickets of one payment may be worth together."""
    deposit_multiplier: int = 1
    """How many winners the deposit must be able to pay."""
    expiry_margin_blocks: int = 1
    """Parameters with so many blocks left, or fewer, are expired: a payment takes a moment to arrive."""
    refresh_blocks: int = 8
    """Parameters with so many blocks left, or fewer, still pay, but fresh ones are to be asked for."""
    params_max_blocks: int = 2_000
    """Parameters that hold longer are refused: their nonces are remembered for two days."""
    nonces_max: int = 600
    """Most nonces under one commitment; recipients keep no more."""
    refresh_nonces: int = 500
    """Beyond so many nonces fresh parameters are to be asked for."""
    window_nonces: int = 50
    """How many nonces one durable claim reserves; a crash wastes fewer than so many."""
    sessions_max: int = 4_096
    """Most commitments that are remembered; one that is forgotten goes on in a new window."""

    def __post_init__(self) -> None:
        """Check the ranges, and what must fit into what.

        Raises:
            ConfigError: a limit outside its range, windows that do not divide the nonces, or a payment below a ticket.
        """
        check_ranges("lottery", self, _RANGES)
        fits = {
            "payment_max_wei": self.payment_max_wei >= self.ticket_max_wei,
            "window_nonces": self.nonces_max % self.window_nonces == 0,
            "refresh_nonces": self.refresh_nonces <= self.nonces_max,
            "refresh_blocks": self.expiry_margin_blocks <= self.refresh_blocks < self.params_max_blocks,
        }
        for name, holds in fits.items():
            if not holds:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=f"lottery.{name}", value=getattr(self, name))
