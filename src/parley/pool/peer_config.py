"""The limits of the peer book, each with its unit; ranges are checked at construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parley.errors import ConfigError, ErrorCode
from parley.primitives.ranges import check_ranges

__all__ = ["PeersConfig"]

_RANGES: Mapping[str, tuple[int, int]] = {
    "outbound_slots": (0, 1_000),
    "inbound_slots": (0, 10_000),
    "slots_per_group": (1, 1_000),
    "onion_slots": (0, 1_000),
    "name_slots": (0, 1_000),
    "known_max": (1, 100_000),
    "hello_interval_ms": (100, 3_600_000),
    "hello_timeout_ms": (10, 600_000),
    "silence_limit": (1, 100),
    "call_backs_max": (1, 1_000),
    "exchange_interval_ms": (100, 86_400_000),
    "exchange_limit": (1, 1_000),
    "remember_interval_ms": (100, 86_400_000),
    "retry_base_ms": (10, 600_000),
    "retry_max_ms": (10, 86_400_000),
    "unanswered_max": (1, 100),
    "score_half_life_ms": (1_000, 30 * 86_400_000),
    "ban_score": (2, 1_000_000),
    "bans_max": (1, 10_000),
    "anchors": (0, 100),
    "exchanges_loopback": (False, True),
    "answers_strangers": (False, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeersConfig:
    """Whom one node talks to, how often, and what it bears."""

    outbound_slots: int = 8
    """Links that this node chooses; static peers are not counted."""
    inbound_slots: int = 32
    """Links that others chose; static peers are not counted."""
    slots_per_group: int = 2
    """Most outbound links, and most call-backs under way, in one address group."""
    onion_slots: int = 4
    """Most outbound links to onion services; 0 where they cannot be reached."""
    name_slots: int = 4
    """Most outbound links to DNS names: unlike IP addresses, groups of them can be had for a fee."""
    known_max: int = 1_000
    """Most addresses known; static ones are not counted."""
    hello_interval_ms: int = 30_000
    """How often each link is greeted again."""
    hello_timeout_ms: int = 5_000
    """How long a question to a peer may take; a call-back has half of it, so that its outcome still arrives."""
    silence_limit: int = 2
    """Greetings in a row without an answer that end a link."""
    call_backs_max: int = 16
    """Most call-backs under way at once."""
    exchange_interval_ms: int = 60_000
    """How often each outbound link is asked for addresses."""
    exchange_limit: int = 32
    """Most addresses of one answer, asked for and given."""
    remember_interval_ms: int = 60_000
    """How often, at most, changed addresses are handed out to be stored."""
    retry_base_ms: int = 1_000
    """Longest wait after the first failure; doubles with each further one."""
    retry_max_ms: int = 600_000
    """Longest wait after any failure."""
    unanswered_max: int = 10
    """Failures in a row after which an address that never answered is forgotten."""
    score_half_life_ms: int = 600_000
    """Time in which half of a misbehaviour score is forgiven."""
    ban_score: int = 100
    """Misbehaviour points that end a link; it may return once they are below half of this."""
    bans_max: int = 128
    """Most node ids and, counted apart, most addresses that are barred at once."""
    anchors: int = 4
    """How many links are remembered to be dialled first after a restart."""
    exchanges_loopback: bool = False
    """Whether loopback addresses pass from peer to peer: for networks that live on one machine."""
    answers_strangers: bool = False
    """Whether a hello without an address is answered: a public node lets strangers earn each request."""

    def __post_init__(self) -> None:
        """Check each range, and that what may not be evicted fits into what may be known.

        Raises:
            ConfigError: a value is outside its range or contradicts another.
        """
        check_ranges("peers", self, _RANGES)
        if self.hello_timeout_ms >= self.hello_interval_ms:
            raise ConfigError(
                ErrorCode.CONFIG_INVALID, setting="peers.hello_timeout_ms", rule="below hello_interval_ms"
            )
        if self.retry_base_ms > self.retry_max_ms:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="peers.retry_base_ms", rule="at most retry_max_ms")
        slots = self.outbound_slots + self.inbound_slots + self.call_backs_max + self.anchors + self.bans_max
        if slots >= self.known_max:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="peers.known_max", rule="above all slots together")
