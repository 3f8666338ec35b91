"""What a simulation of lottery tickets is told: the price, the chain, and what the recipient can bear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parley.errors import ConfigError, ErrorCode
from parley.ledgers.evm.amounts import WEI_PER_GWEI

__all__ = ["LotterySimulation"]

_ETHERS_MAX_WEI: Final = 10**30
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "price_wei": (1, _ETHERS_MAX_WEI),
    "requests": (1, 10**9),
    "gas_price_wei": (0, 10**18),
    "redeem_gas": (0, 10**8),
    "float_limit_wei": (0, _ETHERS_MAX_WEI),
    "requests_per_minute": (1, 10**6),
    "redemption_minutes": (0, 10_000),
    "cushion_requests": (0, 10**9),
    "runs": (2, 10_000),
    "seed": (0, 2**63),
}
_SHARES: Final[Mapping[str, tuple[float, float]]] = {
    "variance_budget": (0.0001, 10.0),
    "gas_budget": (0.0001, 1.0),
    "cost_share": (0.01, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LotterySimulation:
    """What is simulated: one recipient that is paid one ticket per request, and how often it all is repeated."""

    price_wei: int = 100 * WEI_PER_GWEI
    """What a request costs, and so what its ticket is worth."""
    requests: int = 1_000_000
    """Over which income is looked at."""
    variance_budget: float = 0.05
    """Standard deviation that the income of these requests may have, as a share of its mean."""
    gas_price_wei: int = WEI_PER_GWEI // 10
    """What one gas costs."""
    redeem_gas: int = 86_542
    """What redeeming one winner takes: from the deposit, to a recipient that was paid before in the round."""
    gas_budget: float = 0.1
    """Share of income that gas may take."""
    float_limit_wei: int = 0
    """What the sender's reserve guarantees the recipient; 0 for as much as is needed."""
    requests_per_minute: int = 600
    """How fast requests come, from one sender."""
    redemption_minutes: int = 10
    """From a win to its payment: until its parameters expire (40 blocks), and confirmations."""
    cost_share: float = 0.8
    """What serving a request costs the recipient, as a share of the price."""
    cushion_requests: int = 20_000
    """Requests that the recipient can pay the serving of before the first income."""
    runs: int = 400
    """How often all requests are simulated, for each face value."""
    seed: int = 1
    """Of all chance."""

    def __post_init__(self) -> None:
        """Check each range.

        Raises:
            ConfigError: a value is outside its range.
        """
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, minimum=low, maximum=high)
        for name, (least, most) in _SHARES.items():
            share = getattr(self, name)
            if not (math.isfinite(share) and least <= share <= most):
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, minimum=f"{least:g}", maximum=f"{most:g}")

    @property
    def redeem_wei(self) -> int:
        """What redeeming one winner costs."""
        return self.redeem_gas * self.gas_price_wei

    @property
    def tickets_waiting(self) -> int:
        """How many tickets come while one winner waits for its payment."""
        return self.requests_per_minute * self.redemption_minutes
