"""The limits of the ticket service, each with its unit; ranges are checked at construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parley.errors import ConfigError, ErrorCode
from parley.primitives.ranges import check_ranges
from parley.protocol.challenges import is_name

__all__ = ["UploadConfig"]

_DAY_MS = 86_400_000

_RANGES: Mapping[str, tuple[int, int]] = {
    "ticket_ms": (10_000, _DAY_MS),
    "size_max_bytes": (1_024, 2**36),
    "part_max_bytes": (1_024, 2**36),
    "parts_max": (1, 1_024),
    "lease_ms": (1_000, 3_600_000),
    "lease_cap_ms": (1_000, 7 * _DAY_MS),
    "ended_ms": (1_000, 30 * _DAY_MS),
    "wrong_answers_max": (1, 100),
    "expensive_checks_max": (1, 64),
    "expensive_checks_waiting_max": (0, 10_000),
    "uploads_bytes_max": (1_024, 2**44),
    "box_bytes_max": (1_024, 2**44),
    "box_messages_max": (1, 10_000_000),
    "outbox_messages_max": (1, 1_000_000),
    "floor_units": (1, 2**30),
    "ceiling_units": (1, 2**30),
    "wei_per_unit": (1, 10**18),
    "target_per_minute": (1, 1_000_000),
    "demand_half_life_ms": (10_000, 3_600_000),
    "price_holds_ms": (1_000, _DAY_MS),
    "surcharge_percent": (0, 1_000),
    "surcharge_half_life_ms": (10_000, _DAY_MS),
    "surcharge_factor_max": (1, 1_024),
    "busy_senders_max": (1, 1_000_000),
}
_TICKETS_REMEMBERED_MIN = 10
"""Half life of the demand times target, in tickets: below, one ticket alone would move the price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadConfig:
    """What one node asks for, admits and keeps."""

    ticket_ms: int = 1_800_000
    """How long a ticket can be worked for and its upload begun."""
    size_max_bytes: int = 26_214_400
    """Most bytes of one message, all parts together."""
    part_max_bytes: int = 26_214_400
    """Most bytes of one part."""
    parts_max: int = 64
    """Most parts of one message."""
    lease_ms: int = 120_000
    """How long an upload may go without progress."""
    lease_cap_ms: int = 3_600_000
    """How long an upload may take."""
    ended_ms: int = 3_600_000
    """How long the end of an upload is remembered, so that asking again gets the same answer."""
    wrong_answers_max: int = 3
    """Wrong answers after which no further challenge is given."""
    methods: tuple[str, ...] = ("pow", "pow-memory", "math", "captcha", "wait")
    """Methods of work that this node accepts, the one it prefers first."""
    expensive_checks_max: int = 2
    """Most expensive checks under way at once."""
    expensive_checks_waiting_max: int = 64
    """Most expensive checks that wait for their turn; beyond, the answer is to try again later."""
    uploads_bytes_max: int = 2**30
    """Most bytes of all uploads under way."""
    box_bytes_max: int = 256 * 2**20
    """Most bytes of one mailbox."""
    box_messages_max: int = 10_000
    """Most messages of one mailbox."""
    outbox_messages_max: int = 10_000
    """Most messages that wait to be sent to other nodes."""
    floor_units: int = 256
    """Price of a ticket without load, in units of work; a unit of `pow` is 4096 tries."""
    ceiling_units: int = 65_536
    """Highest price of a ticket, in units of work, before the surcharge for a busy sender."""
    wei_per_unit: int = 1_000_000_000
    """What a unit of work costs who pays with lottery tickets instead; `payment` must be among the methods."""
    target_per_minute: int = 60
    """Tickets earned by work in a minute that this node likes to bear; the price moves to keep them near it."""
    demand_half_life_ms: int = 120_000
    """How fast what was earned is forgotten when the demand is judged."""
    price_holds_ms: int = 300_000
    """How long a ticket's price holds whatever happens; afterwards only while it is a quarter of the present one."""
    surcharge_percent: int = 50
    """What one recent ticket of the same sender adds to its next price."""
    surcharge_half_life_ms: int = 1_200_000
    """How fast a recent ticket is forgotten when the surcharge is computed: an eighth of it is left after an hour."""
    surcharge_factor_max: int = 64
    """The surcharge multiplies the price by no more than this."""
    busy_senders_max: int = 10_000
    """Most senders whose recent tickets are remembered."""

    def __post_init__(self) -> None:
        """Check each range, the names of the methods, and what has to fit together.

        Raises:
            ConfigError: a value is outside its range, or one of these does not hold: part_max <= size_max
                <= uploads_bytes_max; lease <= lease_cap; floor <= ceiling; demand_half_life times target is
                at least ten tickets.
        """
        check_ranges("upload", self, _RANGES)
        self._check_methods()
        self._check_chains()

    def _check_methods(self) -> None:
        names = self.methods
        if not isinstance(names, tuple) or len(set(names)) != len(names):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upload.methods", rule="each name once")
        if not all(isinstance(name, str) and is_name(name) for name in names):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upload.methods", rule="names of methods")

    def _check_chains(self) -> None:
        if not self.part_max_bytes <= self.size_max_bytes <= self.uploads_bytes_max:
            rule = "part_max <= size_max <= uploads_bytes_max"
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upload.size_max_bytes", rule=rule)
        if self.lease_ms > self.lease_cap_ms:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upload.lease_ms", rule="lease <= lease_cap")
        if self.floor_units > self.ceiling_units:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upload.floor_units", rule="floor <= ceiling")
        if self.target_per_minute * self.demand_half_life_ms < _TICKETS_REMEMBERED_MIN * 60_000:
            rule = "demand_half_life times target_per_minute is ten tickets or more"
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upload.demand_half_life_ms", rule=rule)
