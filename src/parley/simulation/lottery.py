"""Income, float and ruin of one recipient of lottery tickets, drawn many times for each of several face values.

A request costs the recipient its serving and brings a ticket. Between two winners lies a geometric number of tickets,
which is what the draws of `parley.lottery.draws` come to (a test compares the two). A winner is paid after the time
that redeeming takes; until then it takes up float. Gas is paid from what it brings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Any, Final

from parley.errors import ConfigError, ErrorCode
from parley.lottery.quoting import quote_win_prob
from parley.simulation.estimates import Estimate, estimate, percentile
from parley.simulation.extras import load_extra
from parley.simulation.lottery_advice import FLOAT_SHARE, Advice, advise, probability, ruin_of
from parley.simulation.lottery_config import LotterySimulation
from parley.simulation.lottery_laws import float_winners, relative_deviation

__all__ = ["FaceValueRow", "IncomePath", "LotteryReport", "face_values", "simulate_lottery"]

_FACTORS: Final = (8, 4, 2, 1)
"""The advised face value is compared with those so many times smaller and larger."""

_PATHS: Final = 24
_MARKS: Final = 120
_WINNERS_MAX: Final = 10_000_000
"""Drawn for one face value; there are fewer runs where each has many winners, but for the least number of runs."""

_RUNS_MIN: Final = 30
_WINNERS_PER_RUN_MAX: Final = 1_000_000
_HALF, _ALMOST_ALL = 0.5, 0.95
_NORMAL_95: Final = NormalDist().inv_cdf(0.975)

Array = Any  # numpy is loaded at run time, so its classes have no name here


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceValueRow:
    """What one face value came to.

    Attributes:
        face_value_wei: of each ticket.
        win_prob: of each ticket, 0 < win_prob < 2**256.
        runs: how often all requests were simulated.
        winners: per run.
        deviation: standard deviation of income as a share of its mean.
        deviation_law: the same in closed form.
        median_first: tickets after which half of the runs had won.
        late_first: tickets after which 95 of 100 runs had won.
        ruined: share of runs in which the recipient's cushion was used up on the way.
        ruin_law: the same in closed form, however long it goes on; at least as much.
        float_wei: for which 999 of 1000 winners find room, in closed form.
        float_kept: share of simulated winners that found room in it.
        float_peak_wei: the most that waited at once, on average over the runs.
        gas_overhead: share of income that gas takes.
    """

    face_value_wei: int
    win_prob: int
    runs: int
    winners: Estimate
    deviation: Estimate
    deviation_law: float
    median_first: float
    late_first: float
    ruined: Estimate
    ruin_law: float
    float_wei: int
    float_kept: float
    float_peak_wei: float
    gas_overhead: float

    def document(self) -> dict[str, object]:
        """Return the row as JSON takes it; amounts and the win probability are decimal texts."""
        return {
            "face_value_wei": str(self.face_value_wei),
            "win_prob": str(self.win_prob),
            "runs": self.runs,
            "winners": self.winners.document(),
            "deviation": self.deviation.document(),
            "deviation_law": round(self.deviation_law, 9),
            "median_first": self.median_first,
            "late_first": self.late_first,
            "ruined": self.ruined.document(),
            "ruin_law": round(self.ruin_law, 9),
            "float_wei": str(self.float_wei),
            "float_kept": round(self.float_kept, 6),
            "float_peak_wei": str(round(self.float_peak_wei)),
            "gas_overhead": round(self.gas_overhead, 9),
        }


@dataclass(frozen=True, slots=True)
class IncomePath:
    """One recipient's income so far, as a share of what it was to expect, at each mark."""

    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LotteryReport:
    """What came of one simulation.

    Attributes:
        config: what was simulated.
        advice: which face value to take.
        rows: one per face value, the smallest first; the advised one is among them.
        marks: numbers of tickets at which paths are looked at, ascending.
        paths: of recipients with the advised face value.
    """

    config: LotterySimulation
    advice: Advice
    rows: tuple[FaceValueRow, ...]
    marks: tuple[int, ...]
    paths: tuple[IncomePath, ...]

    def document(self) -> dict[str, object]:
        """Return the report as JSON takes it."""
        return {
            "seed": self.config.seed,
            "requests": self.config.requests,
            "price_wei": str(self.config.price_wei),
            "redeem_wei": str(self.config.redeem_wei),
            "advice": self.advice.document(),
            "rows": [row.document() for row in self.rows],
            "marks": list(self.marks),
            "paths": [[round(share, 6) for share in path.shares] for path in self.paths],
        }


