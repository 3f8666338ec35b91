"""The page of the pool: the keys as a tree, one level at a time, and the live records under the place that is open."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from parley.errors import ErrorCode, Rejected
from parley.node.wiring import Node
from parley.pool.entries import Entry
from parley.pool.messages import is_keys
from parley.pool.table import OWNER_LINK
from parley.web.page import Asked, Page, Screen, link_to, notice, refusal_notice
from parley.web.records import show_record

__all__ = ["POOL_PAGE", "key_path"]

_PATH: Final = "/"
_RECORDS_PER_PAGE: Final = 25
_KEYS_FIRST: Final = 60
_KEYS_MORE: Final = 2_000
_KEYS_AT: Final = 33
_HOLDERS_MAX: Final = 10
_LISTED_MAX: Final = 50_000
"""Above this many records under a place they are not sorted for the page, as other work would have to wait."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """One key of the next level."""

    key: str
    link: str
    records: int
    percent: int


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who has put how much into the pool."""

    name: str
    is_owner: bool
    records: int
    size_bytes: int
    authors: int


def key_path(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return each key of a path with the link to the place that it leads to."""
    return tuple((key, link_to(_PATH, key=keys[: depth + 1])) for depth, key in enumerate(keys))


async def _render(node: Node, asked: Asked) -> Screen:
    keys = asked.every("key")
    if keys and not is_keys(keys):
        return refusal_notice(Rejected(ErrorCode.KEYS_INVALID), status=400)
    author = asked.first("author")
    if author:
        return _record(node, keys, author)
    return _place(node, keys, asked)


def _place(node: Node, keys: tuple[str, ...], asked: Asked) -> Screen:
    now = node.clock.now()
    node.table.expire(now)
    is_listed = node.table.records <= _LISTED_MAX or bool(keys)
    entries = node.table.query(keys, now) if is_listed else []
    is_all_keys = bool(asked.first("all"))
    branches_total, branches = _branches(entries, keys, _KEYS_MORE if is_all_keys else _KEYS_FIRST)
    first = asked.number("from", 0, limit=len(entries)) // _RECORDS_PER_PAGE * _RECORDS_PER_PAGE
    page = entries[first : first + _RECORDS_PER_PAGE]
    following = first + _RECORDS_PER_PAGE
    values: dict[str, Any] = {
        "keys": keys,
        "path": key_path(keys),
        "branches": branches,
        "branches_total": branches_total,
        "all_keys_link": link_to(_PATH, key=keys, all=1) if len(branches) < branches_total and not is_all_keys else "",
        "records_total": len(entries),
        "records": [
            (
                show_record(entry.record(), prefix=keys, own_id=node.identity.node_id),
                link_to(_PATH, key=entry.keys(), author=entry.author.hex()),
            )
            for entry in page
        ],
        "first": first,
        "newer_link": link_to(_PATH, key=keys, **{"from": max(0, first - _RECORDS_PER_PAGE)}) if first else "",
        "older_link": link_to(_PATH, key=keys, **{"from": following}) if following < len(entries) else "",
        "query_link": link_to("/query", key=keys),
        "is_listed": is_listed,
        "held": node.table.records - node.table.tombstones,
        "limits": node.config.pool,
        "size_bytes": node.table.size_bytes,
        "holders": () if keys else _holders(node),
        "now": now,
    }
    return Screen("pool.html", values)


def _branches(entries: list[Entry], keys: tuple[str, ...], limit: int) -> tuple[int, list[_Branch]]:
    """Return how many keys follow a place, and the first of them.

    Those with most records come first, so that nobody fills the list with names.
    """
    depth = len(keys)
    # The canonical bytes begin: author[32], number of keys[1], then length[1] and key for each (pool.messages).
    # All entries share the keys so far, so the next one stands at one place, and a full pool is counted quickly.
    start = _KEYS_AT + sum(1 + len(key.encode()) for key in keys)
    counts = Counter(
        raw[start + 1 : start + 1 + raw[start]] for raw in (entry.raw for entry in entries) if raw[_KEYS_AT - 1] > depth
    )
    largest = max(counts.values(), default=1)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return len(counts), [
        _Branch(key.decode(), link_to(_PATH, key=(*keys, key.decode())), count, max(1, 100 * count // largest))
        for key, count in ordered
    ]


def _holders(node: Node) -> list[_Holder]:
    links = sorted(node.table.links(), key=lambda link: -link.records)[:_HOLDERS_MAX]
    return [
        _Holder(link.name, link.name == OWNER_LINK, link.records, link.size_bytes, len(link.authors)) for link in links
    ]


def _record(node: Node, keys: tuple[str, ...], author: str) -> Screen:
    now = node.clock.now()
    entry = node.table.find(keys, _unhex(author), now)
    if entry is None:
        return notice(
            "This record is gone",
            "It has expired, was removed, or made room for others.",
            "Look for it again from the top of the pool.",
            status=404,
        )
    record = entry.record()
    shown = show_record(record, prefix=(), own_id=node.identity.node_id, limit_characters=len(record.message))
    return Screen("record.html", {"record": shown, "keys": keys, "path": key_path(keys), "now": now})


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


POOL_PAGE: Final = Page(path=_PATH, title="Pool", render=_render, is_live=True)
"""What this node holds."""
