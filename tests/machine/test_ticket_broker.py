"""A sender's states at the ticket broker are those of the specification, and no other way leads between them."""

from __future__ import annotations

from parley.lottery.rules import Refusal, SenderState
from tools.docs.broker_states import ACTIONS, broker_states_page, explore

UNLOCKED, LOCKED = SenderState.UNLOCKED, SenderState.LOCKED
UNLOCKING, FROZEN = SenderState.UNLOCKING, SenderState.FROZEN

# Unlocked is where everybody begins, and where an unlock period and a freeze end. To unlocked lead as well: spending
# the last wei of a deposit without a reserve, and funding or cancelling with nothing at all.
WAYS = {
    (UNLOCKED, "fund"): {LOCKED, UNLOCKED},
    (UNLOCKED, "withdraw"): {UNLOCKED},
    (UNLOCKED, "redeem within the deposit"): {UNLOCKED},
    (UNLOCKED, "redeem beyond the deposit"): {FROZEN, UNLOCKED},
    (UNLOCKED, "a round passes"): {UNLOCKED},
    (LOCKED, "fund"): {LOCKED},
    (LOCKED, "unlock"): {UNLOCKING},
    (LOCKED, "redeem within the deposit"): {LOCKED, UNLOCKED},
    (LOCKED, "redeem beyond the deposit"): {FROZEN},
    (LOCKED, "a round passes"): {LOCKED},
    (UNLOCKING, "fund"): {LOCKED, UNLOCKED},
    (UNLOCKING, "cancelUnlock"): {LOCKED, UNLOCKED},
    (UNLOCKING, "redeem within the deposit"): {UNLOCKING},
    (UNLOCKING, "redeem beyond the deposit"): {FROZEN},
    (UNLOCKING, "a round passes"): {UNLOCKED},
    (FROZEN, "redeem within the deposit"): {FROZEN},
    (FROZEN, "redeem beyond the deposit"): {FROZEN},
    (FROZEN, "a round passes"): {UNLOCKED},
}
NO_FUNDS = {Refusal.NOT_REGISTERED, Refusal.NOTHING_CLAIMABLE}
REFUSALS = {
    (UNLOCKED, "unlock"): {Refusal.EMPTY, Refusal.ALREADY_UNLOCKED},
    (UNLOCKED, "cancelUnlock"): {Refusal.NOT_UNLOCKING},
    (UNLOCKED, "withdraw"): {Refusal.EMPTY},
    (LOCKED, "cancelUnlock"): {Refusal.NOT_UNLOCKING},
    (LOCKED, "withdraw"): {Refusal.NOT_UNLOCKED},
    (UNLOCKING, "unlock"): {Refusal.EMPTY, Refusal.ALREADY_UNLOCKING},
    (UNLOCKING, "withdraw"): {Refusal.EMPTY, Refusal.NOT_UNLOCKED},
    (FROZEN, "fund"): {Refusal.FROZEN},
    (FROZEN, "unlock"): {Refusal.EMPTY, Refusal.FROZEN},
    (FROZEN, "cancelUnlock"): {Refusal.FROZEN},
    (FROZEN, "withdraw"): {Refusal.EMPTY, Refusal.NOT_UNLOCKED},
    **{(state, "redeem beyond the deposit"): NO_FUNDS for state in SenderState},
}


def test_every_way_between_states_is_one_of_the_specification() -> None:
    ways = {
        key: {each for each in outcomes if isinstance(each, SenderState)}
        for key, outcomes in explore().items()
        if any(isinstance(each, SenderState) for each in outcomes)
    }
    assert ways == WAYS


def test_every_refusal_is_one_of_the_specification() -> None:
    refusals = {
        key: {each for each in outcomes if isinstance(each, Refusal)}
        for key, outcomes in explore().items()
        if any(isinstance(each, Refusal) for each in outcomes)
    }
    assert refusals == REFUSALS


def test_every_call_was_tried_in_every_state() -> None:
    assert set(explore()) == {(state, action) for state in SenderState for action in ACTIONS}


def test_the_diagram_shows_every_way() -> None:
    page = broker_states_page()
    for (start, action), ends in WAYS.items():
        for end in ends - {start}:
            (edge,) = [line for line in page.splitlines() if line.startswith(f"    {start.value} --> {end.value}:")]
            assert action in edge
