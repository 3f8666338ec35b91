"""The settings of the redemption and their ranges."""

from __future__ import annotations

from typing import Any

import pytest

from parley.errors import ConfigError
from parley.lottery.redemption_config import RedemptionConfig


def test_the_defaults_wait_for_parameters_and_for_settled_blocks() -> None:
    config = RedemptionConfig()
    assert config.waits_for_params
    assert config.confirmations == 12
    assert config.worth_percent == 100


@pytest.mark.parametrize(
    "changes",
    [
        {"confirmations": 0},
        {"confirmations": True},
        {"waits_for_params": 1},
        {"worth_percent": -1},
        {"gas_price_max_wei": -1},
        {"retry_blocks": 0},
        {"poll_ms": 1},
        {"questions_max": 0},
    ],
)
def test_a_setting_outside_its_range_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        RedemptionConfig(**changes)
    assert caught.value.facts["setting"] == f"redemption.{next(iter(changes))}"
