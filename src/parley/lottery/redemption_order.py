"""Which winners go first, and together: by their deadlines, and no winner waits because another one has to.

Money is promised in this order too: what an earlier winner of a sender will take is not counted on by a later one. A
winner that has to wait takes nothing and holds up nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from parley.errors import ErrorCode, LocalError
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_events import RedemptionPhase

__all__ = ["by_deadline", "ready_batches"]


def by_deadline(redemptions: Iterable[Redemption]) -> list[Redemption]:
    """Return winners in the order of their deadlines; of one deadline the larger first."""

    def urgency(redemption: Redemption) -> tuple[int, int, bytes]:
        return redemption.deadline_round, -redemption.record.winner.params.face_value, redemption.ticket_hash

    return sorted(redemptions, key=urgency)


def ready_batches(redemptions: Iterable[Redemption], batch_max: int) -> list[tuple[Redemption, ...]]:
    """Divide the winners that are READY into calls, in the order of their deadlines.

    Args:
        redemptions: any; those in other phases are left out.
        batch_max: the most of one call, >= 1.

    Returns:
        Each winner once; one that must go alone is alone.

    Raises:
        LocalError: batch_max below 1.
    """
    if batch_max < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, batch_max=batch_max)
    calls: list[tuple[Redemption, ...]] = []
    together: list[Redemption] = []
    for redemption in by_deadline(redemptions):
        if redemption.phase is not RedemptionPhase.READY:
            continue
        if redemption.is_alone:
            calls.append((redemption,))
            continue
        together.append(redemption)
        if len(together) == batch_max:
            calls.append(tuple(together))
            together = []
    return [*calls, tuple(together)] if together else calls
