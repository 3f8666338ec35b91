"""Expected figures are worked out by hand from the formulas, and are those that the design was decided by."""

from __future__ import annotations

import pytest

from parley.errors import LocalError
from parley.simulation.baselines import (
    Market,
    PushModel,
    admitted_queries_per_s,
    break_even_queries_per_s,
    cached_rate_bytes_per_s,
    full_cover_requests,
    kademlia_capture_hashes,
    kademlia_get_messages,
    kademlia_put_messages,
    pull_bytes,
    push_bytes,
    push_rate_bytes_per_s,
    relay_rate_bytes_per_s,
    requests_of_radius,
    walkers_coverage,
)

MARKET = Market(nodes=1_000, degree=8, offers=200, refresh_s=120, record_bytes=700, query_bytes=200)


@pytest.mark.parametrize(
    ("model", "size_bytes"),
    [
        (PushModel.FLOOD, 4_900_700),  # (8000 - 1000 + 1) * 700
        (PushModel.GOSSIPSUB, 3_500_700),  # (1000 * 5 + 1) * 700
        (PushModel.INVENTORY, 956_000),  # 8000 * 32 + 1000 * 700
        (PushModel.TREE, 700_000),  # 1000 * 700
    ],
)
def test_bytes_of_one_publication(model: PushModel, size_bytes: int) -> None:
    assert push_bytes(model, MARKET) == size_bytes


def test_a_publication_of_another_size() -> None:
    assert push_bytes(PushModel.TREE, MARKET, size_bytes=150) == 150_000


def test_the_mesh_has_no_more_links_than_there_are() -> None:
    sparse = Market(nodes=10, degree=3, record_bytes=1)
    assert push_bytes(PushModel.GOSSIPSUB, sparse) == 21  # 10 * (3 - 1) + 1


@pytest.mark.parametrize(
    ("model", "megabytes_per_s"),
    [(PushModel.FLOOD, 8.168), (PushModel.GOSSIPSUB, 5.835), (PushModel.INVENTORY, 1.593), (PushModel.TREE, 1.167)],
)
def test_the_rate_of_keeping_200_offers_published(model: PushModel, megabytes_per_s: float) -> None:
    assert push_rate_bytes_per_s(model, MARKET) / 1e6 == pytest.approx(megabytes_per_s, abs=0.0005)


@pytest.mark.parametrize(
    ("requests", "offers", "hops", "megabytes"),
    [
        (445, 73.8, 2.84, 0.2357),  # 445 * 200 + 73.8 * 2.84 * 700
        (2_595, 192.8, 3.5, 0.99136),
        (6_730, 200, 3.6, 1.85),
    ],
)
def test_bytes_of_one_query(requests: int, offers: float, hops: float, megabytes: float) -> None:
    assert pull_bytes(MARKET, requests=requests, offers_found=offers, hops=hops) / 1e6 == pytest.approx(
        megabytes, abs=0.0005
    )


def test_gossip_pays_above_three_whole_book_queries_a_second() -> None:
    assert break_even_queries_per_s(PushModel.GOSSIPSUB, MARKET, 1_850_000) == pytest.approx(3.154, abs=0.001)
    with pytest.raises(LocalError):
        break_even_queries_per_s(PushModel.GOSSIPSUB, MARKET, 0)


def test_caches_at_neighbours() -> None:
    # 8000 / 30 * 262 = 69,867 B/s of digests, and 1,166,667 B/s of offers or 250,000 B/s of renewals.
    assert cached_rate_bytes_per_s(MARKET, cache_age_s=30) == pytest.approx(1_236_533, abs=1)
    assert cached_rate_bytes_per_s(MARKET, cache_age_s=30, refresh_bytes=150) == pytest.approx(319_867, abs=1)
    with pytest.raises(LocalError):
        cached_rate_bytes_per_s(MARKET, cache_age_s=0)


def test_relays() -> None:
    # 3 * 700 * 200 / 120 = 3500 of publishing; 2 * 3 * (200 + 140000) of reading.
    assert relay_rate_bytes_per_s(MARKET, relays=3, queries_per_s=2) == pytest.approx(844_700)


def test_a_distributed_hash_table() -> None:
    assert kademlia_get_messages(1_000) == 30  # 3 * ceil(9.97)
    assert kademlia_put_messages(1_000) == 50
    assert kademlia_get_messages(1_024) == 30
    assert kademlia_get_messages(1_025) == 33
    assert kademlia_capture_hashes(1_000) == 50
    assert kademlia_capture_hashes(10_001) == 501


def test_copies_by_radius() -> None:
    assert requests_of_radius(8, 1) == 8
    assert requests_of_radius(8, 9) == 64
    assert requests_of_radius(8, 964) == 6_749
    assert full_cover_requests(1_000, 8) == 7_001


def test_walkers_that_cover_95_percent_of_1000_nodes_walk_3000_steps() -> None:
    assert walkers_coverage(1_000, walkers=10, steps=300) == pytest.approx(0.9502, abs=0.0001)
    assert walkers_coverage(1_000, walkers=0, steps=300) == 0


def test_what_an_allowance_admits() -> None:
    # Deepness 3 over 7 links: 7 + 49 asked, 1 for the node itself, 100 records: 157 units.
    rate = admitted_queries_per_s(
        deepness=3, size_limit=100, links=7, bucket_units=1_000_000, bucket_units_per_second=20_000
    )
    assert rate == pytest.approx(20_000 / 157)
    # What costs more than the whole allowance costs the whole allowance.
    rate = admitted_queries_per_s(
        deepness=9, size_limit=100, links=7, bucket_units=1_000, bucket_units_per_second=20_000
    )
    assert rate == pytest.approx(20)
