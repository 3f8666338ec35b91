"""What a simulation of lottery tickets has come to: advice in words, a table, and a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from parley.ledgers.evm.amounts import show_wei
from parley.simulation.estimates import Estimate
from parley.simulation.extras import load_extra
from parley.simulation.lottery import FaceValueRow, LotteryReport
from parley.simulation.lottery_advice import Advice, ruin_of, settings_for
from parley.simulation.lottery_config import LotterySimulation
from parley.simulation.lottery_laws import first_winner_quantile, relative_deviation
from parley.simulation.tables import Table

__all__ = ["advice_lines", "advice_table", "lottery_table", "plot_lottery"]

_SIZE_INCHES: Final = (14.0, 8.5)
_DOTS_PER_INCH: Final = 130
_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#1f5fa8", "#d1730a", "#2d8a4e", "#b3332c", "#777777"
_CURVE_POINTS: Final = 80
_LARGE: Final = 100
_FAINT: Final = 0.35
_DEVIATIONS_95: Final = 1.96

Axes = Any  # matplotlib is loaded at run time, so its classes have no name here


def advice_lines(report: LotteryReport) -> tuple[str, ...]:
    """Return what is recommended, in sentences.

    Returns:
        The recommendation and the settings for it; where not all that was asked for can be had, why, and what it takes.
    """
    config, advice = report.config, report.advice
    ticket = (
        f"face value {show_wei(advice.face_value_wei)}, which wins 1 time in {_odds(config, advice)} "
        f"(win_prob {advice.win_prob:#066x})"
    )
    if advice.fits:
        settings = settings_for(config, advice) or {}
        listed = ", ".join(f"{name} = {value}" for name, value in settings.items())
        return (f"Recommended: {ticket}.", *((f"A node asks for it when set to {listed}.",) if listed else ()))
    missing = []
    if advice.requests_needed > config.requests:
        missing.append(f"{advice.requests_needed:,} requests to look at, not {config.requests:,}")
    if advice.float_needed_wei > config.float_limit_wei > 0:
        missing.append(f"a float of {show_wei(advice.float_needed_wei)}, not {show_wei(config.float_limit_wei)}")
    reason = (
        f"Redeeming then takes {_percent(advice.gas_overhead)} of the income. For {_percent(config.gas_budget)} a "
        f"winner must be worth {show_wei(advice.least_wei)}, and that takes {' and '.join(missing)}."
    )
    return (
        f"No face value keeps to all that was asked for. Nearest: {ticket}; {advice.limit.value} allows no more.",
        reason,
        "So look at more requests, allow for more, redeem where or when gas costs less, or ask for more per request.",
    )


def advice_table(report: LotteryReport) -> Table:
    """Return what the recommended face value comes to, one line per figure."""
    config, advice = report.config, report.advice
    cushion = "none is enough" if advice.safe_cushion is None else f"{advice.safe_cushion:,} requests"
    return Table(
        title=f"{show_wei(config.price_wei)} a request, over {config.requests:,} requests, "
        f"gas at {show_wei(config.gas_price_wei)}",
        columns=("figure", "value"),
        rows=(
            ("income varies by (standard deviation)", _percent(advice.deviation)),
            ("gas takes of the income", _percent(advice.gas_overhead)),
            (
                "a ticket pays its redemption",
                f"{advice.cost_multiplier:,} times" if config.redeem_wei else "gas is free",
            ),
            ("requests until half of all recipients have won", f"{advice.median_first:,}"),
            ("requests until 95 of 100 have won", f"{advice.late_first:,}"),
            ("the cushion is used up at some time", _percent(advice.ruin)),
            ("cushion for which that is 1 %", cushion),
            ("float that the sender's reserve must guarantee", show_wei(advice.float_wei)),
            ("deposit that lasts for 95 of 100 senders", show_wei(advice.deposit_wei)),
            ("what keeps the face value from being larger", advice.limit.value),
        ),
    )


def lottery_table(report: LotteryReport) -> Table:
    """Return one row per face value, the advised one marked."""
    config = report.config
    return Table(
        title=f"Face values, {report.rows[-1].runs} runs of {config.requests:,} requests each",
        columns=(
            "face value", "wins 1 in", "winners", "income varies, %", "by law, %", "first win, half", "95 of 100",
            "ruined, %", "at last, %", "float", "gas, %",
        ),
        rows=tuple(_row(config, report.advice, row) for row in report.rows),
        note=f"*: {_word(report.advice)}. Ruined: serving a request costs {_percent(config.cost_share)} of its price, "
        f"and {config.cushion_requests:,} can be served unpaid; at last: however long it goes on. "
        "Float: for which 999 of 1000 winners find room.",
    )  # fmt: skip


def _row(config: LotterySimulation, advice: Advice, row: FaceValueRow) -> tuple[str | int | float | Estimate, ...]:
    is_advised = row.face_value_wei == advice.face_value_wei
    return (
        show_wei(row.face_value_wei) + (" *" if is_advised else ""),
        _odds(config, row),
        row.winners,
        _hundredfold(row.deviation),
        100 * row.deviation_law,
        round(row.median_first),
        round(row.late_first),
        _hundredfold(row.ruined),
        100 * row.ruin_law,
        show_wei(row.float_wei),
        100 * row.gas_overhead,
    )


def plot_lottery(report: LotteryReport, path: Path) -> None:
    """Draw a simulation into a file; the form follows from the file's ending (png, svg, pdf).

    Args:
        report: of any simulation.
        path: of the file; replaced where it exists.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    # The object interface keeps no figures in a global list and needs no display.
    figures = load_extra("matplotlib.figure")
    load_extra("matplotlib.backends.backend_agg")
    figure = figures.Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    config = report.config
    figure.suptitle(
        f"Lottery tickets worth {show_wei(config.price_wei)}, gas at {show_wei(config.gas_price_wei)}: "
        f"face value {show_wei(report.advice.face_value_wei)} is {_word(report.advice)}\n"
        "lines: closed forms, dots: simulated, with 95 % confidence intervals",
        fontsize=11,
    )
    axes = figure.subplot_mosaic([["law", "law", "choice"], ["first", "ruin", "float"]])
    _draw_law(axes["law"], report)
    _draw_choice(axes["choice"], report)
    _draw_first(axes["first"], report)
    _draw_ruin(axes["ruin"], report)
    _draw_float(axes["float"], report)
    figure.savefig(path)


