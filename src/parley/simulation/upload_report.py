"""What simulations of the price of tickets have come to, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from parley.simulation.estimates import percentile
from parley.simulation.extras import load_extra
from parley.simulation.tables import Table
from parley.simulation.upload import MinuteRow, UploadReport

__all__ = ["plot_uploads", "upload_table"]

_SIZE_INCHES = (11.5, 8.5)
_DOTS_PER_INCH = 130
_BLUE, _ORANGE, _RED, _GREY = "#1f5fa8", "#d1730a", "#b3332c", "#777777"

Axes = Any  # matplotlib is loaded at run time, so its classes have no name here


def upload_table(reports: Sequence[UploadReport]) -> Table:
    """Return one row per simulation, over the minutes of the flood after its first ten.

    Args:
        reports: at least one.
    """
    upload = reports[0].config.upload
    return Table(
        title=f"Tickets at a target of {upload.target_per_minute} a minute, "
        f"price from {upload.floor_units} to {upload.ceiling_units:,} units of work",
        columns=(
            "flood", "honest per min", "flood per min", "price, units", "highest", "at the end",
            "turns", "honest wait, s", "95 of 100 within, s", "given up",
        ),
        rows=tuple(_row(report) for report in reports),
        note="Over the minutes of the flood after its first ten; highest and at the end: of the whole simulation. "
        "Turns: how often the price turned from rising to falling or back.",
    )  # fmt: skip


def _row(report: UploadReport) -> tuple[str | int | float, ...]:
    rows = report.during() or report.minutes
    waits_s = [wait_s for row in rows for wait_s in row.waits_s] or [0.0]
    return (
        report.config.flood.value,
        fmean(row.honest for row in rows),
        fmean(row.flood for row in rows),
        median(row.units for row in rows),
        max(row.units for row in report.minutes),
        report.minutes[-1].units,
        report.reversals,
        median(waits_s),
        percentile(waits_s, 0.95),
        sum(row.given_up for row in rows),
    )


def plot_uploads(reports: Sequence[UploadReport], path: Path) -> None:
    """Draw simulations into a file; the form follows from the file's ending (png, svg, pdf).

    Args:
        reports: at least one; a column each.
        path: of the file; replaced where it exists.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    # The object interface keeps no figures in a global list and needs no display.
    figures = load_extra("matplotlib.figure")
    load_extra("matplotlib.backends.backend_agg")
    figure = figures.Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    config = reports[0].config
    figure.suptitle(
        f"The price of a ticket: {config.senders} honest senders, {config.messages_per_hour} messages an hour each; "
        f"flood of {config.flood_tries_per_second / 1e6:,.0f} million tries a second",
        fontsize=11,
    )
    grid = figure.subplots(3, len(reports), sharex=True, sharey="row", squeeze=False)
    for place, report in enumerate(reports):
        _draw_price(grid[0][place], report)
        _draw_tickets(grid[1][place], report)
        _draw_waits(grid[2][place], report)
    figure.savefig(path)


def _draw_price(axes: Axes, report: UploadReport) -> None:
    axes.plot(_minutes(report.minutes), [row.units for row in report.minutes], color=_BLUE, label="price")
    axes.set_yscale("log")
    _name(axes, f"flood: {report.config.flood.value}", "units of work", report)


def _draw_tickets(axes: Axes, report: UploadReport) -> None:
    minutes = _minutes(report.minutes)
    axes.plot(minutes, [row.honest for row in report.minutes], color=_BLUE, label="honest")
    axes.plot(minutes, [row.flood for row in report.minutes], color=_RED, linewidth=1, label="flood")
    target = report.config.upload.target_per_minute
    axes.axhline(target, color=_GREY, linewidth=1, linestyle=":", label="target")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_ylim(bottom=0)
    _name(axes, "", "tickets a minute", report)


def _draw_waits(axes: Axes, report: UploadReport) -> None:
    rows = [row for row in report.minutes if row.waits_s]
    axes.plot(_minutes(rows), [median(row.waits_s) for row in rows], color=_ORANGE, label="honest, median")
    axes.set_yscale("log")
    _name(axes, "", "seconds of computing", report)
    axes.set_xlabel("minute", fontsize=9)


def _minutes(rows: Sequence[MinuteRow]) -> list[int]:
    return [row.minute for row in rows]


def _name(axes: Axes, title: str, unit: str, report: UploadReport) -> None:
    config = report.config
    if config.flood.value != "none":
        axes.axvspan(config.flood_from, config.flood_until, color=_RED, alpha=0.07, linewidth=0)
    axes.set_title(title, fontsize=10)
    axes.set_ylabel(unit, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, framealpha=0.9)
