"""What other ways of spreading offers cost, as formulas, and from which rate of queries pull costs more than push.

    links E = N*k/2      offers P, each published again every T seconds, s bytes      query b bytes

    flood        (2E - N + 1) * s                 per publication: every node sends to all but where it came from
    gossipsub    (N*(D - 1) + 1) * s              the same over a mesh of D links
    inventory    2E*32 + N*s                      ids over every link, the offer once to each
    tree         N*s                              the least there can be
    relay        r*s                              to r servers that everybody reads
    pull         M*b + s * P_found * hops         per query: M copies, each offer carried back over its hops

    break-even   q* = rate of publishing / bytes of one query

The number of copies M and the hops come from a simulation; the rest is arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.pool.allowance import quote_query

__all__ = [
    "Market",
    "PushModel",
    "admitted_queries_per_s",
    "break_even_queries_per_s",
    "cached_rate_bytes_per_s",
    "full_cover_requests",
    "kademlia_capture_hashes",
    "kademlia_get_messages",
    "kademlia_put_messages",
    "pull_bytes",
    "push_bytes",
    "push_rate_bytes_per_s",
    "relay_rate_bytes_per_s",
    "requests_of_radius",
    "walkers_coverage",
]

GOSSIP_MESH_LINKS: Final = 6
"""Links of the mesh of gossipsub, its default D."""

_INVENTORY_BYTES: Final = 32
_KADEMLIA_PARALLEL: Final = 3
_KADEMLIA_COPIES: Final = 20
_DIGEST_BYTES: Final = 62


class PushModel(Enum):
    """Ways of bringing each offer to every node when it is published."""

    FLOOD = "flood"
    GOSSIPSUB = "gossipsub"
    INVENTORY = "inventory"
    TREE = "tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A network and the offers on it.

    Attributes:
        nodes: N >= 2.
        degree: k >= 1, links of a node, on average.
        offers: P >= 0, live offers.
        refresh_s: T >= 1, how often an offer is published again.
        record_bytes: s, size of an offer.
        query_bytes: b, size of a query.
    """

    nodes: int = 1_000
    degree: int = 8
    offers: int = 200
    refresh_s: int = 120
    record_bytes: int = 700
    query_bytes: int = 200

    @property
    def link_ends(self) -> int:
        """Both ends of all links, 2E = N*k."""
        return self.nodes * self.degree


def push_bytes(model: PushModel, market: Market, *, size_bytes: int | None = None) -> int:
    """Return the bytes that one publication costs all links together.

    Args:
        model: of push.
        market: the network.
        size_bytes: of what is published; the size of an offer unless given.
    """
    size = market.record_bytes if size_bytes is None else size_bytes
    match model:
        case PushModel.FLOOD:
            return (market.link_ends - market.nodes + 1) * size
        case PushModel.GOSSIPSUB:
            mesh_links = min(GOSSIP_MESH_LINKS, market.degree)
            return (market.nodes * (mesh_links - 1) + 1) * size
        case PushModel.INVENTORY:
            return market.link_ends * _INVENTORY_BYTES + market.nodes * size
        case PushModel.TREE:
            return market.nodes * size


def push_rate_bytes_per_s(model: PushModel, market: Market) -> float:
    """Return what keeping all offers published costs, whether anybody looks or not."""
    return push_bytes(model, market) * market.offers / market.refresh_s


def pull_bytes(market: Market, *, requests: float, offers_found: float, hops: float) -> float:
    """Return the bytes that one query costs all links together.

    Args:
        market: the network.
        requests: copies of the query.
        offers_found: offers that reach the asker.
        hops: that an offer travels, on average.
    """
    return requests * market.query_bytes + offers_found * hops * market.record_bytes


def break_even_queries_per_s(model: PushModel, market: Market, query_cost_bytes: float) -> float:
    """Return the rate of queries, of all wallets together, above which push costs less.

    Raises:
        LocalError: a query costs nothing.
    """
    if query_cost_bytes <= 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, query_cost_bytes=round(query_cost_bytes))
    return push_rate_bytes_per_s(model, market) / query_cost_bytes


def cached_rate_bytes_per_s(market: Market, *, cache_age_s: float, refresh_bytes: int | None = None) -> float:
    """Return what it costs to keep every node's copy of the book at most `cache_age_s` old, at any rate of queries.

    Each link compares digests once per `cache_age_s`, and each version of an offer reaches each node once.

    Args:
        market: the network.
        cache_age_s: > 0.
        refresh_bytes: of a renewal without the offer's text; the size of an offer unless given.

    Raises:
        LocalError: the age is not positive.
    """
    if cache_age_s <= 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, cache_age_s=round(cache_age_s))
    compared = market.link_ends / cache_age_s * (market.query_bytes + _DIGEST_BYTES)
    return compared + push_bytes(PushModel.TREE, market, size_bytes=refresh_bytes) * market.offers / market.refresh_s


def relay_rate_bytes_per_s(market: Market, *, relays: int, queries_per_s: float) -> float:
    """Return what r servers carry: each offer to each of them, and the whole book from each to each reader.

    Nobody forwards, so it is little; what is paid is trust that the servers show everything.
    """
    publishing = relays * market.record_bytes * market.offers / market.refresh_s
    reading = queries_per_s * relays * (market.query_bytes + market.offers * market.record_bytes)
    return publishing + reading


def kademlia_put_messages(nodes: int) -> int:
    """Return the requests of one publication: a look-up, then 20 copies stored."""
    return kademlia_get_messages(nodes) + _KADEMLIA_COPIES


def kademlia_get_messages(nodes: int) -> int:
    """Return the requests of one look-up at worst: 3 in each of log2 N rounds."""
    return _KADEMLIA_PARALLEL * math.ceil(math.log2(nodes))


def kademlia_capture_hashes(nodes: int) -> int:
    """Return how many ids must be tried to come among the 20 nodes that hold one key, on average.

    All offers of one market stand under one key, so these 20 nodes hold the whole book and can hide it.
    """
    return math.ceil(nodes / _KADEMLIA_COPIES)


def requests_of_radius(degree: int, within_smaller_radius: int) -> int:
    """Return the copies of a query of radius R in a regular graph: M = k + (k - 1)(N_{R-1} - 1).

    Args:
        degree: k, of every node.
        within_smaller_radius: N_{R-1}, nodes within R - 1 hops of the asker, the asker included; >= 1.
    """
    return degree + (degree - 1) * (within_smaller_radius - 1)


def full_cover_requests(nodes: int, degree: int) -> int:
    """Return the copies of a query that every node follows: 2E - N + 1."""
    return nodes * degree - nodes + 1


def walkers_coverage(nodes: int, *, walkers: int, steps: int) -> float:
    """Return the share of nodes that random walkers visit: 1 - exp(-W*T/N); each step is one message."""
    return -math.expm1(-walkers * steps / nodes)


def admitted_queries_per_s(
    *, deepness: int, size_limit: int, links: int, bucket_units: int, bucket_units_per_second: int
) -> float:
    """Return how many queries a second one link may have followed, for ever, by its allowance.

    Args:
        deepness: left at the asked node, itself included.
        size_limit: of the query.
        links: of the asked node, the asker's not counted.
        bucket_units: what the allowance holds.
        bucket_units_per_second: what it regains.
    """
    cost_units = quote_query(remaining=deepness, size_limit=size_limit, links=links, units_max=bucket_units)
    return bucket_units_per_second / cost_units
