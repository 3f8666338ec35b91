"""Fair shares are those of the rule "remove one from whoever has most", and cutting at every hop loses nothing."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from parley.pool.fairness import choose, choose_by_author, fit, max_min_shares, take_turns

counts_lists = st.lists(st.integers(0, 30), max_size=8)
limits = st.integers(0, 60)


class Thing(NamedTuple):
    """A record as fairness sees it."""

    author: int
    number: int


def author_of(thing: Thing) -> int:
    return thing.author


def same(thing: Thing) -> Thing:
    return thing


def remove_one_from_whoever_has_most(counts: list[int], limit: int) -> list[int]:
    """Share by the seed's rule; of several who have most, the last loses."""
    shares = list(counts)
    while sum(shares) > limit:
        most = max(shares)
        last = max(place for place, share in enumerate(shares) if share == most)
        shares[last] -= 1
    return shares


@given(counts=counts_lists, limit=limits)
def test_shares_are_those_of_the_seeds_rule(counts: list[int], limit: int) -> None:
    assert max_min_shares(counts, limit) == remove_one_from_whoever_has_most(counts, limit)


@given(counts=counts_lists, limit=limits)
def test_what_no_two_links_bring_is_shared_by_the_seeds_rule(counts: list[int], limit: int) -> None:
    groups = {link: [Thing(link, number) for number in range(count)] for link, count in enumerate(counts)}
    chosen, left_out = choose(groups, limit, author=author_of, address=same)
    assert [len(items) for items in chosen.values()] == remove_one_from_whoever_has_most(counts, limit)
    assert left_out == max(0, sum(counts) - limit)


things = st.builds(Thing, st.integers(0, 4), st.integers(0, 9))
groups_of_things = st.dictionaries(st.integers(0, 5), st.lists(things, max_size=15, unique=True), max_size=6)


@given(groups=groups_of_things, limit=limits)
def test_whoever_echoes_whom_every_link_has_its_share_in_the_answer(groups: dict[int, list[Thing]], limit: int) -> None:
    chosen, left_out = choose(groups, limit, author=author_of, address=same)
    answer = [thing for items in chosen.values() for thing in items]
    total = {thing for items in groups.values() for thing in items}
    assert len(answer) == len(set(answer)) == min(limit, len(total))
    assert left_out == len(total) - len(answer)
    for link, items in groups.items():
        assert chosen[link] == [thing for thing in items if thing in set(chosen[link])]
        assert len(set(items) & set(answer)) >= min(len(items), limit // len(groups))


@given(items=st.lists(things, max_size=30, unique=True), limit=limits)
def test_authors_share_by_the_seeds_rule_and_keep_their_newest(items: list[Thing], limit: int) -> None:
    chosen = choose_by_author(items, limit, author_of)
    wanted = Counter(map(author_of, items))
    shares = dict(zip(wanted, remove_one_from_whoever_has_most(list(wanted.values()), limit), strict=True))
    expected = []
    for thing in items:
        if shares[thing.author] > 0:
            shares[thing.author] -= 1
            expected.append(thing)
    assert chosen == expected


@given(groups=groups_of_things, limit_bytes=st.integers(0, 200))
def test_bytes_are_kept_within_the_limit_and_each_link_within_its_share(
    groups: dict[int, list[Thing]], limit_bytes: int
) -> None:
    chosen = fit(groups, limit_bytes, author=author_of, size_bytes=lambda thing: 1 + thing.number)
    wanted = [sum(1 + thing.number for thing in items) for items in groups.values()]
    shares = remove_one_from_whoever_has_most(wanted, limit_bytes)
    for (link, items), share in zip(groups.items(), shares, strict=True):
        kept = chosen[link]
        left = share - sum(1 + thing.number for thing in kept)
        assert left >= 0
        assert kept == [thing for thing in items if thing in set(kept)]
        assert all(1 + thing.number > left for thing in items if thing not in set(kept))


class Tree(NamedTuple):
    """A node, how many records it has, and whom it asks."""

    records: int
    children: tuple[Tree, ...]


trees = st.recursive(
    st.builds(Tree, st.integers(0, 12), st.just(())),
    lambda subtrees: st.builds(Tree, st.integers(0, 12), st.lists(subtrees, max_size=4).map(tuple)),
    max_leaves=12,
)


def size(tree: Tree) -> int:
    return tree.records + sum(map(size, tree.children))


def answered(tree: Tree, limit: int, path: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], int]]:
    """Return what a node answers that cuts what its links bring, as they do: (node, number) of each record."""
    groups: dict[int, list[tuple[tuple[int, ...], int]]] = {-1: [(path, number) for number in range(tree.records)]}
    groups.update((place, answered(child, limit, (*path, place))) for place, child in enumerate(tree.children))
    chosen, _ = choose(groups, limit, author=same_record, address=same_record)
    return take_turns(chosen.values())


def same_record(record: tuple[tuple[int, ...], int]) -> tuple[tuple[int, ...], int]:
    return record


def shared(tree: Tree, limit: int, path: tuple[int, ...] = ()) -> dict[tuple[int, ...], int]:
    """Return how many records each node has in an answer that is cut once, from the root down, with all at hand."""
    own, *shares = remove_one_from_whoever_has_most([tree.records, *map(size, tree.children)], limit)
    places = {path: own}
    for place, (child, share) in enumerate(zip(tree.children, shares, strict=True)):
        places.update(shared(child, share, (*path, place)))
    return places


@given(tree=trees, limit=limits)
def test_cutting_at_every_hop_loses_no_more_than_the_odd_record_of_a_node(tree: Tree, limit: int) -> None:
    kept = Counter(node for node, _ in answered(tree, limit))
    wanted = shared(tree, limit)
    assert kept.total() == min(limit, size(tree)) == sum(wanted.values())
    for node, places in wanted.items():
        assert abs(kept[node] - places) <= 1


@given(tree=trees, limit=limits)
def test_cutting_at_every_hop_changes_nothing_for_the_links_of_the_root(tree: Tree, limit: int) -> None:
    kept = Counter(node[:1] for node, _ in answered(tree, limit))
    counts = [tree.records, *map(size, tree.children)]
    names = [(), *((place,) for place in range(len(tree.children)))]
    assert [kept[name] for name in names] == remove_one_from_whoever_has_most(counts, limit)
