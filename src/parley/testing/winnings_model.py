"""A redeemer that does nothing by itself: it counts winners, and says what a test tells it to say."""

from __future__ import annotations

from parley.lottery.wire import Winner
from parley.primitives.ids import Address

__all__ = ["ModelWinnings"]


class ModelWinnings:
    """What a `parley.adapters.lottery.desk.Desk` asks of a redeemer.

    Attributes:
        winners: all that were added, in order; clear it to make them final.
        revealed: commitments whose numbers are public.
    """

    def __init__(self) -> None:
        """Start without winners."""
        self.winners: list[Winner] = []
        self.revealed: set[bytes] = set()

    def add(self, winner: Winner) -> None:
        """Count on a winner."""
        self.winners.append(winner)

    def pending_wei(self, sender: Address) -> int:
        """Return the face values of a sender's winners."""
        return sum(winner.params.face_value for winner in self.winners if winner.sender == sender)

    def is_revealed(self, recipient_rand_hash: bytes) -> bool:
        """Say whether the number behind a commitment is public."""
        return recipient_rand_hash in self.revealed
