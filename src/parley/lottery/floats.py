"""How far a recipient trusts a sender: what the reserve guarantees, less what is won already and not yet paid.

    max float = claimable                                where deposit >= 3 * pending > 0
              = claimable - pending                      otherwise; may be negative

Claimable is the part of the reserve that the chain keeps for this recipient; pending are the face values of its
winners that are not final. The deposit is anybody's: a sender can pay it out to itself with tickets that always
win. So no ticket is taken whose face value is above the max float, when it is quoted and again when it comes:

    winners taken and not yet paid  <=  claimable                    where the deposit is small
                                    <=  claimable + deposit / 3      where it is large
"""

from __future__ import annotations

from typing import Final

from parley.lottery.rules import SenderState
from parley.lottery.verdicts import Fault
from parley.lottery.views import ChainView, SenderView

__all__ = ["DEPOSIT_RATIO", "check_account", "max_float_wei"]

DEPOSIT_RATIO: Final = 3
"""How many times what is pending a deposit must hold to be relied on."""


def max_float_wei(money: SenderView, pending_wei: int) -> int:
    """Return the largest face value that is safe to take from a sender now.

    Args:
        money: the sender's, as this recipient sees it.
        pending_wei: face values of its winners that are not final, >= 0.

    Returns:
        Wei; may be negative.

    Source: go-livepeer, pm/sendermonitor.go.
    """
    if pending_wei > 0 and money.deposit_wei >= DEPOSIT_RATIO * pending_wei:
        return money.claimable_wei
    return money.claimable_wei - pending_wei


def check_account(view: ChainView, money: SenderView) -> Fault | None:
    """Judge whether a sender's money stays where it is until a ticket that is made now ends.

    An unlock that is complete while the ticket can still be redeemed is refused. So is a frozen reserve: its sender
    may withdraw as soon as the freeze ends, and nobody can add to it before.
    """
    first_safe_round = view.creation_round.number + view.ticket_validity_rounds
    if money.withdraw_round and money.withdraw_round < first_safe_round:
        return Fault.UNLOCKED_SOON
    if money.state is SenderState.FROZEN:
        return Fault.FROZEN
    if money.deposit_wei + money.reserve_wei == 0:
        return Fault.NO_FUNDS
    return Fault.UNLOCKED_SOON if money.state is SenderState.UNLOCKED else None
