"""The page of the query: a form, and an answer that says how complete it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from parley.errors import Rejected
from parley.node.wiring import Node
from parley.pool.config import PoolConfig
from parley.pool.messages import KEY_BYTES_MAX, KEYS_MAX, Answer, Query, Stats, is_keys
from parley.primitives.ids import RequestId
from parley.web.page import Asked, Page, Screen
from parley.web.pool import key_path
from parley.web.records import show_record
from parley.web.texts import counted

__all__ = ["QUERY_PAGE", "Bar", "completeness"]

_REQUEST_ID_BYTES: Final = 16
_RECORDS_MAX: Final = 200
"""Most records on one page, whatever more the node would give; the command line has no such limit."""
_RECORDS_DEFAULT: Final = 50
_DEEPNESS_DEFAULT: Final = 2
_MAX_AGE_S: Final = 2_592_000
_MS_PER_SECOND: Final = 1_000
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of the copies of a question that were sent.

    Attributes:
        kind: answered, repeat, late or refused.
        label: what became of them.
        count: how many.
        start: where the part begins, in percent of all.
        width: how wide it is, in percent of all.
    """

    kind: str
    label: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class _Form:
    """What was written into the form, as it was written, and what is wrong with it by field."""

    keys: str
    deepness: str
    size_limit: str
    max_age: str
    faults: Mapping[str, str]


def completeness(stats: Stats) -> tuple[Bar, ...]:
    """Return what became of the copies of a question, as parts of one bar.

    The counts of other nodes are their word, so they need not add up: what is drawn always does.
    """
    repeats = min(stats.duplicates, stats.answered)
    parts = (
        ("answered", "answered", stats.answered - repeats),
        ("repeat", "knew the question already", repeats),
        ("late", "did not answer in time", stats.timed_out),
        ("refused", "refused or not reached", stats.refused),
    )
    whole = sum(count for _, _, count in parts)
    bars: list[Bar] = []
    start = 0.0
    for kind, label, count in parts:
        width = _PERCENT * count / whole if whole else 0.0
        bars.append(Bar(kind, label, count, round(start, 3), round(width, 3)))
        start += width
    return tuple(bars)


async def _render(node: Node, asked: Asked) -> Screen:
    limits = node.config.pool
    if not asked.is_form:
        form = _Form(
            keys="\n".join(asked.every("key")),
            deepness=str(min(_DEEPNESS_DEFAULT, limits.deepness_max)),
            size_limit=str(min(_RECORDS_DEFAULT, limits.size_limit_max)),
            max_age="",
            faults={},
        )
        return _screen(node, form, {})
    query, form = _read(node, asked)
    if query is None:
        return _screen(node, form, {}, status=400)
    begun_s = time.perf_counter()
    answer = await node.query(query)
    passed_ms = round((time.perf_counter() - begun_s) * _MS_PER_SECOND)
    if isinstance(answer, Rejected):
        return _screen(node, form, {"refusal": answer, "query": query}, status=503)
    return _screen(node, form, _shown(node, query, answer, passed_ms))


def _read(node: Node, asked: Asked) -> tuple[Query | None, _Form]:
    limits = node.config.pool
    lines = asked.first("keys").replace("\r\n", "\n")
    keys = tuple(line for line in lines.split("\n") if line)
    texts = {name: asked.first(name).strip() for name in ("deepness", "size_limit", "max_age")}
    faults: dict[str, str] = {}
    if not is_keys(keys):
        faults["keys"] = f"Write 1 to {KEYS_MAX} keys of 1 to {KEY_BYTES_MAX} bytes, one on each line."
    numbers: dict[str, int | None] = {}
    for name, high in (
        ("deepness", limits.deepness_max),
        ("size_limit", _records_max(limits)),
        ("max_age", _MAX_AGE_S),
    ):
        numbers[name] = _number(texts[name], high)
        is_left_out = name == "max_age" and not texts[name]
        if numbers[name] is None and not is_left_out:
            faults[name] = f"Write a whole number from 1 to {counted(high)}."
    form = _Form(lines, **texts, faults=faults)
    deepness, size_limit, max_age_s = numbers["deepness"], numbers["size_limit"], numbers["max_age"]
    if faults or deepness is None or size_limit is None:
        return None, form
    request_id = RequestId(node.entropy.take(_REQUEST_ID_BYTES))
    max_age_ms = None if max_age_s is None else max_age_s * _MS_PER_SECOND
    return Query(request_id, keys, deepness, size_limit, max_age_ms, limits.budget_ms), form


def _number(text: str, high: int) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(high))
    return int(text) if is_number and 1 <= int(text) <= high else None


def _records_max(limits: PoolConfig) -> int:
    return min(_RECORDS_MAX, limits.size_limit_max)


def _screen(node: Node, form: _Form, values: Mapping[str, Any], *, status: int = 200) -> Screen:
    limits = node.config.pool
    choices = [(str(deepness), _reach(deepness)) for deepness in range(1, limits.deepness_max + 1)]
    return Screen(
        "query.html",
        {
            "form": form,
            "choices": choices,
            "records_max": _records_max(limits),
            "max_age_max": _MAX_AGE_S,
            "budget_ms": limits.budget_ms,
            "links": len(node.links.links),
            "refusal": None,
            "query": None,
            "answer": None,
            **values,
        },
        status,
    )


def _reach(deepness: int) -> str:
    match deepness:
        case 1:
            return "this node only"
        case 2:
            return "this node and its links"
        case _:
            return f"up to {deepness - 1} hops away"


def _shown(node: Node, query: Query, answer: Answer, passed_ms: int) -> dict[str, Any]:
    stats = answer.stats
    items = sorted(answer.items, key=lambda item: -item.record.created_ms)
    records = [
        show_record(item.record, prefix=query.keys, own_id=node.identity.node_id, node=item.node) for item in items
    ]
    return {
        "query": query,
        "path": key_path(query.keys),
        "answer": answer,
        "records": records,
        "nodes_total": len({item.node for item in items}),
        "bars": completeness(stats),
        "missing": stats.timed_out + stats.refused,
        "hops": [
            ("this node" if hop == 0 else counted(hop, "hop", "hops"), hop <= stats.hops)
            for hop in range(max(query.remaining, stats.hops + 1))
        ],
        "passed_ms": passed_ms,
        "now": node.clock.now(),
    }


QUERY_PAGE: Final = Page(path="/query", title="Query", render=_render, takes_form=True)
"""Ask the network."""
