"""Means with how well they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from parley.errors import ErrorCode, LocalError

__all__ = ["Estimate", "estimate", "percentile", "student_quantile"]

_CONFIDENCE = 0.95
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over samples, with its 95 % confidence interval.

    Attributes:
        mean: of the samples.
        low: lower end of the interval; equal to the mean for one sample.
        high: upper end of the interval; equal to the mean for one sample.
        samples: how many.
    """

    mean: float
    low: float
    high: float
    samples: int

    def holds(self, value: float, *, rounding: float = 0.0) -> bool:
        """Say whether a value lies in the interval, widened by what a published figure was rounded by."""
        return self.low - rounding <= value <= self.high + rounding

    def document(self) -> dict[str, float | int]:
        """Return the estimate as JSON takes it, rounded to six significant digits."""
        return {
            "mean": _rounded(self.mean),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "samples": self.samples,
        }


def estimate(samples: Sequence[float]) -> Estimate:
    """Estimate the mean that the samples were drawn around.

    Args:
        samples: independent draws, shape (n,), n >= 1.

    Raises:
        LocalError: there are none.

    Source: Student's interval, mean +- t(n-1) * s / sqrt(n).
    """
    if not samples:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, samples=0)
    mean = fmean(samples)
    if len(samples) == 1:
        return Estimate(mean, mean, mean, 1)
    reach = student_quantile(len(samples) - 1) * stdev(samples) / math.sqrt(len(samples))
    return Estimate(mean, mean - reach, mean + reach, len(samples))


def student_quantile(freedom: int) -> float:
    """Return Student's two-sided 95 % quantile.

    Exact for 1 and 2 degrees of freedom; above, the expansion around the normal quantile, off by less than 1 %
    at 3 and by less than 0.1 % from 5.

    Args:
        freedom: degrees of freedom, >= 1.

    Raises:
        LocalError: less than one.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if freedom < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, degrees_of_freedom=freedom)
    tail = (1 + _CONFIDENCE) / 2
    if freedom == 1:
        return math.tan(math.pi * (tail - 0.5))
    if freedom == 2:  # noqa: PLR2004  # closed forms exist for one and two
        return (2 * tail - 1) / math.sqrt(2 * tail * (1 - tail))
    z = NormalDist().inv_cdf(tail)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` of the samples do not exceed.

    Args:
        samples: shape (n,), n >= 1.
        share: 0..1.

    Raises:
        LocalError: no samples, or a share outside 0..1.
    """
    if not samples or not 0 <= share <= 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, samples=len(samples))
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
