"""Many real node processes on loopback: does a deep query complete within its budget?

    python -m bench.many_nodes                       50 nodes, 4 links each, 100 queries of deepness 4
    python -m bench.many_nodes --nodes 12 --queries 20

The graph is a ring with chords (node i links to i+1, i+7, and is linked by two others), so deepness 4 reaches tens of
nodes and meets many of them by several paths. Each node holds one record. Prints the distribution of the times
beside the budget and writes build/many_nodes.json. All load stays on this machine and is bounded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from parley.cli.client import OwnerClient
from parley.errors import ParleyError, Rejected
from parley.pool.config import PoolConfig
from parley.testing.processes import NodeProcess, stop_all

DEEPNESS = 4
CHORDS = (1, 7)
START_BATCH = 4
DEADLINE_S = 300
OUTPUT = Path(__file__).parent.parent / "build" / "many_nodes.json"


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not in time: {what}")
        time.sleep(0.1)


def _client(node: NodeProcess) -> OwnerClient:
    return OwnerClient(node.url, node.directory.read_owner_secret())


def _call(client: OwnerClient, method: str, **params: object) -> dict[str, Any]:
    answer = client.call(method, params)
    if isinstance(answer, Rejected):
        raise SystemExit(f"{method}: {answer}")
    return answer


def _is_running(node: NodeProcess) -> bool:
    return node.running() is not None


def _start(folder: Path, count: int) -> list[NodeProcess]:
    nodes: list[NodeProcess] = []
    for number in range(count):
        peers = [nodes[number - chord].url for chord in CHORDS if number >= chord]
        arguments = [word for url in peers for word in ("--peer", url)]
        node = NodeProcess(f"node{number}", folder / str(number), [*arguments, "--name", f"node{number}"])
        node.start()
        nodes.append(node)
        _wait(partial(_is_running, node), f"{node.name} runs")
    for number in range(max(CHORDS)):
        for chord in CHORDS:
            if number < chord:
                _call(_client(nodes[number]), "peers_add", url=nodes[number - chord].url)
    return nodes


def _links(node: NodeProcess) -> int:
    return sum(peer["phase"] == "linked" for peer in _call(_client(node), "peers_list")["Ok"])


def _reach(count: int) -> int:
    """Return how many nodes lie within the radius, by walking the graph."""
    steps = [sign * chord for chord in CHORDS for sign in (1, -1)]
    ring, seen = {0}, {0}
    for _ in range(DEEPNESS - 1):
        ring = {(place + step) % count for place in ring for step in steps} - seen
        seen |= ring
    return len(seen)


def _measure(nodes: list[NodeProcess], queries: int) -> dict[str, object]:
    times_ms: list[float] = []
    found: list[int] = []
    incomplete, stats = 0, {"asked": 0}
    for number in range(queries):
        client = _client(nodes[number * 7 % len(nodes)])
        begun = time.perf_counter()
        answer = _call(client, "query_message", keys=["bench"], deepness=DEEPNESS, size_limit=1_000, stats=True)
        times_ms.append((time.perf_counter() - begun) * 1_000)
        found.append(len(answer["Ok"]))
        stats = answer["stats"]
        incomplete += stats["timed_out"] + stats["refused"] > 0
    ordered = sorted(times_ms)
    return {
        "nodes": len(nodes),
        "deepness": DEEPNESS,
        "queries": queries,
        "budget_ms": PoolConfig().budget_ms,
        "median_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 1),
        "worst_ms": round(ordered[-1], 1),
        "within_radius": _reach(len(nodes)),
        "found_least": min(found),
        "found_most": max(found),
        "incomplete": incomplete,
        "requests": stats["asked"],
        "processors": os.cpu_count(),
    }


def main(arguments: list[str]) -> int:
    """Start the nodes, measure, stop them; return 1 when the budget was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.many_nodes", description="A deep query over real processes.")
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args(arguments)
    nodes: list[NodeProcess] = []
    with tempfile.TemporaryDirectory() as temporary:
        try:
            nodes = _start(Path(temporary), options.nodes)
            _wait(lambda: all(_links(node) == 2 * len(CHORDS) for node in nodes), "all nodes linked")
            for node in nodes:
                _call(_client(node), "push_message", Keys=["bench", node.name], Message=node.name, Expiration=600)
            result = _measure(nodes, options.queries)
        except ParleyError as error:
            raise SystemExit(str(error)) from error
        finally:
            stop_all(nodes)
    for name, value in result.items():
        print(f"{name:14} {value}")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(result, indent=2) + "\n")
    is_met = float(str(result["p99_ms"])) <= float(str(result["budget_ms"])) and not result["incomplete"]
    print("p99 within the budget:", "met" if is_met else "MISSED")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
