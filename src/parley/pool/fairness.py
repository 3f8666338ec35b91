"""The seed's size limit, "first delete from the node that has most", made safe: per link, then per author.

Taking one record at a time from whoever has most leaves each claimant min(count, level) for one common level:
max-min fair shares. The same shares come out when the claimants take turns and each receives one place per round
until the places are used up; that is how items are chosen here, because it also says what happens to an item that two
links brought: whoever takes it first, it uses one place, and the turn of the other goes to its next item. A link that
repeats what honest links bring therefore cannot use up their shares.

A share computed over a subset of the claimants is never smaller than over all of them. So cutting at every hop with
the same limit changes nothing for the links: of what a link brings, no hop keeps more than the limit.

Source: docs/spec/pool.md §5 (vectors/pool/fairness.json).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

from parley.errors import ErrorCode, LocalError

__all__ = ["choose", "choose_by_author", "fit", "max_min_shares", "take_turns"]

LinkT = TypeVar("LinkT", bound=Hashable)
ItemT = TypeVar("ItemT")


def max_min_shares(counts: Sequence[int], limit: int) -> list[int]:
    """Share `limit` places among claimants so that the smallest share is as large as it can be.

    Args:
        counts: what each claims, shape (n,), each >= 0.
        limit: places, >= 0.

    Returns:
        Shares, shape (n,): share <= count, sum = min(limit, sum of counts). Where places are left that do not suffice
        for one more each, the earlier of those who want more receive one.

    Raises:
        LocalError: a count or the limit is negative.
    """
    if limit < 0 or any(count < 0 for count in counts):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, limit=limit)
    level, odd = _level(counts, limit)
    shares = []
    for count in counts:
        is_wanting = count > level
        shares.append(min(count, level) + (is_wanting and odd > 0))
        odd -= is_wanting
    return shares


def _level(counts: Sequence[int], limit: int) -> tuple[int, int]:
    """Return how many places each claimant may have, and how many are left over then."""
    left = limit
    for satisfied, count in enumerate(sorted(counts)):
        claimants = len(counts) - satisfied
        if count * claimants > left:
            return divmod(left, claimants)
        left -= count
    return max(counts, default=0), left


def choose(
    groups: Mapping[LinkT, Sequence[ItemT]],
    limit: int,
    *,
    author: Callable[[ItemT], Hashable],
    address: Callable[[ItemT], Hashable] = id,
) -> tuple[dict[LinkT, list[ItemT]], int]:
    """Choose at most `limit` items: fair shares per link, within a link per author, then in the given order.

    Args:
        groups: items by link, each in order of preference (newest first); the order of links decides odd places.
        limit: most items, >= 0.
        author: of an item.
        address: of items with equal addresses one is chosen.

    Returns:
        Items by link, each in the order given, and how many addresses were left out.
    """
    total = len({address(item) for items in groups.values() for item in items})
    taken: set[Hashable] = set()
    if total <= limit:
        return {link: [item for item in items if _take(address(item), taken)] for link, items in groups.items()}, 0
    chosen: dict[LinkT, list[int]] = {link: [] for link in groups}
    waiting = [(link, iter(_by_author(items, author))) for link, items in groups.items()]
    while len(taken) < limit:
        still: list[tuple[LinkT, Iterator[int]]] = []
        room = limit - len(taken)
        for link, order in waiting[:room]:
            items = groups[link]
            place = next((place for place in order if _take(address(items[place]), taken)), None)
            if place is not None:
                chosen[link].append(place)
                still.append((link, order))
        waiting = waiting[room:] + still
    return {link: [groups[link][place] for place in sorted(chosen[link])] for link in groups}, total - limit


def choose_by_author(items: Sequence[ItemT], limit: int, author: Callable[[ItemT], Hashable]) -> list[ItemT]:
    """Choose at most `limit` items, fair shares per author.

    Args:
        items: in order of preference (newest first).
        limit: most items, >= 0.
        author: of an item.

    Returns:
        Items in the order given.
    """
    if len(items) <= limit:
        return list(items)
    counts: dict[Hashable, int] = {}
    for item in items:
        holder = author(item)
        counts[holder] = counts.get(holder, 0) + 1
    places = dict(zip(counts, max_min_shares(list(counts.values()), limit), strict=True))
    chosen: list[ItemT] = []
    for item in items:
        holder = author(item)
        if places[holder] > 0:
            places[holder] -= 1
            chosen.append(item)
    return chosen


def fit(
    groups: Mapping[LinkT, Sequence[ItemT]],
    limit_bytes: int,
    *,
    author: Callable[[ItemT], Hashable],
    size_bytes: Callable[[ItemT], int],
) -> dict[LinkT, list[ItemT]]:
    """Cut each link to its fair share of the bytes, where all together are too many.

    Within a link the authors take turns, as in `choose`; what does not fit any more is passed over.

    Args:
        groups: items by link, each in order of preference.
        limit_bytes: most bytes of all items, >= 0.
        author: of an item.
        size_bytes: of an item.

    Returns:
        Items by link, each in the order given.
    """
    sizes_bytes = {link: [size_bytes(item) for item in items] for link, items in groups.items()}
    wanted_bytes = [sum(sizes) for sizes in sizes_bytes.values()]
    if sum(wanted_bytes) <= limit_bytes:
        return {link: list(items) for link, items in groups.items()}
    fitting: dict[LinkT, list[ItemT]] = {}
    for (link, items), left_bytes in zip(groups.items(), max_min_shares(wanted_bytes, limit_bytes), strict=True):
        places = []
        for place in _by_author(items, author):
            if sizes_bytes[link][place] <= left_bytes:
                places.append(place)
                left_bytes -= sizes_bytes[link][place]  # noqa: PLW2901 # what is left shrinks with each item
        fitting[link] = [items[place] for place in sorted(places)]
    return fitting


def take_turns(groups: Iterable[Sequence[ItemT]]) -> list[ItemT]:
    """Return all items in rounds: the first of each group, then the second of each, and so on.

    Every beginning of the list is then fair to the groups. The next hop cannot see who brought what to this one, and
    keeps the beginning where it must cut: in any other order a link full of fakes would stand before the honest ones.
    """
    boxed = ([(item,) for item in group] for group in groups)
    return [item for row in zip_longest(*boxed, fillvalue=()) for item in chain.from_iterable(row)]


def _by_author(items: Sequence[ItemT], author: Callable[[ItemT], Hashable]) -> list[int]:
    """Return places in order of choice: the first item of each author, then the second of each, and so on."""
    met: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        met.setdefault(author(item), []).append(place)
    return take_turns(met.values())


def _take(name: Hashable, taken: set[Hashable]) -> bool:
    """Take a name unless it is taken, and say whether it was free."""
    if name in taken:
        return False
    taken.add(name)
    return True
