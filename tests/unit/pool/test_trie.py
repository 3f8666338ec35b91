from __future__ import annotations

import pytest

from parley.pool.trie import Trie
from tests.unit.pool.samples import author, entry

A1 = (1, ("swap", "btc"))
A2 = (2, ("swap", "btc"))
B1 = (1, ("swap", "btc", "sell"))
C1 = (1, ("swap",))
D1 = (1, ("chat",))
E1 = (1, ("swap", "btc", "sell", "a", "b", "c", "d", "e"))
E2 = (2, ("swap", "btc", "sell", "a", "b", "c", "d", "e"))
PLACES = (A1, A2, B1, C1, D1, E1, E2)


def filled(*places: tuple[int, tuple[str, ...]]) -> Trie:
    trie = Trie()
    for number, keys in places:
        made = entry(number, keys)
        trie.insert(made.path(), made)
    return trie


def path(place: tuple[int, tuple[str, ...]]) -> tuple[str | bytes, ...]:
    return (*place[1], author(place[0]))


def found(trie: Trie, prefix: tuple[str, ...]) -> set[tuple[str | bytes, ...]]:
    return {met.path() for met in trie.under(prefix)}


@pytest.mark.parametrize("order", [PLACES, PLACES[::-1], PLACES[3:] + PLACES[:3]])
def test_what_was_put_in_is_found_and_nothing_else(order: tuple[tuple[int, tuple[str, ...]], ...]) -> None:
    trie = Trie()
    for count, place in enumerate(order):
        assert trie.find(path(place)) is None
        made = entry(*place)
        trie.insert(made.path(), made)
        assert trie.find(path(place)) is made
        assert len(trie.under(())) == count + 1


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ((), PLACES),
        (("swap",), (A1, A2, B1, C1, E1, E2)),
        (("swap", "btc"), (A1, A2, B1, E1, E2)),
        (("swap", "btc", "sell"), (B1, E1, E2)),
        (("swap", "btc", "sell", "a"), (E1, E2)),
        (("chat",), (D1,)),
        (("chat", "more"), ()),
        (("sw",), ()),
        (("swap", "eth"), ()),
    ],
)
def test_a_prefix_finds_what_is_under_it(
    prefix: tuple[str, ...], expected: tuple[tuple[int, tuple[str, ...]], ...]
) -> None:
    assert found(filled(*PLACES), prefix) == {path(place) for place in expected}


def test_a_lone_entry_is_found_under_each_of_its_prefixes() -> None:
    trie = filled(E1)
    for length in range(9):
        assert found(trie, E1[1][:length]) == {path(E1)}
    assert found(trie, ("swap", "eth")) == set()
    assert trie.find(path(E2)) is None


@pytest.mark.parametrize("order", [PLACES, PLACES[::-1], (B1, E1, A1, D1, E2, C1, A2)])
def test_what_is_taken_out_is_gone_and_the_rest_stays(order: tuple[tuple[int, tuple[str, ...]], ...]) -> None:
    trie = filled(*PLACES)
    left = {path(place) for place in PLACES}
    for place in order:
        trie.remove(path(place))
        left.discard(path(place))
        assert trie.find(path(place)) is None
        assert found(trie, ()) == left
    assert trie._root == {}


def test_a_path_is_followed_to_what_is_in_its_way() -> None:
    trie = filled(E1)
    root, depth, met = trie.locate(path(E2))
    assert (root, depth, met) == ({"swap": met}, 0, trie.find(path(E1)))
    other = entry(*E2)
    trie.insert(path(E2), other)
    node, depth, met = trie.locate(path(E2))
    assert (depth, met) == (8, other)
    assert node == {author(1): trie.find(path(E1)), author(2): other}


def test_children_are_the_keys_that_follow() -> None:
    trie = filled(*PLACES)
    counted = {key: len(entries) for key, entries in trie.children(())}
    assert counted == {"swap": 6, "chat": 1}
    assert {key: len(entries) for key, entries in trie.children(("swap", "btc"))} == {"sell": 3}
    assert list(trie.children(("chat",))) == []


def test_a_text_key_is_never_taken_for_an_author() -> None:
    """A key of 32 ASCII characters hashes like the same 32 bytes."""
    text = "a" * 32
    lone = entry(0x61, ("swap",))
    longer = entry(1, ("swap", text))
    trie = Trie()
    for made in (lone, longer):
        trie.insert(made.path(), made)
    assert trie.find(("swap", text.encode())) is lone
    assert trie.find(("swap", text, author(1))) is longer
    assert trie.under(("swap", text)) == [longer]
