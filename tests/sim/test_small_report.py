"""The report of one small simulation, to the last digit: a change of the machines that shows here changes behaviour.

The graph is complete (8 nodes, 7 links each), so that the figures do not hang on how a library draws graphs. When a
change is meant, write the file again: `parley simulate pool` with the settings below and `--json`.
"""

from __future__ import annotations

import json
from pathlib import Path

from parley.simulation.config import SimulationConfig
from parley.simulation.pool import simulate_pool
from parley.testing.network import parse_latency

GOLDEN = Path(__file__).parent / "small_report.json"
CONFIG = SimulationConfig(
    nodes=8, degree=7, deepness=3, origins=4, graphs=2, latency=parse_latency("lognormal:50:1"), loss=0.05, churn=0.1
)


def test_a_small_simulation_gives_the_kept_figures() -> None:
    assert json.loads(json.dumps(simulate_pool(CONFIG).document())) == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_kept_figures_are_plausible() -> None:
    rows = json.loads(GOLDEN.read_text(encoding="utf-8"))["rows"]
    # The own node alone has 1 of 8 records; 7 copies go out at deepness 2.
    assert rows[0]["coverage"]["mean"] == 0.125
    assert rows[1]["requests"]["mean"] == 7
    assert 0.5 < rows[1]["recall"]["mean"] < 1
    assert all(row["forged"] == row["blamed_honest"] == 0 for row in rows)
