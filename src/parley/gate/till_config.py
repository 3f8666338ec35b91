"""How a gate takes lottery tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ConfigError, ErrorCode
from parley.ledgers.evm.packing import UINT256_MAX

__all__ = ["TillConfig"]

_DAY_MS: Final = 86_400_000
_ENTRIES_MAX: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TillConfig:
    """What a ticket is worth, and how much is remembered in memory.

    Attributes:
        ticket_wei: what one ticket is to be worth on average; 0: a request takes one ticket, whatever it costs.
        tickets_max: most tickets of one request.
        refresh_blocks: parameters that end within so many blocks are replaced by fresh ones along with an answer.
        quotes_max: most senders that parameters are being made for at a time; each may be a question to the chain.
        senders_max: senders whose parameters and credit are kept; who paid longest ago is forgotten first.
        remember_ms: how long a payment is known again, so that a repeat of its request does not act twice.
        remembered_max: most payments that are known again; the oldest are forgotten first.
    """

    ticket_wei: int = 0
    tickets_max: int = 100
    refresh_blocks: int = 10
    quotes_max: int = 32
    senders_max: int = 10_000
    remember_ms: int = 300_000
    remembered_max: int = 100_000

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        ranges = (
            ("ticket_wei", self.ticket_wei, 0, UINT256_MAX),
            ("tickets_max", self.tickets_max, 1, 200),
            ("refresh_blocks", self.refresh_blocks, 1, 1_000),
            ("quotes_max", self.quotes_max, 1, _ENTRIES_MAX),
            ("senders_max", self.senders_max, 1, _ENTRIES_MAX),
            ("remember_ms", self.remember_ms, 1_000, _DAY_MS),
            ("remembered_max", self.remembered_max, 1, _ENTRIES_MAX),
        )
        for setting, value, lowest, highest in ranges:
            if not lowest <= value <= highest:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=setting, minimum=lowest, maximum=highest)
