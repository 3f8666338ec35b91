"""Which winners go first, which go together, and that none waits for another."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError
from parley.lottery.params import CreationRound
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.redemption_order import by_deadline, ready_batches
from parley.lottery.redemption_records import RedemptionRecord
from parley.primitives.ids import Address
from parley.testing.winners import make_winner


def redemption(
    nonce: int,
    *,
    deadline: int = 5,
    face_value_wei: int = 10,
    phase: RedemptionPhase = RedemptionPhase.READY,
    is_alone: bool = False,
) -> Redemption:
    made_in = CreationRound(5, b"\x05" * 32)
    winner = make_winner(b"\x07" * 32, Address(b"\x02" * 20), made_in, nonce=nonce, face_value_wei=face_value_wei)
    machine = Redemption(RedemptionRecord(winner=winner), RedemptionConfig())
    machine.phase, machine.deadline_round, machine.is_alone = phase, deadline, is_alone
    return machine


def test_the_earliest_deadline_goes_first_and_of_one_deadline_the_larger() -> None:
    late, small, large = redemption(1, deadline=7), redemption(2), redemption(3, face_value_wei=20)
    assert by_deadline([late, small, large]) == [large, small, late]


def test_equals_have_one_order() -> None:
    twins = [redemption(number) for number in range(1, 6)]
    assert by_deadline(twins) == by_deadline(reversed(twins))


def test_those_that_are_ready_go_together_up_to_the_most_of_one_call() -> None:
    many = [redemption(number, deadline=number) for number in range(1, 8)]
    assert [len(call) for call in ready_batches(many, 3)] == [3, 3, 1]
    assert [item for call in ready_batches(many, 3) for item in call] == many


def test_those_that_wait_hold_up_nobody() -> None:
    waiting = redemption(1, deadline=1, phase=RedemptionPhase.WAITING)
    ready = redemption(2, deadline=9)
    assert ready_batches([waiting, ready], 10) == [(ready,)]
    assert ready_batches([waiting], 10) == []


def test_one_that_sank_a_call_goes_alone() -> None:
    first, poison, last = redemption(1, deadline=1), redemption(2, deadline=2, is_alone=True), redemption(3, deadline=3)
    assert ready_batches([first, poison, last], 10) == [(poison,), (first, last)]


def test_a_call_has_room_for_one_at_least() -> None:
    with pytest.raises(LocalError) as caught:
        ready_batches([redemption(1)], 0)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
