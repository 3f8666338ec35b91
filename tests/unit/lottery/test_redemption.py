"""When a winner is sent, when it waits, and when it is done with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode, PeerError
from parley.lottery.params import CreationRound
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import (
    BlockSeen,
    CallBegun,
    CallConfirmed,
    CallDropped,
    CallRejected,
    CallSeen,
    CallUndone,
    Question,
    RedemptionPhase,
    TrialPassed,
    TrialRefused,
    UseAnswered,
    WaitReason,
)
from parley.lottery.redemption_records import RedemptionEnd, RedemptionRecord
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Finish, drain
from parley.testing.winners import make_winner

NOW = Instant(1_000)
MADE_IN = CreationRound(5, b"\x05" * 32)
WINNER = make_winner(b"\x07" * 32, Address(b"\x02" * 20), MADE_IN, face_value_wei=1_000, expiration_block=20)
CONFIG = RedemptionConfig(confirmations=3, retry_blocks=4)
HASH = b"\x11" * 32
CHAIN = ChainView(
    chain_id=1,
    broker=Address(b"\xb0" * 20),
    block_number=20,
    block_hash=bytes(32),
    creation_round=MADE_IN,
    previous_round=None,
    is_round_initialized=True,
    ticket_validity_rounds=2,
    recipients=1,
    gas_price_wei=2,
)
SENDER = SenderView(
    sender=WINNER.sender,
    block_hash=bytes(32),
    deposit_wei=1_000,
    reserve_wei=0,
    claimable_wei=0,
    state=SenderState.LOCKED,
)
PAID = CallConfirmed(paid_wei=1_000, cost_wei=90, refusal="", transaction_hash=HASH, is_used=True)


def chain(block: int = 20, *, round_number: int = 5, gas_price_wei: int = 2, is_initialized: bool = True) -> ChainView:
    return replace(
        CHAIN,
        block_number=block,
        creation_round=CreationRound(round_number, bytes([round_number]) * 32),
        gas_price_wei=gas_price_wei,
        is_round_initialized=is_initialized,
    )


def begin(config: RedemptionConfig = CONFIG, act: str | None = None) -> Redemption:
    return Redemption(RedemptionRecord(winner=WINNER), config, act=act)


def look(
    machine: Redemption, view: ChainView = CHAIN, sender: SenderView = SENDER, reserved_wei: int = 0
) -> list[object]:
    machine.receive(BlockSeen(view, sender, reserved_wei), NOW)
    return list(drain(machine))


def ended(machine: Redemption) -> tuple[RedemptionEnd | None, int | None]:
    return machine.record.end, machine.record.paid_wei


def exchange_of(outputs: list[object], question: Question) -> int:
    [output] = outputs
    assert isinstance(output, Ask)
    assert output.query is question
    return output.exchange


def ready(config: RedemptionConfig = CONFIG) -> Redemption:
    machine = begin(config)
    machine.receive(TrialPassed(exchange_of(look(machine), Question.TRIAL), 100), NOW)
    assert machine.phase is RedemptionPhase.READY
    return machine


def sent(winners: int = 1) -> Redemption:
    machine = ready()
    machine.receive(CallBegun("call", winners), NOW)
    return machine


def refused_by_trial(machine: Redemption, view: ChainView = CHAIN) -> Redemption:
    machine.receive(TrialRefused(exchange_of(look(machine, view), Question.TRIAL), "no"), NOW)
    machine.receive(UseAnswered(exchange_of(list(drain(machine)), Question.USE), is_used=False), NOW)
    return machine


def test_a_winner_goes_from_waiting_to_redeemed() -> None:
    machine = begin()
    assert (machine.phase, machine.reason) == (RedemptionPhase.WAITING, WaitReason.NEW)
    asked = look(machine)
    assert machine.reason is WaitReason.ON_TRIAL
    machine.receive(TrialPassed(exchange_of(asked, Question.TRIAL), 100), NOW)
    machine.receive(CallBegun("call", 2), NOW)
    machine.receive(CallSeen(1, HASH), NOW)
    assert (machine.phase, machine.act, machine.confirmations) == (RedemptionPhase.SENT, "call", 1)
    machine.receive(PAID, NOW)
    assert drain(machine) == [Finish(machine.record)]
    assert machine.record == RedemptionRecord(
        winner=WINNER,
        end=RedemptionEnd.REDEEMED,
        cost_wei=90,
        paid_wei=1_000,
        transaction_hash=HASH,
        ended_ms=NOW,
    )


@pytest.mark.parametrize(
    ("view", "sender", "reason"),
    [
        (chain(19), SENDER, WaitReason.PARAMS_IN_USE),
        (chain(is_initialized=False), SENDER, WaitReason.ROUND_NOT_BEGUN),
        (chain(), replace(SENDER, deposit_wei=999), WaitReason.FUNDS_SHORT),
        (chain(), replace(SENDER, deposit_wei=0, claimable_wei=-5), WaitReason.FUNDS_SHORT),
        (chain(round_number=6), replace(SENDER, deposit_wei=0), WaitReason.FUNDS_SHORT),
        (chain(gas_price_wei=51), SENDER, WaitReason.GAS_DEAR),
    ],
)
def test_it_waits_while_something_is_missing(view: ChainView, sender: SenderView, reason: WaitReason) -> None:
    machine = begin(replace(CONFIG, gas_price_max_wei=50))
    assert look(machine, view, sender) == []
    assert (machine.phase, machine.reason) == (RedemptionPhase.WAITING, reason)
    assert machine.reserved_wei == 0


def test_deposit_and_the_claimable_part_of_the_reserve_count_together_less_what_is_reserved() -> None:
    sender = replace(SENDER, deposit_wei=700, claimable_wei=500)
    assert look(begin(), sender=sender, reserved_wei=200)
    assert look(begin(), sender=sender, reserved_wei=201) == []


def test_parameters_that_hold_are_no_obstacle_where_the_owner_says_so() -> None:
    assert look(begin(replace(CONFIG, waits_for_params=False)), chain(1))


@pytest.mark.parametrize(
    ("round_number", "sender"),
    [
        (6, SENDER),
        (5, replace(SENDER, state=SenderState.FROZEN)),
        (5, replace(SENDER, state=SenderState.UNLOCKED)),
        (5, replace(SENDER, state=SenderState.UNLOCKING, withdraw_round=6)),
        (5, replace(SENDER, state=SenderState.UNLOCKING, withdraw_round=4)),
    ],
)
def test_what_there_is_is_taken_where_waiting_brings_no_more(round_number: int, sender: SenderView) -> None:
    short = replace(sender, deposit_wei=600)
    machine = begin()
    exchange = exchange_of(look(machine, chain(round_number=round_number), short), Question.TRIAL)
    machine.receive(TrialPassed(exchange, 100), NOW)
    assert machine.phase is RedemptionPhase.READY
    assert machine.reserved_wei == 600


def test_a_sender_that_unlocks_later_is_waited_for() -> None:
    short = replace(SENDER, deposit_wei=600, state=SenderState.UNLOCKING, withdraw_round=7)
    machine = begin()
    assert look(machine, chain(), short) == []
    assert machine.deadline_round == 6


@pytest.mark.parametrize("state", [SenderState.UNLOCKED, SenderState.UNLOCKING])
def test_a_sender_that_can_withdraw_is_not_spared_until_its_parameters_end(state: SenderState) -> None:
    leaving = replace(SENDER, state=state, withdraw_round=6)
    machine = begin()
    assert look(machine, chain(1), leaving)
    assert machine.deadline_round == 5


def test_parameters_of_a_round_that_is_over_are_not_waited_for() -> None:
    machine = begin()
    assert look(machine, chain(19)) == []
    assert machine.reason is WaitReason.PARAMS_IN_USE
    assert look(machine, chain(19, round_number=6))


def test_a_ticket_that_is_good_for_one_round_does_not_wait_for_its_parameters() -> None:
    assert look(begin(), replace(chain(19), ticket_validity_rounds=1))


def test_it_is_never_sent_for_less_than_the_gas_costs() -> None:
    machine = begin()
    exchange = exchange_of(look(machine, chain(gas_price_wei=10)), Question.TRIAL)
    machine.receive(TrialPassed(exchange, 100), NOW)  # 100 * 10 wei of gas for 1000 wei
    assert (machine.phase, machine.reason) == (RedemptionPhase.WAITING, WaitReason.GAS_DEAR)
    assert look(machine, chain(21, gas_price_wei=10, round_number=6)) == []  # known, so not asked again
    assert look(machine, chain(22, gas_price_wei=9)) != []


def test_the_owner_may_want_a_margin_or_none() -> None:
    wary = begin(replace(CONFIG, worth_percent=200))
    wary.receive(TrialPassed(exchange_of(look(wary, chain(gas_price_wei=5)), Question.TRIAL), 100), NOW)
    assert wary.reason is WaitReason.GAS_DEAR
    careless = begin(replace(CONFIG, worth_percent=0))
    careless.receive(TrialPassed(exchange_of(look(careless, chain(gas_price_wei=10**9)), Question.TRIAL), 100), NOW)
    assert careless.phase is RedemptionPhase.READY


def test_dear_gas_is_paid_in_the_last_round() -> None:
    machine = begin(replace(CONFIG, gas_price_max_wei=1))
    assert look(machine, chain()) == []
    assert look(machine, chain(round_number=6)) != []


def test_a_ready_winner_is_tried_again_at_the_next_block() -> None:
    machine = ready()
    assert exchange_of(look(machine, chain(21)), Question.TRIAL) == 2
    assert (machine.phase, machine.reason) == (RedemptionPhase.WAITING, WaitReason.ON_TRIAL)


def test_late_and_strange_answers_change_nothing() -> None:
    machine = begin()
    old = exchange_of(look(machine), Question.TRIAL)
    new = exchange_of(look(machine, chain(21)), Question.TRIAL)
    machine.receive(TrialPassed(old, 100), NOW)
    machine.receive(UseAnswered(new, is_used=True), NOW)
    assert machine.reason is WaitReason.ON_TRIAL
    machine.receive(TrialPassed(new, 100), NOW)
    assert machine.phase is RedemptionPhase.READY


def test_a_refused_winner_is_tried_again_less_and_less_often_and_is_not_lost() -> None:
    machine = refused_by_trial(begin())
    assert (machine.phase, machine.record.refusal) == (RedemptionPhase.REFUSED, "no")
    assert look(machine, chain(23)) == []
    refused_by_trial(machine, chain(24))
    assert look(machine, chain(31)) == []
    assert look(machine, chain(32)) != []
    assert machine.record.end is None


def test_a_refusal_is_cut() -> None:
    machine = begin()
    machine.receive(TrialRefused(exchange_of(look(machine), Question.TRIAL), "é" * 600 + "\ud800"), NOW)
    assert machine.record.refusal == "é" * 512


def test_what_another_call_redeemed_is_final_once_it_has_settled() -> None:
    machine = begin()
    machine.receive(TrialRefused(exchange_of(look(machine), Question.TRIAL), "ticket is used"), NOW)
    machine.receive(UseAnswered(exchange_of(list(drain(machine)), Question.USE), is_used=True), NOW)
    assert machine.record.end is None
    machine.receive(UseAnswered(exchange_of(look(machine, chain(21)), Question.USE), is_used=True), NOW)
    assert ended(machine) == (None, None)
    machine.receive(UseAnswered(exchange_of(look(machine, chain(22)), Question.USE), is_used=True), NOW)
    assert ended(machine) == (RedemptionEnd.REDEEMED, None)


def test_a_use_that_a_reorganisation_takes_back_is_forgotten() -> None:
    machine = begin()
    machine.receive(TrialRefused(exchange_of(look(machine), Question.TRIAL), "ticket is used"), NOW)
    machine.receive(UseAnswered(exchange_of(list(drain(machine)), Question.USE), is_used=True), NOW)
    machine.receive(UseAnswered(exchange_of(look(machine, chain(22)), Question.USE), is_used=False), NOW)
    assert (machine.phase, machine.reason) == (RedemptionPhase.WAITING, WaitReason.NEW)
    assert exchange_of(look(machine, chain(23)), Question.TRIAL)


def test_it_expires_when_its_last_round_has_been_over_for_long_enough_and_it_is_not_used() -> None:
    machine = begin()
    assert look(machine, chain(30, round_number=7)) == []
    assert look(machine, chain(31, round_number=7)) == []
    assert machine.reason is WaitReason.LAST_LOOK
    machine.receive(
        UseAnswered(exchange_of(look(machine, chain(32, round_number=7)), Question.USE), is_used=False), NOW
    )
    assert machine.phase is RedemptionPhase.EXPIRED
    assert drain(machine) == [Finish(machine.record)]
    assert (machine.record.end, machine.record.paid_wei) == (RedemptionEnd.EXPIRED, None)


def test_the_end_of_a_round_can_be_taken_back_by_a_reorganisation() -> None:
    machine = begin()
    look(machine, chain(30, round_number=7))
    assert look(machine, chain(31, round_number=6)) != []
    assert look(machine, chain(33, round_number=7)) == []
    assert look(machine, chain(34, round_number=7)) == []
    assert look(machine, chain(35, round_number=7)) != []


def test_an_expired_winner_that_is_used_is_redeemed() -> None:
    machine = begin(replace(CONFIG, confirmations=1))
    machine.receive(UseAnswered(exchange_of(look(machine, chain(30, round_number=7)), Question.USE), is_used=True), NOW)
    assert machine.record.end is RedemptionEnd.REDEEMED


def test_a_sent_winner_reserves_its_face_value_until_a_block_holds_it() -> None:
    machine = sent()
    assert machine.reserved_wei == 1_000
    machine.receive(CallSeen(2, HASH), NOW)
    assert machine.reserved_wei == 0
    machine.receive(CallSeen(0, None), NOW)  # a reorganisation
    assert (machine.phase, machine.reserved_wei, machine.transaction_hash) == (RedemptionPhase.SENT, 1_000, None)


def test_a_second_call_for_a_winner_on_its_way_is_refused() -> None:
    machine = sent()
    with pytest.raises(PeerError) as caught:
        machine.receive(CallBegun("another", 1), NOW)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert machine.act == "call"


def test_what_a_restart_found_in_a_call_is_sent() -> None:
    machine = begin(act="call")
    assert (machine.phase, machine.act) == (RedemptionPhase.SENT, "call")
    machine.receive(CallDropped(), NOW)
    assert (machine.phase, machine.act, machine.record.attempts) == (RedemptionPhase.WAITING, None, 0)


@pytest.mark.parametrize(
    ("code", "winners", "phase", "reason", "is_alone"),
    [
        (ErrorCode.REVERTED, 1, RedemptionPhase.REFUSED, WaitReason.NEW, False),
        (ErrorCode.REVERTED, 2, RedemptionPhase.WAITING, WaitReason.NEW, True),
        (ErrorCode.FUNDS_TOO_LOW, 2, RedemptionPhase.WAITING, WaitReason.WALLET_SHORT, False),
        (ErrorCode.TOO_EXPENSIVE, 2, RedemptionPhase.WAITING, WaitReason.GAS_DEAR, False),
        (ErrorCode.BUSY, 2, RedemptionPhase.WAITING, WaitReason.NEW, False),
    ],
)
def test_a_call_that_the_wallet_did_not_begin_leaves_the_winner_to_be_tried_again(
    code: ErrorCode, winners: int, phase: RedemptionPhase, reason: WaitReason, *, is_alone: bool
) -> None:
    machine = sent(winners)
    machine.receive(CallRejected(code), NOW)
    assert (machine.phase, machine.reason, machine.is_alone) == (phase, reason, is_alone)
    assert (machine.record.attempts, machine.record.end) == (0, None)


def test_a_refusal_on_the_chain_ends_nothing_and_costs_gas() -> None:
    machine = sent(winners=2)
    machine.receive(replace(PAID, paid_wei=0, refusal="transaction reverted", is_used=False), NOW)
    assert (machine.phase, machine.is_alone) == (RedemptionPhase.REFUSED, True)
    assert (machine.record.attempts, machine.record.cost_wei) == (1, 90)
    look(machine, chain(30))
    assert machine.reason is WaitReason.ON_TRIAL


def test_a_refusal_of_what_another_call_redeemed_waits_until_that_has_settled() -> None:
    machine = sent()
    machine.receive(replace(PAID, paid_wei=0, refusal="ticket is used"), NOW)
    assert machine.reason is WaitReason.USED_ELSEWHERE
    for block in (30, 31, 32):
        machine.receive(UseAnswered(exchange_of(look(machine, chain(block)), Question.USE), is_used=True), NOW)
    assert machine.record.end is RedemptionEnd.REDEEMED
    assert (machine.record.paid_wei, machine.record.cost_wei) == (None, 90)


def test_a_chain_that_contradicts_itself_has_not_settled() -> None:
    machine = sent()
    record = machine.record
    machine.receive(replace(PAID, is_used=False), NOW)
    assert machine.phase is RedemptionPhase.SENT
    assert machine.record is record


def test_a_call_that_was_counted_before_a_crash_is_not_counted_again() -> None:
    counted = RedemptionRecord(winner=WINNER, attempts=1, cost_wei=90, refusal="no", transaction_hash=HASH)
    machine = Redemption(counted, CONFIG, act="call")
    machine.receive(replace(PAID, paid_wei=0, refusal="no", is_used=False), NOW)
    assert machine.record == counted
    assert machine.phase is RedemptionPhase.REFUSED


def test_blocks_are_its_clock() -> None:
    machine = ready()
    machine.handle_timeout(Instant(10**15))
    assert machine.next_timeout() is None
    assert machine.phase is RedemptionPhase.READY


def test_a_call_that_the_chain_forgot_is_made_again_under_another_name_and_cost_nothing() -> None:
    machine = Redemption(RedemptionRecord(winner=WINNER), CONFIG, act="call")
    machine.receive(CallUndone(), NOW)
    assert (machine.phase, machine.act) == (RedemptionPhase.WAITING, None)
    assert (machine.record.attempts, machine.record.cost_wei, machine.record.transaction_hash) == (1, 0, None)
    # The next call may be the same to the byte, and so have the same hash: it counts all the same.
    again = Redemption(machine.record, CONFIG, act="another call")
    again.receive(replace(PAID, paid_wei=0, refusal="no", is_used=False, transaction_hash=HASH), NOW)
    assert (again.record.attempts, again.phase) == (2, RedemptionPhase.REFUSED)
