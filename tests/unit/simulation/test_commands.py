from __future__ import annotations

import json
from pathlib import Path

import pytest

from parley.__main__ import main

SMALL = ["simulate", "pool", "--nodes", "30", "--degree", "4", "--deepness", "3", "--origins", "3"]


def test_people_get_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SMALL) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("3 queries of each deepness: 30 nodes, regular, 4 links each")
    assert "Queries per second, all wallets together" in printed


def test_programs_get_one_document_that_the_seed_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for _ in range(2):
        assert main([*SMALL, "--json", "--seed", "4", "--latency", "lognormal:50:1"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    document = json.loads(printed[0])
    assert document["config"]["seed"] == 4
    assert [row["deepness"] for row in document["rows"]] == [1, 2, 3]


def test_every_setting_reaches_the_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    given = {
        "graph": "small-world", "graphs": 2, "latency": "uniform:20:80", "loss": 0.1, "churn": 0.1, "liars": 0.1,
        "sybils": 0.1, "rule": "random", "size_limit": 9, "records": 7, "budget_ms": 5_000, "hop_margin_ms": 400,
    }  # fmt: skip
    options = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    assert main([*SMALL, *options, "--json"]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert {name: config[name] for name in given} == given


def test_a_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "pool", "--study", "eclipse", "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert table["title"] == "Chance that all 8 outbound links lead to one attacker"


def test_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figures.png"
    assert main([*SMALL, "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"drawn: {path}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--degree", "40"], 1, "degree"),
        (["--latency", "fast"], 1, "latency"),
        (["--plot", "figures.txt"], 1, "plot"),
        (["--plot", "no/such/folder/figures.png"], 1, "plot"),
        (["--sybils", "0.6", "--liars", "0.4"], 1, "sybils"),
        (["--study", "reach", "--origins", "1"], 1, "origins"),
        (["--churn", "1.5"], 2, "churn"),
        (["--graph", "star"], 2, "graph"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(
    options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SMALL, *options]) == code
    assert says in capsys.readouterr().err
