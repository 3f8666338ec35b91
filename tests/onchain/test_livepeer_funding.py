"""Parameters and funding of the deployed broker's stand-in; titles as in the deployed broker's own tests."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Event, Reverted, account
from tests.onchain.livepeer import UNLOCK_ROUNDS, LivepeerWorld

WRONG_SUM = "^msg.value does not equal sum of deposit amount and reserve amount$"


@pytest.fixture
def world() -> LivepeerWorld:
    return LivepeerWorld()


def withdraw_round(world: LivepeerWorld) -> int:
    return int(world.broker.call("getSenderInfo", world.sender)[0][1])


def claim_from_reserve(world: LivepeerWorld) -> None:
    """Leave 900 of a reserve of 1,000."""
    world.broker.send(world.sender, "fundReserve", value_wei=1_000)
    world.redeem(world.ticket(100))


def test_set_unlock_period_fails_if_caller_is_not_controller_owner(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=r"^caller must be Controller owner$"):
        world.broker.send(world.stranger, "setUnlockPeriod", 30)


def test_set_unlock_period_sets_it(world: LivepeerWorld) -> None:
    receipt = world.broker.send(world.owner, "setUnlockPeriod", 30)
    assert world.broker.call("unlockPeriod") == 30
    assert receipt.events == (Event("ParameterUpdate", {"param": "unlockPeriod"}),)


def test_set_ticket_validity_period_fails_if_caller_is_not_controller_owner(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=r"^caller must be Controller owner$"):
        world.broker.send(world.stranger, "setTicketValidityPeriod", 5)


def test_set_ticket_validity_period_fails_if_zero(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=r"^ticketValidityPeriod must be greater than 0$"):
        world.broker.send(world.owner, "setTicketValidityPeriod", 0)


def test_set_ticket_validity_period_sets_it(world: LivepeerWorld) -> None:
    world.broker.send(world.owner, "setTicketValidityPeriod", 5)
    assert world.broker.call("ticketValidityPeriod") == 5


@pytest.mark.parametrize("call", ["fundDeposit", "fundReserve"])
def test_funding_fails_if_the_system_is_paused(world: LivepeerWorld, call: str) -> None:
    world.pause()
    with pytest.raises(Reverted, match=r"^system is paused$"):
        world.broker.send(world.sender, call, value_wei=1_000)


@pytest.mark.parametrize("call", ["fundDeposit", "fundReserve"])
def test_funding_moves_ether_from_the_sender_to_the_minter(world: LivepeerWorld, call: str) -> None:
    world.broker.send(world.sender, call, value_wei=1)
    before = world.evm.balance(world.sender)
    world.broker.send(world.sender, call, value_wei=1_000)
    assert before - world.evm.balance(world.sender) == 1_000
    assert (world.held(), world.evm.balance(world.broker.address)) == (1_001, 0)


def test_fund_deposit_tracks_one_and_multiple_deposits(world: LivepeerWorld) -> None:
    world.broker.send(world.sender, "fundDeposit", value_wei=1_000)
    assert world.deposit() == 1_000
    world.broker.send(world.sender, "fundDeposit", value_wei=500)
    assert world.deposit() == 1_500


def test_fund_deposit_tracks_multiple_senders(world: LivepeerWorld) -> None:
    world.broker.send(world.sender, "fundDeposit", value_wei=1_000)
    world.broker.send(world.stranger, "fundDeposit", value_wei=500)
    assert (world.deposit(), world.deposit(world.stranger)) == (1_000, 500)


@pytest.mark.parametrize("call", ["fundDeposit", "fundReserve"])
@pytest.mark.parametrize("value_wei", [0, 500])
def test_funding_resets_an_unlock_request(world: LivepeerWorld, call: str, value_wei: int) -> None:
    world.fund(1_000, 1_000)
    world.broker.send(world.sender, "unlock")
    assert withdraw_round(world) == 10 + UNLOCK_ROUNDS
    receipt = world.broker.send(world.sender, call, value_wei=value_wei)
    assert withdraw_round(world) == 0
    assert receipt.named("UnlockCancelled") == [{"sender": world.sender}]


def test_fund_deposit_emits_an_event_with_indexed_sender(world: LivepeerWorld) -> None:
    receipt = world.broker.send(world.sender, "fundDeposit", value_wei=1_000)
    assert receipt.events == (Event("DepositFunded", {"sender": world.sender, "amount": 1_000}),)


def test_fund_reserve_tracks_one_and_multiple_fundings(world: LivepeerWorld) -> None:
    world.broker.send(world.sender, "fundReserve", value_wei=1_000)
    assert world.reserve() == 1_000
    world.broker.send(world.sender, "fundReserve", value_wei=500)
    assert world.reserve() == 1_500


def test_fund_reserve_tracks_multiple_senders(world: LivepeerWorld) -> None:
    world.broker.send(world.sender, "fundReserve", value_wei=1_000)
    world.broker.send(world.stranger, "fundReserve", value_wei=500)
    assert (world.reserve(), world.reserve(world.stranger)) == (1_000, 500)


def test_fund_reserve_preserves_what_remains_after_a_claim(world: LivepeerWorld) -> None:
    claim_from_reserve(world)
    world.broker.send(world.sender, "fundReserve", value_wei=0)
    assert world.broker.call("getReserveInfo", world.sender) == (900, 100)


def test_fund_reserve_adds_to_what_remains_after_a_claim(world: LivepeerWorld) -> None:
    claim_from_reserve(world)
    world.broker.send(world.sender, "fundReserve", value_wei=500)
    assert world.broker.call("getReserveInfo", world.sender) == (1_400, 100)


def test_fund_reserve_emits_an_event_with_indexed_sender(world: LivepeerWorld) -> None:
    receipt = world.broker.send(world.sender, "fundReserve", value_wei=1_000)
    assert receipt.events == (Event("ReserveFunded", {"reserveHolder": world.sender, "amount": 1_000}),)


def test_fund_both_fails_if_the_system_is_paused(world: LivepeerWorld) -> None:
    world.pause()
    with pytest.raises(Reverted, match=r"^system is paused$"):
        world.fund(1_000, 500)


def test_fund_both_fails_if_the_value_is_less_than_the_sum(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=WRONG_SUM):
        world.broker.send(world.sender, "fundDepositAndReserve", 1_000, 500, value_wei=1_499)


def test_fund_both_fails_if_the_value_is_more_than_the_sum(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=WRONG_SUM):
        world.broker.send(world.sender, "fundDepositAndReserve", 1_000, 500, value_wei=1_501)


def test_fund_both_moves_the_sum_from_the_sender_to_the_minter(world: LivepeerWorld) -> None:
    world.fund(1, 0)
    before = world.evm.balance(world.sender)
    world.fund(1_000, 500)
    assert (before - world.evm.balance(world.sender), world.held()) == (1_500, 1_501)


def test_fund_both_tracks_deposit_and_reserve(world: LivepeerWorld) -> None:
    receipt = world.fund(1_000, 500)
    assert (world.deposit(), world.reserve()) == (1_000, 500)
    assert [event.name for event in receipt.events] == ["ReserveFunded", "DepositFunded"]


@pytest.mark.parametrize("more", [0, 500])
def test_fund_both_preserves_what_remains_after_a_claim(world: LivepeerWorld, more: int) -> None:
    claim_from_reserve(world)
    world.fund(10, more)
    assert (world.deposit(), world.reserve()) == (10, 900 + more)


def test_fund_for_fails_if_the_system_is_paused(world: LivepeerWorld) -> None:
    world.pause()
    with pytest.raises(Reverted, match=r"^system is paused$"):
        world.broker.send(world.stranger, "fundDepositAndReserveFor", world.sender, 1, 1, value_wei=2)


def test_fund_for_fails_if_the_value_is_less_than_the_sum(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=WRONG_SUM):
        world.broker.send(world.stranger, "fundDepositAndReserveFor", world.sender, 1, 1, value_wei=1)


def test_fund_for_fails_if_the_value_is_more_than_the_sum(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=WRONG_SUM):
        world.broker.send(world.stranger, "fundDepositAndReserveFor", world.sender, 1, 1, value_wei=3)


def test_fund_for_updates_the_named_address(world: LivepeerWorld) -> None:
    world.broker.send(world.stranger, "fundDepositAndReserveFor", world.sender, 1_000, 500, value_wei=1_500)
    assert (world.deposit(), world.reserve(), world.deposit(world.stranger)) == (1_000, 500, 0)


@pytest.mark.parametrize(("payer", "cancelled"), [(None, True), (account(7), False)])
def test_fund_for_resets_an_unlock_request_of_the_payer_only(
    world: LivepeerWorld, payer: bytes | None, *, cancelled: bool
) -> None:
    world.fund(1_000, 1_000)
    world.broker.send(world.sender, "unlock")
    world.broker.send(payer or world.sender, "fundDepositAndReserveFor", world.sender, 1, 1, value_wei=2)
    assert (withdraw_round(world) == 0) is cancelled
