"""How a node reaches its chain, and what it pays and takes in lottery tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parley.errors import ConfigError, ErrorCode, PeerError
from parley.ledgers.evm.addresses import parse_address
from parley.ledgers.evm.amounts import WEI_PER_GWEI
from parley.lottery.limits import SenderLimits
from parley.lottery.nonces import NonceRule
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.redemption_config import RedemptionConfig
from parley.primitives.ids import Address
from parley.primitives.ranges import check_ranges

__all__ = ["PROFILES", "ChainAccess", "LotteryConfig", "fee_cap_wei"]

PROFILES: Final = ("parley", "livepeer-2023", "livepeer-2026")
"""The values of `parley.adapters.evm.brokers.BrokerProfile`, which is slow to load."""

_CHAIN_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "fee_cap_gwei": (1, 1_000_000),
    "block_ms": (0, 3_600_000),
    "head_age_ms": (0, 60_000),
}
_LOTTERY_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "ticket_max_wei": (1, 2**63 - 1),
    "payment_max_wei": (1, 2**63 - 1),
    "deposit_multiplier": (1, 1_000_000),
    "redeem_gas": (1, 100_000_000),
    "gas_price_floor_wei": (0, 10**15),
    "cost_multiplier": (1, 1_000_000),
    "face_value_max_wei": (0, 2**63 - 1),
    "accepts_any_order": (False, True),
    "confirmations": (1, 10_000),
    "waits_for_params": (False, True),
    "worth_percent": (0, 100_000),
    "poll_ms": (10, 3_600_000),
    "begin_rounds": (False, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAccess:
    """The Ethereum-like chain on which tickets are paid."""

    url: str = ""
    """JSON-RPC address of a node of the chain; empty: a chain inside this node, with money of no worth."""
    broker: str = ""
    """Address of the ticket broker; empty: the one of a development chain, or Livepeer's on Arbitrum One."""
    profile: str = "parley"
    """Interface and rules of the broker: parley, livepeer-2023 or livepeer-2026."""
    passphrase_file: str = ""
    """File whose first line opens the wallet; empty: asked for at the start, or made for a development chain."""
    fee_cap_gwei: int = 500
    """The most to pay per gas."""
    block_ms: int = 1_000
    """Time between blocks of the chain inside this node; 0: a block for each transaction."""
    head_age_ms: int = 250
    """For how long the newest block that was seen is taken for the newest one."""

    def __post_init__(self) -> None:
        """Check the ranges, the profile and the address.

        Raises:
            ConfigError: a setting is out of range or of another form.
        """
        check_ranges("chain", self, _CHAIN_RANGES)
        if self.profile not in PROFILES:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.profile", allowed=", ".join(PROFILES))
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.url", rule="a URL like http://127.0.0.1:8545")
        self.broker_address()

    def broker_address(self) -> Address | None:
        """Return the address that is set, 20 bytes; None where none is.

        Raises:
            ConfigError: it has another form.
        """
        if not self.broker:
            return None
        try:
            return parse_address(self.broker)
        except PeerError:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.broker", rule="0x and 40 digits") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotteryConfig:
    """What this node pays, takes and redeems."""

    ticket_max_wei: int = 3_000_000_000_000
    """Most wei that one ticket that this node signs may be worth before the draw."""
    payment_max_wei: int = 20_000_000_000_000
    """Most wei that the tickets of one payment of this node may be worth together."""
    deposit_multiplier: int = 1
    """How many winners this node's deposit must be able to pay before it signs."""
    redeem_gas: int = 150_000
    """Gas that redeeming a winner takes, as far as face values are concerned."""
    gas_price_floor_wei: int = 0
    """A gas price below this is not believed to last when a face value is chosen."""
    cost_multiplier: int = 100
    """How many times the cost of its redemption a winner is to pay: a higher one wastes less on gas and wins seldom."""
    face_value_max_wei: int = 0
    """Largest face value that this node asks for; 0: as much as a sender's reserve guarantees."""
    accepts_any_order: bool = True
    """Take tickets that arrive out of order, as parallel requests do; otherwise in ascending order only."""
    confirmations: int = 12
    """Blocks that must stand behind what the chain says before it is final, its own block included."""
    waits_for_params: bool = True
    """Redeem a winner only when the parameters of its ticket end, so that nobody pays under them in vain."""
    worth_percent: int = 100
    """Redeem a winner only where it pays more than this many hundredths of the gas; 0: at any cost."""
    poll_ms: int = 2_000
    """How often winners are looked at."""
    begin_rounds: bool = False
    """Begin each round of the broker that nobody else has begun, and pay for it; one node at a broker is enough."""

    def __post_init__(self) -> None:
        """Check the ranges, here and of the parts.

        Raises:
            ConfigError: a setting is out of range.
        """
        check_ranges("lottery", self, _LOTTERY_RANGES)
        self.sender_limits()

    def sender_limits(self) -> SenderLimits:
        """Return what concerns paying."""
        return SenderLimits(
            ticket_max_wei=self.ticket_max_wei,
            payment_max_wei=self.payment_max_wei,
            deposit_multiplier=self.deposit_multiplier,
        )

    def recipient(self) -> RecipientConfig:
        """Return what concerns taking."""
        return RecipientConfig(
            redeem_gas=self.redeem_gas,
            gas_price_floor_wei=self.gas_price_floor_wei,
            cost_multiplier=self.cost_multiplier,
            face_value_max_wei=self.face_value_max_wei,
            nonce_rule=NonceRule.WINDOW if self.accepts_any_order else NonceRule.STRICT,
        )

    def redemption(self) -> RedemptionConfig:
        """Return what concerns winners."""
        return RedemptionConfig(
            confirmations=self.confirmations,
            waits_for_params=self.waits_for_params,
            worth_percent=self.worth_percent,
            poll_ms=self.poll_ms,
        )


def fee_cap_wei(access: ChainAccess) -> int:
    """Return the most to pay per gas, in wei."""
    return access.fee_cap_gwei * WEI_PER_GWEI
