"""One picture of a report: reach, cost, time, and where push begins to cost less."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parley.simulation.estimates import Estimate
from parley.simulation.extras import load_extra
from parley.simulation.report import SimulationReport

__all__ = ["plot"]

_SIZE_INCHES = (11.5, 8.5)
_DOTS_PER_INCH = 130
_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#1f5fa8", "#d1730a", "#2d8a4e", "#b3332c", "#777777"
_BAND = 0.22
_BUDGET_IN_SIGHT = 4

Axes = Any  # matplotlib is loaded at run time, so its classes have no name here


def plot(report: SimulationReport, path: Path) -> None:
    """Draw a report into a file; the form follows from the file's ending (png, svg, pdf).

    Args:
        report: of deepness 2 or more to be worth a picture; deepness 1 alone is drawn as it is.
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
        f"Pool queries over {config.nodes:,} nodes ({config.graph.value}, {config.degree} links each), "
        f"latency {config.latency}, {report.queries} askers\n"
        "lines: means, bands: 95 % confidence intervals",
        fontsize=11,
    )
    ((reach, cost), (time, push)) = figure.subplots(2, 2)
    _draw_reach(reach, report)
    _draw_cost(cost, report)
    _draw_time(time, report)
    _draw_push(push, report)
    figure.savefig(path)


def _draw_reach(axes: Axes, report: SimulationReport) -> None:
    deepness = _deepness(report)
    _draw(axes, deepness, [row.coverage for row in report.rows], _BLUE, "coverage: of all true records")
    _draw(axes, deepness, [row.recall for row in report.rows], _GREEN, "recall: of those within reach", style="--")
    _draw(axes, deepness, [row.purity for row in report.rows], _ORANGE, "purity: true part of the answer", style=":")
    axes.set_ylim(-0.03, 1.03)
    _name(axes, "What is found", "share")


def _draw_cost(axes: Axes, report: SimulationReport) -> None:
    deepness, rows = _deepness(report)[1:], report.rows[1:]
    _draw(axes, deepness, [row.requests for row in rows], _BLUE, "copies of the query")
    _draw(axes, deepness, [row.duplicates for row in rows], _RED, "of them to nodes that knew", style="--")
    _draw(axes, deepness, [row.records_carried for row in rows], _GREEN, "records carried, each hop", style=":")
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(bottom=1)
    _name(axes, "What it costs", "messages or records per query")


def _draw_time(axes: Axes, report: SimulationReport) -> None:
    deepness = _deepness(report)
    _draw(axes, deepness, [row.latency_ms for row in report.rows], _BLUE, "mean")
    p95_ms = [row.latency_p95_ms for row in report.rows]
    axes.plot(deepness, p95_ms, color=_GREY, linestyle="--", marker=".", label="95 of 100 within")
    budget_ms, slowest_ms = report.config.budget_ms, max(1.0, *p95_ms)
    if slowest_ms * _BUDGET_IN_SIGHT < budget_ms:  # a line so far above would press the curves to the ground
        label = f"the budget, {budget_ms:,} ms, is far above"
        axes.annotate(label, (0.97, 0.04), xycoords="axes fraction", ha="right", fontsize=8, color=_GREY)
        axes.set_ylim(0, 1.25 * slowest_ms)
    else:
        axes.axhline(budget_ms, color=_RED, linewidth=1, linestyle=":", label=f"budget, {budget_ms:,} ms")
        axes.set_ylim(0, 1.25 * max(budget_ms, slowest_ms))
    _name(axes, "How long it takes", "milliseconds", legend="upper left")


def _draw_push(axes: Axes, report: SimulationReport) -> None:
    deepness = _deepness(report)[1:]
    colors = (_RED, _ORANGE, _GREEN, _BLUE)
    for row, color in zip(report.push, colors, strict=True):
        if len(row.break_even_per_s) == len(deepness):
            label = f"{row.model.value}, {row.bytes_per_s / 1e6:.2g} MB/s"
            axes.plot(deepness, row.break_even_per_s, color=color, marker=".", label=label)
    axes.set_yscale("log")
    config = report.config
    offers = config.records or config.honest_nodes
    _name(
        axes, f"Where push costs less: {offers:,} offers, every {config.refresh_s} s", "queries per second, all wallets"
    )
    axes.annotate("above a line, push costs less", (0.03, 0.04), xycoords="axes fraction", fontsize=8, color=_GREY)


def _deepness(report: SimulationReport) -> list[int]:
    return [row.deepness for row in report.rows]


def _draw(
    axes: Axes, deepness: Sequence[int], values: Sequence[Estimate], color: str, label: str, *, style: str = "-"
) -> None:
    axes.plot(deepness, [value.mean for value in values], color=color, linestyle=style, marker=".", label=label)
    low, high = [value.low for value in values], [value.high for value in values]
    axes.fill_between(deepness, low, high, color=color, alpha=_BAND, linewidth=0)


def _name(axes: Axes, title: str, unit: str, *, legend: str = "best") -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("deepness (1: the own node alone)", fontsize=9)
    axes.set_ylabel(unit, fontsize=9)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, framealpha=0.9, loc=legend)
