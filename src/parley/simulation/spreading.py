"""Studies of pull beside push, relays and caches: bytes, the break-even rate of queries, and how fresh a book is."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import fmean

from parley.pool.config import PoolConfig
from parley.primitives.instants import Instant
from parley.simulation.baselines import (
    Market,
    PushModel,
    admitted_queries_per_s,
    break_even_queries_per_s,
    cached_rate_bytes_per_s,
    kademlia_capture_hashes,
    kademlia_get_messages,
    kademlia_put_messages,
    pull_bytes,
    push_bytes,
    push_rate_bytes_per_s,
    relay_rate_bytes_per_s,
)
from parley.simulation.building import build_world
from parley.simulation.config import SimulationConfig
from parley.simulation.estimates import estimate
from parley.simulation.gossip import push_once
from parley.simulation.graphs import build_graph
from parley.simulation.pool import Progress, simulate_pool
from parley.simulation.tables import Cell, Table
from parley.simulation.world import Outcome, World
from parley.testing.network import Latency

__all__ = ["study_allowance", "study_freshness", "study_push", "study_spread"]

_MEGABYTE = 1_000_000
_REFRESH_BYTES = 150
_CACHE_AGE_S = 30
_OFFERS = 200
_WALLETS = 10
_POLL_MS = 1_000
_RENEWAL_S = 120
_QUICK_MS = 900


def study_push(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Compare one query with keeping every offer at every node, and find the rate of queries where they cost the same.

    Copies and hops are those of the machines; 200 offers of 700 bytes, each published again every 120 s.
    """
    config = SimulationConfig(
        deepness=6, origins=origins, seed=seed, records=_OFFERS, answer_bytes=0, query_bytes=200, record_bytes=700
    )
    market = Market(nodes=config.nodes, degree=config.degree, offers=_OFFERS)
    report = simulate_pool(config, progress)
    rows: list[tuple[Cell, ...]] = []
    for row in report.rows[2:]:
        found = row.coverage.mean * _OFFERS
        hops = row.records_carried.mean / found
        cost_bytes = pull_bytes(market, requests=row.requests.mean, offers_found=found, hops=hops)
        rates = (break_even_queries_per_s(model, market, cost_bytes) for model in PushModel)
        rows.append((row.deepness, row.coverage, cost_bytes / _MEGABYTE, cost_bytes / market.query_bytes, hops, *rates))
    rates_text = ", ".join(
        f"{model.value} {push_rate_bytes_per_s(model, market) / _MEGABYTE:.2f}" for model in PushModel
    )
    return Table(
        "1000 nodes, 8 links, 200 offers of 700 bytes: one query, and the queries per second that cost as much as push",
        (
            "deepness", "coverage", "MB per query", "amplification", "hops",
            *(f"break-even, {model.value}" for model in PushModel),
        ),
        tuple(rows),
        f"Push costs, in MB/s: {rates_text}.",
    )  # fmt: skip


