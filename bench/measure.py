"""One comparison: a subject against a reference, interleaved in one process.

Machines differ and are disturbed, so a bare number of operations per second says little. What is kept is a
ratio: both sides run in turns, within the same second, under the same disturbance; the median over the rounds
is the result.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from statistics import median

__all__ = ["Case", "Direction", "Result", "measure"]

Loop = Callable[[], int]
"""Does the work and returns how many operations that were, one or more."""

_NS_PER_S = 1_000_000_000


class Direction(Enum):
    """On which side of the target a ratio is good."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True, slots=True)
class Case:
    """What is compared with what, and how it should come out.

    Attributes:
        name: unique among all cases; lower case, words joined by underscores.
        description: what the two sides do, on which input.
        reference: the loop to compare with.
        subject: the loop under test; the ratio is its rate over the reference's.
        target: of the ratio.
        direction: whether the ratio should be at least or at most the target.
    """

    name: str
    description: str
    reference: Loop
    subject: Loop
    target: float
    direction: Direction = Direction.AT_LEAST


@dataclass(frozen=True, slots=True)
class Result:
    """What came out.

    Attributes:
        case: what was measured.
        ratio: median over the rounds of subject rate / reference rate.
        lowest: the smallest ratio of a round.
        highest: the largest ratio of a round.
        reference_per_s: median rate of the reference, operations per second.
        subject_per_s: median rate of the subject, operations per second.
    """

    case: Case
    ratio: float
    lowest: float
    highest: float
    reference_per_s: float
    subject_per_s: float

    @property
    def is_met(self) -> bool:
        """Whether the ratio is on the good side of the target."""
        if self.case.direction is Direction.AT_LEAST:
            return self.ratio >= self.case.target
        return self.ratio <= self.case.target


def measure(case: Case, *, rounds: int, clock_ns: Callable[[], int]) -> Result:
    """Run both sides once to warm up, then in turns, the one that starts changing with each round.

    Args:
        case: what to measure.
        rounds: how often each side is timed, 1 or more.
        clock_ns: a monotonic clock in nanoseconds.
    """
    case.reference()
    case.subject()
    reference_per_s: list[float] = []
    subject_per_s: list[float] = []
    for number in range(rounds):
        sides = [(case.reference, reference_per_s), (case.subject, subject_per_s)]
        for loop, rates in sides if number % 2 == 0 else reversed(sides):
            rates.append(_rate_per_s(loop, clock_ns))
    ratios = [subject / reference for subject, reference in zip(subject_per_s, reference_per_s, strict=True)]
    return Result(
        case=case,
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        reference_per_s=median(reference_per_s),
        subject_per_s=median(subject_per_s),
    )


def _rate_per_s(loop: Loop, clock_ns: Callable[[], int]) -> float:
    # The collector would charge one side for the garbage of the other.
    gc.collect()
    gc.disable()
    try:
        start = clock_ns()
        operations = loop()
        elapsed_ns = clock_ns() - start
    finally:
        gc.enable()
    return operations * _NS_PER_S / max(1, elapsed_ns)
