"""The limits of the pool, each with its unit; ranges are checked at construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parley.errors import ConfigError, ErrorCode
from parley.primitives.ranges import check_ranges

__all__ = ["SKEW_MS_MAX", "PoolConfig"]

SKEW_MS_MAX = 15_000
"""How far the clocks of two nodes may be apart, everywhere: what is judged of other nodes rests on it."""

_RANGES: Mapping[str, tuple[int, int]] = {
    "message_bytes_max": (1, 65_536),
    "lifetime_ms_max": (1_000, 30 * 86_400_000),
    "skew_ms": (0, SKEW_MS_MAX),
    "records_max": (1, 10_000_000),
    "pool_bytes_max": (1_024, 2**40),
    "author_records_max": (1, 10_000_000),
    "author_bytes_max": (256, 2**40),
    "link_records_max": (1, 10_000_000),
    "link_bytes_max": (256, 2**40),
    "deepness_max": (1, 16),
    "size_limit_max": (1, 100_000),
    "answer_bytes_max": (4_096, 2**30),
    "budget_ms": (1, 600_000),
    "hop_margin_ms": (1, 60_000),
    "seen_ms": (1_000, 3_600_000),
    "seen_max": (1, 10_000_000),
    "cache_age_ms": (0, 3_600_000),
    "cache_entries_max": (0, 100_000),
    "open_queries_max": (1, 1_000_000),
    "link_open_queries_max": (1, 1_000_000),
    "bucket_units": (1, 2**40),
    "bucket_units_per_second": (1, 2**40),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """What one node's pool admits, keeps and spends."""

    message_bytes_max: int = 4_096
    """Longest message text, in bytes of UTF-8."""
    lifetime_ms_max: int = 43_200_000
    """Longest time from created to expires."""
    skew_ms: int = 15_000
    """How far in the future of this node's clock a record may be made."""
    records_max: int = 10_000
    """Most records held."""
    pool_bytes_max: int = 16 * 2**20
    """Most bytes of encoded records held."""
    author_records_max: int = 256
    """Most records held of one author over one link; the node's own over its owner's link are not counted."""
    author_bytes_max: int = 2**20
    """Most bytes held of one author over one link; the node's own over its owner's link are not counted."""
    link_records_max: int = 2_048
    """Most records held that came over one link other than the owner's."""
    link_bytes_max: int = 4 * 2**20
    """Most bytes held that came over one link other than the owner's."""
    deepness_max: int = 6
    """Deepest query, own node included."""
    size_limit_max: int = 1_000
    """Most records of one answer."""
    answer_bytes_max: int = 4 * 2**20
    """Most bytes of the items of one answer, as JSON."""
    budget_ms: int = 8_000
    """Time that a query of the owner may take."""
    hop_margin_ms: int = 700
    """How much earlier each hop must answer than the hop that asked it."""
    seen_ms: int = 120_000
    """How long a request id is remembered."""
    seen_max: int = 100_000
    """Most request ids remembered; beyond, the link that brought most is forgotten first."""
    cache_age_ms: int = 0
    """How long an answer may be served again; 0 asks the network each time. A public node starts with 2,000."""
    cache_entries_max: int = 64
    """Most answers kept."""
    open_queries_max: int = 4_096
    """Most traversals under way at once for all links together."""
    link_open_queries_max: int = 256
    """Most traversals under way at once for one link, and for the owner."""
    bucket_units: int = 1_000_000
    """What a link may spend at once; a unit is one node asked, one record answered, or 16 records looked at."""
    bucket_units_per_second: int = 20_000
    """What a link regains each second."""

    def __post_init__(self) -> None:
        """Check each range and the chain of times that keeps a request id known while it can travel.

        Raises:
            ConfigError: a value is outside its range, or hop_margin_ms < budget_ms <= seen_ms does not hold.
        """
        check_ranges("pool", self, _RANGES)
        if not self.hop_margin_ms < self.budget_ms <= self.seen_ms:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="pool.budget_ms", rule="hop_margin < budget <= seen")
