"""What bringing messages to other nodes may cost."""

from __future__ import annotations

from dataclasses import dataclass

from parley.errors import ConfigError, ErrorCode

__all__ = ["RelayConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """What bringing messages to other nodes may cost."""

    tries_max: int = 2**28
    """Most expected hash tries for one ticket; a node that asks for more is not written to."""
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
        for name, low, high in (
            ("tries_max", 1, 2**53),
            ("attempts_max", 1, 10_000),
            ("backoff_ms", 10, 86_400_000),
            ("backoff_cap_ms", self.backoff_ms, 86_400_000),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=f"relay.{name}", minimum=low, maximum=high)
