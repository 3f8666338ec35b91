from __future__ import annotations

from random import Random

import pytest

from parley.errors import LocalError
from parley.simulation.estimates import Estimate, estimate, percentile, student_quantile


# From published tables of Student's t, two-sided 95 %.
@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (29, 2.045), (120, 1.980)],
)
def test_student_quantiles(freedom: int, quantile: float) -> None:
    assert student_quantile(freedom) == pytest.approx(quantile, rel=0.01 if freedom == 3 else 0.003)


def test_an_interval_by_hand() -> None:
    found = estimate([1.0, 2.0, 3.0])
    # s = 1, t(2) = 4.3027, reach = 4.3027 / sqrt(3)
    assert found.mean == 2
    assert found.high - found.mean == pytest.approx(2.484, abs=0.001)
    assert found.mean - found.low == pytest.approx(2.484, abs=0.001)
    assert found.samples == 3


def test_one_sample_has_no_width_and_none_is_refused() -> None:
    assert estimate([7.0]) == Estimate(7, 7, 7, 1)
    with pytest.raises(LocalError):
        estimate([])
    with pytest.raises(LocalError):
        student_quantile(0)


def test_the_interval_holds_the_true_mean_19_times_of_20() -> None:
    source = Random(1)
    trials = 2_000
    holds = sum(estimate([source.gauss(5, 2) for _ in range(8)]).holds(5) for _ in range(trials))
    assert holds / trials == pytest.approx(0.95, abs=0.02)  # four standard deviations


def test_rounding_widens() -> None:
    narrow = Estimate(1.0, 0.9, 1.1, 5)
    assert not narrow.holds(1.14)
    assert narrow.holds(1.14, rounding=0.05)
    assert narrow.holds(0.86, rounding=0.05)


def test_percentiles() -> None:
    samples = [float(value) for value in range(1, 101)]
    assert percentile(samples, 0.95) == 95
    assert percentile(samples, 1) == 100
    assert percentile(samples, 0) == 1
    assert percentile([4.0], 0.5) == 4
    with pytest.raises(LocalError):
        percentile([], 0.5)
    with pytest.raises(LocalError):
        percentile(samples, 1.5)


def test_documents_have_six_digits() -> None:
    assert Estimate(1 / 3, 0.1234567, 2_000_000.4, 9).document() == {
        "mean": 0.333333, "low": 0.123457, "high": 2_000_000.0, "samples": 9,
    }  # fmt: skip
