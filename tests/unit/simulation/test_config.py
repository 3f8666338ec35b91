from __future__ import annotations

import json

import pytest

from parley.errors import ConfigError
from parley.simulation.config import LieKind, SimulationConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodes": 1},
        {"nodes": 100_001},
        {"deepness": 0},
        {"deepness": 17},
        {"origins": 0},
        {"churn": -0.1},
        {"liars": 1.1},
        {"loss": 2.0},
        {"budget_ms": 500, "hop_margin_ms": 500},
        {"liars": 0.1, "lies": ()},
        {"liars": 0.5, "sybils": 0.5},
        {"size_limit": 0},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SimulationConfig(**wrong)  # type: ignore[arg-type]  # by name


def test_shares_become_nodes() -> None:
    config = SimulationConfig(nodes=200, liars=0.1, sybils=0.05)
    assert (config.liar_nodes, config.sybil_nodes, config.honest_nodes) == (20, 10, 170)


def test_the_document_is_json_and_says_everything() -> None:
    config = SimulationConfig(lies=(LieKind.FORGE, LieKind.DROP))
    document = json.loads(json.dumps(config.document()))
    assert document["graph"] == "regular"
    assert document["latency"] == "constant:50"
    assert document["lies"] == ["forge", "drop"]
    assert document["rule"] == "link-author"
    assert set(document) == set(SimulationConfig.__dataclass_fields__)