def study_spread(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Compare other ways of spreading offers: by formula, and where it can be played out, by playing it out."""
    market = Market(offers=_OFFERS)
    graph = build_graph(SimulationConfig().graph, nodes=market.nodes, degree=market.degree, seed=seed)
    rows: list[tuple[Cell, ...]] = []
    for model in PushModel:
        played: Cell = "-"
        if model in {PushModel.FLOOD, PushModel.GOSSIPSUB}:
            outcomes = [
                push_once(graph, model, publisher=publisher, latency=Latency(), seed=seed + publisher)
                for publisher in range(origins)
            ]
            played = estimate([float(outcome.messages) for outcome in outcomes])
            if progress is not None:
                progress(f"publications by {model.value}", origins, origins)
        by_formula = push_bytes(model, market) / market.record_bytes
        rows.append((model.value, by_formula, played, push_rate_bytes_per_s(model, market) / _MEGABYTE))
    cached = cached_rate_bytes_per_s(market, cache_age_s=_CACHE_AGE_S)
    renewed = cached_rate_bytes_per_s(market, cache_age_s=_CACHE_AGE_S, refresh_bytes=_REFRESH_BYTES)
    relayed = relay_rate_bytes_per_s(market, relays=3, queries_per_s=1)
    rows += [
        ("neighbours' caches, 30 s", "-", "-", cached / _MEGABYTE),
        ("the same, renewals of 150 bytes", "-", "-", renewed / _MEGABYTE),
        ("3 relays, 1 query/s", "-", "-", relayed / _MEGABYTE),
    ]
    put, get = kademlia_put_messages(market.nodes), kademlia_get_messages(market.nodes)
    captured = kademlia_capture_hashes(market.nodes)
    return Table(
        "1000 nodes, 8 links, 200 offers of 700 bytes renewed every 120 s",
        ("spread by", "copies per publication", "played out", "MB/s"),
        tuple(rows),
        f"A distributed hash table needs {put} requests to publish and {get} to look up, but the 20 nodes nearest to "
        f"one key hold the whole book, and {captured} tries of an id bring an attacker among them.",
    )


def study_allowance(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Say what one link can make a network do for ever, by the allowance that a node gives it unless told otherwise."""
    limits = PoolConfig()
    config = SimulationConfig(deepness=limits.deepness_max, origins=origins, seed=seed, records=_OFFERS)
    rows: list[tuple[Cell, ...]] = []
    for row in simulate_pool(config, progress).rows[1:]:
        # The asked node has as many links as the asker, who is one of them.
        rate = admitted_queries_per_s(
            deepness=row.deepness - 1,
            size_limit=limits.size_limit_max,
            links=config.degree - 1,
            bucket_units=limits.bucket_units,
            bucket_units_per_second=limits.bucket_units_per_second,
        )
        share_bytes = row.size_bytes.mean / config.degree
        rows.append((row.deepness, row.amplification, share_bytes / _MEGABYTE, rate, rate * share_bytes / _MEGABYTE))
    return Table(
        "1000 nodes, 8 links, 200 offers: what one link can make others send for ever",
        ("deepness", "amplification", "MB per query", "queries/s admitted", "MB/s caused"),
        tuple(rows),
        "Of a link: an eighth of a whole query. Without an allowance the rate would be the attacker's to choose.",
    )


def study_freshness(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Let one of ten wallets look every second while offers change, with caches of different ages."""
    rows: list[tuple[Cell, ...]] = []
    ages_ms = (0, 2_000, 15_000, 60_000)
    for number, cache_age_ms in enumerate(ages_ms, start=1):
        config = SimulationConfig(
            nodes=200, deepness=4, records=100, seed=seed, cache_age_ms=cache_age_ms, budget_ms=_QUICK_MS,
            hop_margin_ms=_QUICK_MS // 9,
        )  # fmt: skip
        rows.append((cache_age_ms / 1_000, *_poll(config, origins * _WALLETS)))
        if progress is not None:
            progress("ages of caches", number, len(ages_ms))
    return Table(
        "200 nodes, 8 links, deepness 4; 100 offers, each changed every 120 s; one of 10 wallets looks every second",
        ("cache (s)", "requests", "MB per query", "coverage", "outdated for (s)"),
        tuple(rows),
        "How long a found offer has had a newer version, 0 where it is the newest; mean over offers.",
    )


def _poll(config: SimulationConfig, polls: int) -> tuple[Cell, ...]:
    graph = build_graph(config.graph, nodes=config.nodes, degree=config.degree, seed=config.seed)
    world = build_world(config, graph, seed=str(config.seed))
    source = Random(f"polls/{config.seed}")
    wallets, holders = source.sample(world.honest, _WALLETS), sorted(world.holders)
    outcomes: list[Outcome] = []
    following = world.network.now
    for _ in range(polls):
        following = Instant(following + _POLL_MS)
        _renew(world, holders, following, source)
        outcomes.append(world.run_query(source.choice(wallets), config.deepness))
    return (
        estimate([float(outcome.requests) for outcome in outcomes]),
        fmean(outcome.size_bytes(config) for outcome in outcomes) / _MEGABYTE,
        estimate([outcome.coverage for outcome in outcomes]),
        estimate([outcome.lag_ms / 1_000 for outcome in outcomes]),
    )


def _renew(world: World, holders: Sequence[int], until: Instant, source: Random) -> None:
    """Let offers change at random moments from now to `until`, each every 120 s on average, and wait until then."""
    chance = (until - world.network.now) / (_RENEWAL_S * 1_000)
    changing = [holder for holder in holders if source.random() < chance]
    for moment in sorted(source.randint(world.network.now, until) for _ in changing):
        world.network.wait_until(Instant(moment))
        world.publish(changing.pop())
    world.network.wait_until(until)
