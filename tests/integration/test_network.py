"""Six whole nodes in one event loop under virtual time: wires are cut and healed, nodes crash, fall silent and lie.

    0 --- 1 --- 2
    |           |
    +---------- 3
    |           |
    5 --------- 4

A query finds what is within its reach and nothing else, says how complete it is, and nobody honest is ever blamed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from parley.primitives.instants import Instant
from parley.testing.clock import VirtualClock, run_virtual
from parley.testing.liar import Lie
from tests.integration.memory_network import MemoryNetwork

WIRES = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (0, 3))
EVERYBODY = set(range(6))
NOW = Instant(1_800_000_000_000)
DEEPNESS = 6
LINK_LOSS_MS = 120_000
"""Longer than a link of which nothing is heard is kept: two greetings, half a minute apart, and their timeouts."""


def within(wires: list[frozenset[int]], start: int, hops: int) -> set[int]:
    """Return the nodes that so many hops reach."""
    reached = {start}
    for _ in range(hops):
        reached |= {end for wire in wires if wire & reached for end in wire}
    return reached


async def publish(network: MemoryNetwork, number: int) -> None:
    await network.nodes[number].call("push_message", Keys=["net"], Message=f"of {number}", Expiration=40_000)


async def ask(network: MemoryNetwork, number: int, deepness: int = DEEPNESS) -> tuple[set[int], dict[str, Any]]:
    """Return whose records a node finds, by their messages, and how complete the answer is."""
    result = await network.nodes[number].call("query_message", keys=["net"], deepness=deepness, stats=True)
    return {int(entry["Message"].removeprefix("of ")) for entry in result["Ok"]}, result["stats"]


async def reasons(network: MemoryNetwork) -> dict[int, dict[str, int]]:
    """Return what each node charges others with, all of them together."""
    charged: dict[int, dict[str, int]] = {}
    for number, one in network.nodes.items():
        if one.node is not None:
            peers = await one.call("peers_list")
            charged[number] = {code: count for peer in peers for code, count in peer["reasons"].items()}
    return charged


def run(folder: Path, story: Callable[[MemoryNetwork], Awaitable[None]], **lies: Lie) -> None:
    """Run a story with six linked nodes that have published one record each."""
    clock = VirtualClock(NOW)

    async def tell() -> None:
        told = {int(name.removeprefix("node")): lie for name, lie in lies.items()}
        network = MemoryNetwork(folder, clock, WIRES, told)
        await network.start()
        await network.wait_linked(network.wires)
        for number in network.nodes:
            await publish(network, number)
        try:
            await story(network)
        finally:
            await network.stop()

    run_virtual(tell(), clock)


@pytest.mark.parametrize("deepness", [1, 2, 3, 4])
def test_a_query_reaches_as_far_as_it_should(tmp_path: Path, deepness: int) -> None:
    async def story(network: MemoryNetwork) -> None:
        for number in network.nodes:
            found, stats = await ask(network, number, deepness)
            assert found == within(list(network.wires), number, deepness - 1)
            assert (stats["refused"], stats["timed_out"], stats["answered"]) == (0, 0, stats["asked"])

    run(tmp_path, story)


def test_cut_off_and_healed(tmp_path: Path) -> None:
    async def story(network: MemoryNetwork) -> None:
        network.cut = {wire for wire in network.wires if 0 in wire}
        found, stats = await ask(network, 0)
        assert (found, stats["asked"], stats["refused"], stats["hops"]) == ({0}, 3, 3, 0)
        assert (await ask(network, 2))[0] == EVERYBODY - {0}
        await network.pass_time(LINK_LOSS_MS)
        found, stats = await ask(network, 0)
        assert (found, stats["asked"]) == ({0}, 0), "by now it knows that it is alone"
        network.cut = set()
        await network.wait_linked(network.wires)
        assert (await ask(network, 0))[0] == EVERYBODY
        assert not any((await reasons(network)).values()), "losing the network is nobody's fault"

    run(tmp_path, story)


def test_two_halves_each_go_on(tmp_path: Path) -> None:
    halves = {0, 1, 2}, {3, 4, 5}

    async def story(network: MemoryNetwork) -> None:
        network.cut = {wire for wire in network.wires if not any(wire <= half for half in halves)}
        for half in halves:
            for number in half:
                assert (await ask(network, number))[0] == half
        network.cut = set()
        for number in network.nodes:
            assert (await ask(network, number))[0] == EVERYBODY, "links outlive a short cut"

    run(tmp_path, story)


def test_a_node_crashes_and_comes_back_as_the_same(tmp_path: Path) -> None:
    async def story(network: MemoryNetwork) -> None:
        before = network.nodes[3].running.identity.node_id
        await network.crash(3)
        found, stats = await ask(network, 2)
        assert found == EVERYBODY - {3}
        assert stats["refused"] >= 1
        await network.pass_time(LINK_LOSS_MS)
        await network.start([3])
        await network.wait_linked(network.wires)
        assert network.nodes[3].running.identity.node_id == before
        assert (await ask(network, 2))[0] == EVERYBODY - {3}, "records are in memory only"
        await publish(network, 3)
        assert (await ask(network, 2))[0] == EVERYBODY
        assert not any((await reasons(network)).values())

    run(tmp_path, story)


def test_a_silent_node_costs_no_more_than_the_budget(tmp_path: Path) -> None:
    """Node 3 takes requests and never answers: who asked it answers in time with what the others have."""

    async def story(network: MemoryNetwork) -> None:
        network.silent = {3}
        begun = network.clock.now()
        found, stats = await ask(network, 0)
        assert network.clock.now() - begun <= network.nodes[0].running.config.pool.budget_ms
        assert found == EVERYBODY - {3}
        assert stats["timed_out"] >= 1
        assert stats["answered"] + stats["refused"] + stats["timed_out"] == stats["asked"]
        network.silent = set()
        await network.pass_time(LINK_LOSS_MS)
        await network.wait_linked(network.wires)
        assert (await ask(network, 0))[0] == EVERYBODY

    run(tmp_path, story)


@pytest.mark.parametrize(("lie", "code"), [(Lie.FORGED, "bad_signature"), (Lie.UNASKED, "not_asked_for")])
def test_a_liar_loses_its_links_and_nobody_else_does(tmp_path: Path, lie: Lie, code: str) -> None:
    async def story(network: MemoryNetwork) -> None:
        for _ in range(4):
            for number in EVERYBODY - {2}:
                assert (await ask(network, number))[0] == EVERYBODY - {2}
        charged = await reasons(network)
        assert {number: set(codes) for number, codes in charged.items() if codes} == {1: {code}, 3: {code}}
        assert [number for number in (1, 3) if network.is_linked(2, number)] == []
        honest = [wire for wire in network.wires if 2 not in wire]
        assert all(network.is_linked(*sorted(wire)) for wire in honest)
        paused = [peer for peer in await network.nodes[1].call("peers_list") if peer["phase"] == "paused"]
        assert [peer["id"] for peer in paused] == [network.nodes[2].running.identity.node_id.hex()]

    run(tmp_path, story, node2=lie)


@pytest.mark.parametrize("seed", range(8))
def test_wires_come_and_go(tmp_path: Path, seed: int) -> None:
    """Whatever is cut, a query finds its own record and nothing beyond its reach; healed, it finds everything."""
    source = Random(seed)

    async def story(network: MemoryNetwork) -> None:
        for _ in range(25):
            network.cut ^= {source.choice(network.wires)}
            await network.pass_time(source.choice((0, 500, 20_000, LINK_LOSS_MS)))
            number, deepness = source.randrange(6), source.randint(1, DEEPNESS)
            reach = within(network.up(), number, deepness - 1)
            found, stats = await ask(network, number, deepness)
            assert number in found, f"seed {seed}"
            assert found <= reach, f"seed {seed}"
            assert stats["answered"] + stats["refused"] + stats["timed_out"] == stats["asked"], f"seed {seed}"
        network.cut = set()
        await network.wait_linked(network.wires)
        for number in network.nodes:
            assert (await ask(network, number))[0] == EVERYBODY, f"seed {seed}"
        assert not any((await reasons(network)).values()), f"seed {seed}"

    run(tmp_path, story)
