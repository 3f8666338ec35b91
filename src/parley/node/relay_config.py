"""What bringing messages to other nodes may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parley.errors import ConfigError, ErrorCode
from parley.primitives.ranges import check_ranges

__all__ = ["RelayConfig"]

_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "tries_max": (1, 2**53),
    "pay_max_wei": (0, 10**18),
    "attempts_max": (1, 10_000),
    "backoff_ms": (10, 86_400_000),
    "backoff_cap_ms": (10, 86_400_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """What bringing messages to other nodes may cost."""

    tries_max: int = 2**28
    """Most expected hash tries for one ticket; a node that asks for more is not written to."""
    pay_max_wei: int = 0
    """Most wei to pay for one ticket where a node takes lottery tickets instead of work; 0: nothing is paid."""
    attempts_max: int = 16
    """How often a message is tried before it counts as failed."""
    backoff_ms: int = 5_000
    """How long to wait after the first failure; each further one doubles it."""
    backoff_cap_ms: int = 3_600_000
    """The longest to wait between two attempts."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of range.
        """
        check_ranges("relay", self, _RANGES)
        if self.backoff_cap_ms < self.backoff_ms:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="relay.backoff_cap_ms", rule="at least backoff_ms")
