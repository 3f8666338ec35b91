"""The state diagram of a sender at the ticket broker, found by trying every call on every small account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from parley.lottery.rules import (
    Account,
    Payment,
    Periods,
    Refusal,
    RoundView,
    SenderState,
    cancel_unlock,
    fund,
    pay,
    sender_state,
    unlock,
    withdraw,
)

__all__ = ["ACTIONS", "Outcomes", "broker_states_page", "explore"]

Outcomes = Mapping[tuple[SenderState, str], frozenset[SenderState | Refusal]]

ACTIONS: Final = (
    "fund",
    "unlock",
    "cancelUnlock",
    "withdraw",
    "redeem within the deposit",
    "redeem beyond the deposit",
    "a round passes",
)

# Small enough to try everything, large enough that every state, and every way out of it, occurs.
_PERIODS: Final = Periods(unlock_rounds=1, freeze_rounds=1, ticket_validity_rounds=1)
_MOST_WEI: Final = 4
_LAST_ROUND: Final = 5
_MEMBER: Final = b"\x01" * 20
_OTHER: Final = b"\x02" * 20
_SETS: Final = (frozenset[bytes](), frozenset({_MEMBER}), frozenset({_MEMBER, _OTHER}))


def _redeemed(account: Account, round_number: int) -> Iterator[tuple[str, Account | Refusal]]:
    for registered in _SETS:
        for recipient in (_MEMBER, _OTHER):
            for face_value_wei in range(_MOST_WEI + 2):
                view = RoundView(number=round_number, recipients=registered)
                outcome = pay(account, recipient=recipient, face_value_wei=face_value_wei, view=view)
                within = face_value_wei <= account.deposit_wei
                action = "redeem within the deposit" if within else "redeem beyond the deposit"
                yield action, outcome.account if isinstance(outcome, Payment) else outcome


def _tried(account: Account, round_number: int) -> Iterator[tuple[str, Account | Refusal]]:
    for deposit_wei, reserve_wei in ((0, 0), (1, 0), (0, 2)):
        if account.total_wei + deposit_wei + reserve_wei <= _MOST_WEI:
            funded = fund(account, round_number, _PERIODS, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
            yield "fund", funded
    yield "unlock", unlock(account, round_number, _PERIODS)
    yield "cancelUnlock", cancel_unlock(account, round_number, _PERIODS)
    yield "withdraw", withdraw(account, round_number, _PERIODS)
    yield from _redeemed(account, round_number)


def _name(account: Account) -> tuple[object, ...]:
    """Return what tells accounts apart."""
    return (
        account.deposit_wei,
        account.withdraw_round,
        account.reserve_at_creation_wei,
        account.reserve_remaining_wei,
        account.freeze_round,
        account.frozen_recipients,
        frozenset(account.claimed_wei.items()),
    )


def explore() -> Outcomes:
    """Return, for every state and action, all that can come of it: a state, or a refusal."""
    found: dict[tuple[SenderState, str], set[SenderState | Refusal]] = defaultdict(set)
    waiting = [(Account(), 1)]
    seen: set[tuple[object, ...]] = set()
    while waiting:
        account, round_number = waiting.pop()
        if (name := (round_number, *_name(account))) in seen:
            continue
        seen.add(name)
        state = sender_state(account, round_number, _PERIODS)
        for action, outcome in _tried(account, round_number):
            if isinstance(outcome, Refusal):
                found[state, action].add(outcome)
            else:
                found[state, action].add(sender_state(outcome, round_number, _PERIODS))
                waiting.append((outcome, round_number))
        if round_number < _LAST_ROUND:
            found[state, "a round passes"].add(sender_state(account, round_number + 1, _PERIODS))
            waiting.append((account, round_number + 1))
    return {key: frozenset(outcomes) for key, outcomes in found.items()}


def _cell(outcomes: frozenset[SenderState | Refusal]) -> str:
    states = sorted(f"`{each.value}`" for each in outcomes if isinstance(each, SenderState))
    reasons = sorted(each.value for each in outcomes if isinstance(each, Refusal))
    parts = [f"→ {', '.join(states)}"] if states else []
    return "; ".join(parts + [f"refused: {reason}" for reason in reasons])


def _edges(outcomes: Outcomes) -> Iterator[str]:
    for start in SenderState:
        for end in SenderState:
            actions = [action for action in ACTIONS if end in outcomes.get((start, action), frozenset())]
            if actions and start is not end:
                yield f"    {start.value} --> {end.value}: {', '.join(actions)}"


def broker_states_page() -> str:
    """Return the page: what a sender may do in each state, and the diagram of its states."""
    outcomes = explore()
    lines = [
        "# States of a sender at the ticket broker",
        "",
        "Every call in every state, tried on all small accounts of `parley.lottery.rules`; the contract is held to the",
        "same rules by the differential tests. A cell names each state that the call can end in, and each reason for",
        "which it can be refused. Without any money a sender is unlocked.",
        "",
        "| call | " + " | ".join(f"in `{state.value}`" for state in SenderState) + " |",
        "|---" * (1 + len(SenderState)) + "|",
    ]
    for action in ACTIONS:
        cells = [_cell(outcomes.get((state, action), frozenset())) for state in SenderState]
        lines.append(f"| {action} | " + " | ".join(cells) + " |")
    lines += ["", "```mermaid", "stateDiagram-v2", "    [*] --> unlocked", *_edges(outcomes), "```", ""]
    return "\n".join(lines)
