"""Tables of figures: what a study returns, for JSON and for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parley.simulation.estimates import Estimate
from parley.simulation.report import SimulationReport, as_document

__all__ = ["Cell", "Table", "cell_texts", "render_table", "report_tables"]

Cell = str | int | float | Estimate

_LARGE = 100


@dataclass(frozen=True, slots=True)
class Table:
    """Figures under names.

    Attributes:
        title: what they are of.
        columns: a name for each, with its unit.
        rows: one cell per column.
        note: how to read them; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def document(self) -> dict[str, object]:
        """Return the table as JSON takes it."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [as_document(row) for row in self.rows],
            "note": self.note,
        }


def cell_texts(table: Table) -> list[tuple[str, ...]]:
    """Return the rows as people read them; an estimate as its mean and half the width of its interval."""
    return [tuple(_cell(cell) for cell in row) for row in table.rows]


def render_table(table: Table) -> str:
    """Return a table as Markdown."""
    texts = cell_texts(table)
    widths = [max(len(row[place]) for row in (table.columns, *texts)) for place in range(len(table.columns))]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    lines = [table.title, "", _line(table.columns, widths), rule, *(_line(row, widths) for row in texts)]
    return "\n".join([*lines, "", table.note] if table.note else lines)


def report_tables(report: SimulationReport) -> tuple[Table, ...]:
    """Return a report as tables: what is found at what cost, when to stop asking, and where push costs less."""
    config = report.config
    reach = Table(
        f"{report.queries} queries of each deepness: {config.nodes} nodes, {config.graph.value}, "
        f"{config.degree} links each, latency {config.latency}, seed {config.seed}",
        ("deepness", "coverage", "recall", "purity", "requests", "duplicates", "MB", "latency (ms)", "timed out"),
        tuple(
            (
                row.deepness,
                row.coverage,
                row.recall,
                row.purity,
                row.requests,
                row.duplicates,
                _scaled(row.size_bytes, 1e-6),
                row.latency_ms,
                row.timed_out,
            )
            for row in report.rows
        ),
        "Means per query, and half the width of their 95 % confidence intervals.",
    )
    stops = Table(
        "Asking deeper and deeper until new records are fewer, or duplicates more, than a share",
        ("looks at", "share", "deepness", "coverage", "requests in all"),
        tuple((row.rule.value, row.share, row.deepness, row.coverage, row.requests) for row in report.stops),
    )
    push = Table(
        "Queries per second, all wallets together, above which push costs less",
        ("push by", "MB/s", *(f"deepness {row.deepness}" for row in report.rows[1:])),
        tuple((row.model.value, row.bytes_per_s / 1e6, *row.break_even_per_s) for row in report.push),
    )
    return (reach, stops, push) if len(report.rows) > 1 else (reach,)


def _scaled(value: Estimate, factor: float) -> Estimate:
    return Estimate(value.mean * factor, value.low * factor, value.high * factor, value.samples)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _cell(cell: Cell) -> str:
    match cell:
        case Estimate():
            reach = cell.high - cell.mean
            return f"{_number(cell.mean)} ± {_number(reach)}" if reach else _number(cell.mean)
        case float():
            return _number(cell)
        case _:
            return str(cell)


def _number(value: float) -> str:
    if abs(value) >= _LARGE:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}".rstrip("0").rstrip(".")
