from __future__ import annotations

from pathlib import Path

import pytest

from parley.adapters.evm.brokers import BrokerProfile
from parley.errors import ConfigError
from parley.lottery.nonces import NonceRule
from parley.node.config import load_config
from parley.node.payments_config import PROFILES, ChainAccess, LotteryConfig, fee_cap_wei


def test_the_profiles_that_may_be_named_are_those_that_are_spoken() -> None:
    assert set(PROFILES) == {profile.value for profile in BrokerProfile}


def test_a_node_reaches_no_chain_but_its_own_unless_told() -> None:
    access = ChainAccess()
    assert (access.url, access.profile, access.broker_address()) == ("", "parley", None)
    assert fee_cap_wei(access) == 500 * 10**9


def test_the_broker_is_an_address() -> None:
    access = ChainAccess(broker="0xa8bB618B1520E284046F3dFc448851A1Ff26e41B")
    assert access.broker_address() == bytes.fromhex("a8bb618b1520e284046f3dfc448851a1ff26e41b")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"url": "ftp://127.0.0.1"}, "chain.url"),
        ({"broker": "0x12"}, "chain.broker"),
        ({"broker": "0xa8bB618B1520E284046F3dFc448851A1Ff26e41b"}, "chain.broker"),
        ({"profile": "livepeer"}, "chain.profile"),
        ({"fee_cap_gwei": 0}, "chain.fee_cap_gwei"),
        ({"block_ms": -1}, "chain.block_ms"),
        ({"block_ms": True}, "chain.block_ms"),
        ({"head_age_ms": 60_001}, "chain.head_age_ms"),
    ],
)
def test_a_wrong_setting_of_the_chain_is_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ChainAccess(**settings)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.facts["setting"] == named


@pytest.mark.parametrize(
    ("name", "value"),
    [("ticket_max_wei", 0), ("confirmations", 0), ("accepts_any_order", 1), ("poll_ms", 9), ("worth_percent", -1)],
)
def test_a_wrong_setting_of_the_lottery_is_named(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        LotteryConfig(**{name: value})  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.facts["setting"] == f"lottery.{name}"


def test_each_part_gets_its_settings() -> None:
    config = LotteryConfig(
        ticket_max_wei=5,
        payment_max_wei=50,
        deposit_multiplier=3,
        redeem_gas=90_000,
        gas_price_floor_wei=7,
        cost_multiplier=11,
        face_value_max_wei=10**15,
        accepts_any_order=False,
        confirmations=4,
        waits_for_params=False,
        worth_percent=150,
        poll_ms=77,
    )
    limits, taking, redeeming = config.sender_limits(), config.recipient(), config.redemption()
    assert (limits.ticket_max_wei, limits.payment_max_wei, limits.deposit_multiplier) == (5, 50, 3)
    assert (taking.redeem_gas, taking.gas_price_floor_wei, taking.cost_multiplier) == (90_000, 7, 11)
    assert (taking.face_value_max_wei, taking.nonce_rule) == (10**15, NonceRule.STRICT)
    assert (redeeming.confirmations, redeeming.waits_for_params) == (4, False)
    assert (redeeming.worth_percent, redeeming.poll_ms) == (150, 77)


def test_the_settings_stand_in_the_nodes_file(tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text('[chain]\nurl = "http://127.0.0.1:8545"\n[lottery]\nconfirmations = 3\n')
    config, settings = load_config(flags={"data_dir": str(tmp_path)}, environment={"PARLEY_LOTTERY_POLL_MS": "50"})
    assert (config.chain.url, config.lottery.confirmations, config.lottery.poll_ms) == ("http://127.0.0.1:8545", 3, 50)
    shown = {one.name: (one.value, one.origin) for one in settings}
    assert shown["lottery.poll_ms"] == ("50", "environment")
    assert shown["chain.fee_cap_gwei"] == ("500", "default")