def face_values(config: LotterySimulation, advised_wei: int) -> tuple[int, ...]:
    """Return the face values to compare: the advised one, and some times smaller and larger ones above the price.

    Args:
        config: what is simulated.
        advised_wei: above the price.

    Raises:
        ConfigError: even the advised one wins too often to be simulated.
    """
    least_wei = max(config.price_wei + 1, config.requests * config.price_wei // _WINNERS_PER_RUN_MAX)
    if advised_wei < least_wei:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="requests", winners_maximum=_WINNERS_PER_RUN_MAX)
    below = (advised_wei // factor for factor in _FACTORS)
    above = (advised_wei * factor for factor in reversed(_FACTORS[:-1]))
    return tuple(wei for wei in (*below, *above) if wei >= least_wei)


def simulate_lottery(
    config: LotterySimulation, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> LotteryReport:
    """Run one simulation; the same configuration gives the same report.

    Args:
        config: what to simulate.
        progress: is told how many face values of how many are done.

    Raises:
        ConfigError: numpy is not installed, or tickets would win too often.
    """
    advice = advise(config)
    faces = face_values(config, advice.face_value_wei)
    rows = []
    for number, face_value_wei in enumerate(faces):
        progress(number, len(faces))
        rows.append(_World(config, face_value_wei, number).row())
    progress(len(faces), len(faces))
    marks = _marks(config.requests)
    world = _World(config, advice.face_value_wei, len(faces))
    return LotteryReport(config, advice, tuple(rows), marks, tuple(world.path(marks) for _ in range(_PATHS)))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One run.

    Attributes:
        winners: how many tickets won.
        first: the number of the first winner, from 1; it may lie beyond all requests.
        is_ruined: whether the money ran out on the way.
        in_room: winners that found room in the float.
        peak: the most winners that waited at once.
    """

    winners: int
    first: int
    is_ruined: bool
    in_room: int
    peak: int


class _World:
    """One recipient with tickets of one face value, and chance of its own."""

    def __init__(self, config: LotterySimulation, face_value_wei: int, number: int) -> None:
        self._config = config
        self._face_value_wei = face_value_wei
        self._win_prob = quote_win_prob(expected_value_wei=config.price_wei, face_value_wei=face_value_wei)
        self._share = probability(self._win_prob)
        self._numpy: Any = load_extra("numpy")
        self._dice: Any = self._numpy.random.default_rng([config.seed, number])

    def row(self) -> FaceValueRow:
        """Simulate all runs."""
        config, share, face_value_wei = self._config, self._share, self._face_value_wei
        room = float_winners(tickets_waiting=config.tickets_waiting, win_prob=share, share=FLOAT_SHARE)
        expected = config.requests * share
        runs = min(config.runs, max(_RUNS_MIN, int(_WINNERS_MAX / max(1.0, expected))))
        outcomes = [self._run(room) for _ in range(runs)]
        wins = [outcome.winners for outcome in outcomes]
        firsts = [outcome.first for outcome in outcomes]
        return FaceValueRow(
            face_value_wei=face_value_wei,
            win_prob=self._win_prob,
            runs=runs,
            winners=estimate(wins),
            deviation=_deviation([won / expected for won in wins]),
            deviation_law=relative_deviation(config.requests, share),
            median_first=percentile(firsts, _HALF),
            late_first=percentile(firsts, _ALMOST_ALL),
            ruined=estimate([float(outcome.is_ruined) for outcome in outcomes]),
            ruin_law=ruin_of(config, face_value_wei, share),
            float_wei=face_value_wei * room,
            float_kept=sum(outcome.in_room for outcome in outcomes) / sum(wins) if sum(wins) else 1.0,
            float_peak_wei=face_value_wei * fmean(outcome.peak for outcome in outcomes),
            gas_overhead=config.redeem_wei / face_value_wei,
        )

    def path(self, marks: tuple[int, ...]) -> IncomePath:
        """Simulate one run, and look at its income at each mark."""
        wins = self._winning_places().searchsorted(marks, "right")
        return IncomePath(tuple(float(won) / (mark * self._share) for won, mark in zip(wins, marks, strict=True)))

    def _winning_places(self) -> Array:
        """Return the numbers of the tickets that win, from 1, until one lies beyond all requests."""
        numpy, requests, share = self._numpy, self._config.requests, self._share
        mean = requests * share
        size = math.ceil(mean + math.sqrt(mean)) + 1
        found = numpy.cumsum(self._dice.geometric(share, size))
        while found[-1] <= requests:
            found = numpy.concatenate([found, found[-1] + numpy.cumsum(self._dice.geometric(share, size))])
        return found

    def _run(self, room: int) -> _Outcome:
        config, arange = self._config, self._numpy.arange
        places = self._winning_places()
        won = places[places <= config.requests]
        # A winner finds waiting what won among the tickets of the waiting time before it, and is one more.
        waiting = arange(1, len(won) + 1) - won.searchsorted(won - config.tickets_waiting, "right")
        # The lowest point before a payment is that just before it comes; all in prices, so that sizes stay near one.
        gain = (self._face_value_wei - config.redeem_wei) / config.price_wei
        paid = won + config.tickets_waiting
        paid = paid[paid <= config.requests]
        lows = gain * arange(len(paid)) - config.cost_share * (paid - 1)
        end = gain * len(paid) - config.cost_share * config.requests
        return _Outcome(
            winners=len(won),
            first=int(places[0]),
            is_ruined=config.cost_share * config.cushion_requests + min(end, lows.min(initial=0.0)) < 0,
            in_room=int((waiting <= room).sum()),
            peak=int(waiting.max(initial=0)),
        )


def _deviation(shares: list[float]) -> Estimate:
    """Estimate a standard deviation; its own error is that of a normal sample."""
    found = stdev(shares)
    reach = _NORMAL_95 * found / math.sqrt(2 * (len(shares) - 1))
    return Estimate(found, max(0.0, found - reach), found + reach, len(shares))


def _marks(requests: int) -> tuple[int, ...]:
    """Return numbers of tickets, evenly spread on a scale of powers, the last being all."""
    return tuple(sorted({math.ceil(requests ** (number / _MARKS)) for number in range(1, _MARKS)} | {requests}))
