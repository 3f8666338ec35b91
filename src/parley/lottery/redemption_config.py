"""How winners are turned into money: the settings of the redemption, each with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parley.primitives.ranges import check_ranges

__all__ = ["RedemptionConfig"]

_RANGES: Mapping[str, tuple[int, int]] = {
    "confirmations": (1, 10_000),
    "waits_for_params": (False, True),
    "worth_percent": (0, 100_000),
    "gas_price_max_wei": (0, 10**18),
    "retry_blocks": (1, 10_000),
    "poll_ms": (10, 3_600_000),
    "questions_max": (1, 256),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionConfig:
    """When a winner is sent, and when it is done with."""

    confirmations: int = 12
    """Blocks that must stand behind what the chain says before it is taken as final, its own block included."""
    waits_for_params: bool = True
    """Whether a winner waits until the parameters of its ticket end. Its redemption reveals the number behind them, so
    tickets under parameters that still hold are refused from then on."""
    worth_percent: int = 100
    """A winner is sent only where its payment is above this many hundredths of what the gas costs; 0: at any cost."""
    gas_price_max_wei: int = 0
    """While gas costs more than this, only winners in their last round are sent; 0: no bound."""
    retry_blocks: int = 5
    """Blocks after which a winner that the contract refused is tried again; doubled with each refusal, at most 64
    times this."""
    poll_ms: int = 3_000
    """How often the chain is looked at."""
    questions_max: int = 8
    """Most questions to the chain under way at once."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a setting outside its range.
        """
        check_ranges("redemption", self, _RANGES)