def _draw_law(axes: Axes, report: LotteryReport) -> None:
    """Draw the law of large numbers: every recipient's income per ticket comes to what a ticket is worth."""
    share = report.config.price_wei / report.advice.face_value_wei
    reach = [_DEVIATIONS_95 * relative_deviation(mark, share) for mark in report.marks]
    axes.fill_between(
        report.marks, [max(0.0, 1 - one) for one in reach], [1 + one for one in reach], color=_BLUE, alpha=0.15,
        linewidth=0, label="95 of 100 are within (closed form)",
    )  # fmt: skip
    for path in report.paths:
        axes.plot(report.marks, path.shares, color=_BLUE, alpha=_FAINT, linewidth=0.9)
    axes.axhline(1, color=_ORANGE, linewidth=1.5, label="what the tickets are worth")
    axes.set_xscale("log")
    axes.set_xlim(max(1, report.advice.median_first / 10), report.marks[-1])
    axes.set_ylim(0, 4)
    title = f"The law of large numbers: income of {len(report.paths)} recipients so far, by what they were to expect"
    _name(axes, title, "requests", "share of the expectation")


def _draw_choice(axes: Axes, report: LotteryReport) -> None:
    rows, config = report.rows, report.config
    _curve(axes, report, _BLUE, "income varies by", lambda face: 100 * relative_deviation(config.requests, 1 / face))
    _dots(axes, rows, [_hundredfold(row.deviation) for row in rows], _BLUE)
    if config.redeem_wei:
        gas = config.redeem_wei / config.price_wei
        _curve(axes, report, _RED, "gas takes", lambda face: 100 * gas / face)
    axes.axhline(100 * config.variance_budget, color=_GREY, linewidth=1, linestyle=":", label="variance budget")
    axes.set_yscale("log")
    _by_face_value(axes, report, "What a face value costs", "% of income")


