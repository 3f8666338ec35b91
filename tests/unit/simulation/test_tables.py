from __future__ import annotations

import json
from pathlib import Path

import pytest

from parley.errors import ConfigError
from parley.simulation.config import SimulationConfig
from parley.simulation.estimates import Estimate
from parley.simulation.plots import plot
from parley.simulation.pool import simulate_pool
from parley.simulation.reach import agrees
from parley.simulation.report import StopRule, as_document
from parley.simulation.studies import Study, run_study
from parley.simulation.tables import Table, cell_texts, render_table, report_tables

SMALL = SimulationConfig(nodes=30, degree=4, deepness=3, origins=3)


def test_a_table_is_markdown() -> None:
    table = Table("Title", ("name", "figure"), (("a", Estimate(2.0, 1.5, 2.5, 3)), ("long", 1_234.5)), "A note.")
    assert render_table(table).splitlines() == [
        "Title",
        "",
        "| name |  figure |",
        "|------|---------|",
        "|    a | 2 ± 0.5 |",
        "| long |    1234 |",
        "",
        "A note.",
    ]


def test_a_table_is_json() -> None:
    table = Table("Title", ("name", "figure"), (("a", Estimate(2.0, 1.5, 2.5, 3)),))
    assert json.loads(json.dumps(table.document())) == {
        "title": "Title",
        "columns": ["name", "figure"],
        "rows": [["a", {"mean": 2.0, "low": 1.5, "high": 2.5, "samples": 3}]],
        "note": "",
    }


def test_values_of_reports_become_json() -> None:
    assert as_document((1 / 3, StopRule.DUPLICATES, {"a": [True, None]})) == [
        0.333333, "duplicates", {"a": [True, None]},
    ]  # fmt: skip


def test_a_report_is_read_by_people() -> None:
    reach, stops, push = report_tables(simulate_pool(SMALL))
    assert reach.title == ("3 queries of each deepness: 30 nodes, regular, 4 links each, latency constant:50, seed 1")
    assert [row[0] for row in cell_texts(reach)] == ["1", "2", "3"]
    assert {row[0] for row in cell_texts(stops)} == {"new records", "duplicates"}
    assert [row[0] for row in cell_texts(push)] == ["flood", "gossipsub", "inventory", "tree"]
    for table in (reach, stops, push):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_report_of_the_own_node_alone_compares_nothing_with_push() -> None:
    report = simulate_pool(SimulationConfig(nodes=30, degree=4, deepness=1, origins=3))
    assert len(report_tables(report)) == 1
    assert [row.break_even_per_s for row in report.push] == [(), (), (), ()]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_report_is_drawn(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"report.{ending}"
    plot(simulate_pool(SMALL), path)
    beginning = path.read_bytes()[:60]
    assert beginning.startswith(b"\x89PNG\r\n\x1a\n" if ending == "png" else b"<?xml")


def test_agreement_is_a_prediction_interval() -> None:
    # n = 5, s = 1: t(4) = 2.776, reach = 2.776 * sqrt(1/5 + 1/5) = 1.756.
    measured = Estimate(10.0, 10 - 2.776 / 5**0.5, 10 + 2.776 / 5**0.5, 5)
    assert agrees(measured, 11.7, rounding=0)
    assert not agrees(measured, 11.8, rounding=0)
    assert agrees(measured, 11.8, rounding=0.1)


@pytest.mark.parametrize("study", [Study.ECLIPSE])
def test_a_study_has_a_cell_per_column(study: Study) -> None:
    for table in run_study(study):
        assert table.rows
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_too_few_origins_for_an_interval_are_refused() -> None:
    with pytest.raises(ConfigError):
        run_study(Study.ORDER, origins=1)
