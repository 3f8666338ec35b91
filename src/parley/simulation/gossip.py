"""Push, played out: one publication flooded over all links, or gossiped over a mesh of a few of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from parley.errors import ErrorCode, LocalError
from parley.simulation.baselines import GOSSIP_MESH_LINKS, PushModel
from parley.simulation.graphs import Graph
from parley.testing.network import Conditions, Delivery, Latency, VirtualNetwork

__all__ = ["PushOutcome", "mesh_of", "push_once"]


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What one publication cost and reached.

    Attributes:
        messages: copies of the offer sent.
        reached: nodes that have it, the publisher included.
        latency_ms: until the last of them had it.
    """

    messages: int
    reached: int
    latency_ms: int


def mesh_of(graph: Graph, *, links: int, seed: int) -> Graph:
    """Choose a random part of the links so that no node keeps more than `links` of its own."""
    pairs = [(node, other) for node, others in enumerate(graph) for other in others if node < other]
    Random(f"mesh/{seed}").shuffle(pairs)
    kept: list[list[int]] = [[] for _ in graph]
    for node, other in pairs:
        if len(kept[node]) < links and len(kept[other]) < links:
            kept[node].append(other)
            kept[other].append(node)
    return tuple(tuple(sorted(others)) for others in kept)


def push_once(graph: Graph, model: PushModel, *, publisher: int, latency: Latency, seed: int) -> PushOutcome:
    """Publish one offer: whoever gets it for the first time sends it on to all but where it came from.

    Args:
        graph: who is linked to whom.
        model: flood or gossipsub; the others are formulas only.
        publisher: node that begins.
        latency: of a message.
        seed: of all chance.

    Raises:
        LocalError: another model.
    """
    match model:
        case PushModel.FLOOD:
            links = graph
        case PushModel.GOSSIPSUB:
            links = mesh_of(graph, links=GOSSIP_MESH_LINKS, seed=seed)
        case _:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, model=model.value)
    network: VirtualNetwork[bool] = VirtualNetwork(Conditions(latency=latency), seed=seed)
    reached, latest_ms = {publisher}, 0
    for other in links[publisher]:
        network.send(publisher, other, True)  # noqa: FBT003  # the message is its own arrival; it says nothing
    while (event := network.step()) is not None:
        if isinstance(event, Delivery) and event.target not in reached:
            reached.add(event.target)
            latest_ms = event.at
            for other in links[event.target]:
                if other != event.source:
                    network.send(event.target, other, True)  # noqa: FBT003  # as above
    return PushOutcome(network.traffic.sent, len(reached), latest_ms)
