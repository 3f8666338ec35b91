"""What tickets under way may still take from a deposit: their worth, by round, less what is seen to be paid.

Of a ticket that was handed over the sender learns nothing: who lost keeps silent, and who won redeems when it likes,
until the ticket is too old. So a ticket counts with its worth until its round is no longer redeemed, and what leaves
the deposit meanwhile is taken to be winners among them, the oldest first.

The estimate errs to the high side: a winner that costs more than all tickets so far were worth does not make later
ones cheaper, and a winner in the same block as a funding is not seen. It errs to the low side by a winner that a
reorganisation takes back and that is redeemed again. It is of one process; what another one signs with the same key is
seen only when it is redeemed.
"""

from __future__ import annotations

from parley.lottery.views import ChainView, SenderView
from parley.lottery.worth import SHARES_PER_WEI, ceil_wei

__all__ = ["Outstanding"]


class Outstanding:
    """The worth of one sender's tickets under way."""

    __slots__ = ("_block_number", "_low_wei", "_shares")

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._shares: dict[int, int] = {}
        self._low_wei = 0
        self._block_number = -1

    @property
    def wei(self) -> int:
        """What is under way, rounded up."""
        return ceil_wei(sum(self._shares.values()))

    def add(self, round_number: int, shares: int) -> None:
        """Count tickets that are about to be signed.

        Args:
            round_number: in which they are made.
            shares: what they are worth together, in parts of a wei as `parley.lottery.worth` has them.
        """
        self._shares[round_number] = self._shares.get(round_number, 0) + shares

    def observe(self, view: ChainView, money: SenderView) -> None:
        """Take in a look at the chain: rounds that are over, and what has left the deposit.

        Looks of several tasks may come in any order; one that is older than another before it changes nothing.
        """
        over = view.creation_round.number - view.ticket_validity_rounds
        for number in [number for number in self._shares if number <= over]:
            del self._shares[number]
        if view.block_number < self._block_number:
            return
        if money.deposit_wei < self._low_wei:
            self._settle((self._low_wei - money.deposit_wei) * SHARES_PER_WEI)
        if view.block_number > self._block_number or money.deposit_wei < self._low_wei:
            self._low_wei = money.deposit_wei
        self._block_number = view.block_number

    def _settle(self, shares: int) -> None:
        for number in sorted(self._shares):
            settled = min(shares, self._shares[number])
            shares -= settled
            self._shares[number] -= settled