def _draw_first(axes: Axes, report: LotteryReport) -> None:
    _curve(axes, report, _BLUE, "half have won", lambda face: first_winner_quantile(1 / face, 0.5))
    _curve(axes, report, _GREEN, "95 of 100 have won", lambda face: first_winner_quantile(1 / face, 0.95))
    places = [row.face_value_wei for row in report.rows]
    axes.plot(places, [row.median_first for row in report.rows], ".", color=_BLUE)
    axes.plot(places, [row.late_first for row in report.rows], ".", color=_GREEN)
    axes.set_yscale("log")
    _by_face_value(axes, report, "Time to the first winner", "requests")


def _draw_ruin(axes: Axes, report: LotteryReport) -> None:
    config = report.config
    price_wei = config.price_wei
    _curve(axes, report, _ORANGE, "at last", lambda face: 100 * ruin_of(config, math.ceil(face * price_wei), 1 / face))
    _dots(axes, report.rows, [_hundredfold(row.ruined) for row in report.rows], _ORANGE)
    axes.set_ylim(-3, 103)
    title = f"Ruin: serving costs {_percent(config.cost_share)}, {config.cushion_requests:,} served unpaid"
    _by_face_value(axes, report, title, "% of recipients")


def _draw_float(axes: Axes, report: LotteryReport) -> None:
    scale = report.config.price_wei
    places = [row.face_value_wei for row in report.rows]
    floats = [row.float_wei / scale for row in report.rows]
    axes.plot(places, floats, color=_GREEN, marker=".", label="999 of 1000 winners find room")
    peaks = [row.float_peak_wei / scale for row in report.rows]
    axes.plot(places, peaks, color=_GREY, linestyle="--", marker=".", label="largest need of a run, mean")
    if report.config.float_limit_wei:
        axes.axhline(report.config.float_limit_wei / scale, color=_RED, linestyle=":", linewidth=1, label="guaranteed")
    axes.set_ylim(bottom=0)
    _by_face_value(axes, report, "Float that the reserve must guarantee", "requests' worth")


def _curve(axes: Axes, report: LotteryReport, color: str, label: str, law: Callable[[float], float]) -> None:
    """Draw a law over the face values of a report; it takes the face value in prices."""
    price_wei = report.config.price_wei
    low, high = report.rows[0].face_value_wei / price_wei, report.rows[-1].face_value_wei / price_wei
    faces = [low * (high / low) ** (number / _CURVE_POINTS) for number in range(_CURVE_POINTS + 1)]
    axes.plot([face * price_wei for face in faces], [law(face) for face in faces], color=color, label=label)


def _dots(axes: Axes, rows: Sequence[FaceValueRow], values: Sequence[Estimate], color: str) -> None:
    reach = ([value.mean - value.low for value in values], [value.high - value.mean for value in values])
    places, means = [row.face_value_wei for row in rows], [value.mean for value in values]
    axes.errorbar(places, means, yerr=reach, fmt=".", color=color, capsize=2, linewidth=1)


def _by_face_value(axes: Axes, report: LotteryReport, title: str, unit: str) -> None:
    axes.set_xscale("log")
    places = [row.face_value_wei for row in report.rows]
    axes.set_xticks(places, [show_wei(place) for place in places], rotation=30, ha="right")
    axes.minorticks_off()
    axes.axvline(report.advice.face_value_wei, color=_GREY, linewidth=1, linestyle="--")
    _name(axes, title, f"face value; dashed: {_word(report.advice)}", unit)


def _name(axes: Axes, title: str, across: str, unit: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(unit, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, framealpha=0.9)


def _odds(config: LotterySimulation, ticket: Advice | FaceValueRow) -> str:
    return _number(ticket.face_value_wei / config.price_wei)


def _word(advice: Advice) -> str:
    return "recommended" if advice.fits else "the nearest"


def _hundredfold(value: Estimate) -> Estimate:
    return Estimate(100 * value.mean, 100 * value.low, 100 * value.high, value.samples)


def _percent(share: float) -> str:
    return f"{_number(100 * share)} %"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _LARGE else f"{value:.3g}"
