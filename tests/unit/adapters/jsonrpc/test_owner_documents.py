"""What wallets are shown: the fast way from the table and the plain way from an answer agree."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.jsonrpc.owner_documents import ShownEntries, encode_owner_answer
from parley.pool.entries import Entry
from parley.pool.messages import Answer, Item, Record, Stats, encode_record
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant


def record(keys: tuple[str, ...], message: str) -> Record:
    return Record(AuthorKey(b"\x01" * 32), keys, message, 7, Instant(1_000), Instant(2_000), b"\x02" * 64)


def entry(keys: tuple[str, ...], message: str) -> Entry:
    return Entry(encode_record(record(keys, message)), 2_000, 2_000, 1)


RECORD: Final = {
    "author": "01" * 32,
    "keys": ["a", "b"],
    "message": "m",
    "sequence": 7,
    "created_ms": 1_000,
    "expires_ms": 2_000,
    "signature": "02" * 64,
}


def test_entries_are_shown_as_of_old() -> None:
    shown = json.loads(ShownEntries("here").encode([entry(("a", "b"), "m"), entry(("c",), "")], proofs=False))
    assert shown == {
        "Ok": [
            {"Node": "here", "Keys": ["a", "b"], "Message": "m"},
            {"Node": "here", "Keys": ["c"], "Message": ""},
        ]
    }


def test_nothing_found_is_an_empty_list() -> None:
    assert ShownEntries("here").encode([], proofs=False) == b'{"Ok":[]}'
    assert ShownEntries("here").encode([], proofs=True) == b'{"Ok":[]}'
    assert encode_owner_answer(Answer(), stats=False, proofs=False) == b'{"Ok":[]}'


def test_proofs_add_the_signed_record() -> None:
    wanted = {"Ok": [{"Node": "here", "Keys": ["a", "b"], "Message": "m", "Record": RECORD}]}
    assert json.loads(ShownEntries("here").encode([entry(("a", "b"), "m")], proofs=True)) == wanted
    answer = Answer((Item("here", record(("a", "b"), "m")),))
    assert json.loads(encode_owner_answer(answer, stats=False, proofs=True)) == wanted


def test_statistics_stand_beside_the_records() -> None:
    shown = json.loads(encode_owner_answer(Answer((), Stats(asked=2, truncated_by=("n",))), stats=True, proofs=False))
    assert shown["Ok"] == []
    assert shown["stats"] == {
        "asked": 2,
        "answered": 0,
        "timed_out": 0,
        "refused": 0,
        "duplicates": 0,
        "truncated_by": ["n"],
        "hops": 0,
    }


def test_keys_that_begin_alike_are_not_mixed_up() -> None:
    several = [("a",), ("a", "b"), ("a",), ("a\u00e9",), ("ab",), ("a", "b"), ("a", "b", "c"), ("a", "b")]
    shown = json.loads(ShownEntries("n").encode([entry(keys, "m") for keys in several], proofs=False))
    assert [tuple(one["Keys"]) for one in shown["Ok"]] == several


texts = st.text(st.characters(codec="utf-8"), max_size=12)
keys_of_records = st.lists(
    st.sampled_from(["a", "b", '"', "\\", "\u20ac", "\U0001f600", "a" * 64]), min_size=1, max_size=8
).map(tuple)


@given(st.lists(st.tuples(keys_of_records, texts), max_size=6), texts)
def test_both_ways_show_the_same(found: list[tuple[tuple[str, ...], str]], node: str) -> None:
    fast = ShownEntries(node).encode([entry(keys, message) for keys, message in found], proofs=False)
    plain = encode_owner_answer(
        Answer(tuple(Item(node, record(keys, message)) for keys, message in found)), stats=False, proofs=False
    )
    assert fast == plain
    wanted = [{"Node": node, "Keys": list(keys), "Message": message} for keys, message in found]
    assert json.loads(fast) == {"Ok": wanted}
