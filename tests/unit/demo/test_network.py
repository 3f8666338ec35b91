from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parley.demo.network import GRAPH, DemoNetwork, neighbours
from parley.errors import ErrorCode, UnavailableError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_links_are_seen_from_both_ends() -> None:
    assert {name: neighbours(name) for name in sorted(GRAPH)} == {
        "A": ("B", "D"),
        "B": ("A", "C"),
        "C": ("B", "D"),
        "D": ("A", "C", "E"),
        "E": ("D",),
    }


def test_who_is_dialled_stands_earlier() -> None:
    order = list(GRAPH)
    assert all(order.index(dialled) < order.index(name) for name in order for dialled in GRAPH[name])


def content(place: Path) -> list[Path]:
    return list(place.iterdir())


async def start_one(place: Path, started: list[str]) -> None:
    with DemoNetwork() as network:
        assert network.path.parent == place
        await network.start(["D"], started.append)


async def test_a_node_that_ends_at_once_is_an_error_that_names_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    started: list[str] = []
    with pytest.raises(UnavailableError) as caught:
        await start_one(place, started)
    assert (caught.value.code, caught.value.facts["node"]) == (ErrorCode.UNREACHABLE, "D")
    assert started == []
    assert content(place) == []


def fail_inside() -> None:
    with DemoNetwork() as network:
        assert (network.path.stat().st_mode & 0o777) == 0o700
        (network.path / "file").write_text("text")
        raise ZeroDivisionError


def test_leaving_removes_everything_whatever_happened(place: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert content(place) == []
