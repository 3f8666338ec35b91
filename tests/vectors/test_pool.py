"""Agreement of records, removals and fair shares with the files in vectors/pool/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parley.errors import ErrorCode, PeerError, Rejected
from parley.pool.config import PoolConfig
from parley.pool.fairness import choose, choose_by_author, fit, max_min_shares, take_turns
from parley.pool.messages import (
    Record,
    Removal,
    encode_record,
    parse_record,
    record_body,
    record_id,
    removal_id,
)
from parley.pool.rules import check_form, check_record, check_removal
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant
from tests.oracles import pool_records

VECTORS = Path(__file__).parents[2] / "vectors" / "pool"
CONFIG = PoolConfig()
Case = dict[str, Any]


def cases(name: str, part: str | None = None) -> list[Any]:
    content = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    found: list[Case] = content if part is None else content[part]
    return [pytest.param(case, id=case["name"]) for case in found]


def record_of(case: Case) -> Record:
    return Record(
        AuthorKey(bytes.fromhex(case["author"])),
        tuple(case["keys"]),
        case["message"],
        int(case["sequence"]),
        Instant(int(case["created_ms"])),
        Instant(int(case["expires_ms"])),
        bytes.fromhex(case["signature"]),
    )


@pytest.mark.parametrize("case", cases("records.json"))
def test_a_record_has_these_bytes_and_this_id(case: Case) -> None:
    record, raw = record_of(case), bytes.fromhex(case["body"] + case["signature"])
    assert record_body(record).hex() == case["body"]
    assert record_id(record).hex() == case["id"]
    assert encode_record(record) == raw
    assert parse_record(raw) == record
    assert check_form(record, CONFIG) is None


@pytest.mark.parametrize("case", [*cases("records.json"), *cases("removals.json")])
def test_the_author_signs_the_id(case: Case) -> None:
    secret, digest = bytes.fromhex(case["secret"]), bytes.fromhex(case["id"])
    assert schnorr.public_key(secret).hex() == case["author"]
    assert schnorr.sign(secret, digest, bytes.fromhex(case["auxiliary"])).hex() == case["signature"]
    assert schnorr.verify(bytes.fromhex(case["author"]), digest, bytes.fromhex(case["signature"]))


@pytest.mark.parametrize("case", cases("records.json"))
def test_a_record_that_lives_no_longer_than_allowed_is_taken_when_it_is_made(case: Case) -> None:
    record = record_of(case)
    taken = check_record(record, record.created_ms, CONFIG)
    if record.expires_ms - record.created_ms > CONFIG.lifetime_ms_max:
        assert isinstance(taken, Rejected)
        assert taken.code is ErrorCode.LIFETIME_TOO_LONG
    else:
        assert taken == bytes.fromhex(case["body"])


@pytest.mark.parametrize("case", cases("refused_records.json"))
def test_what_is_no_record_is_refused(case: Case) -> None:
    raw = bytes.fromhex(case["raw"])
    if case["by"] == "form":
        with pytest.raises(PeerError) as caught:
            parse_record(raw)
        assert caught.value.code is ErrorCode[case["code"]]
    else:
        record = parse_record(raw)
        refused = check_record(record, record.created_ms, CONFIG)
        assert isinstance(refused, Rejected)
        assert refused.code is ErrorCode[case["code"]]


@pytest.mark.parametrize("case", cases("removals.json"))
def test_a_removal_has_this_id_and_only_its_author_can_have_signed_it(case: Case) -> None:
    removal = Removal(
        AuthorKey(bytes.fromhex(case["author"])),
        tuple(case["keys"]),
        int(case["sequence"]),
        bytes.fromhex(case["signature"]),
    )
    assert removal_id(removal).hex() == case["id"]
    assert check_removal(removal) is None
    other = replace(removal, sequence=removal.sequence - 1)
    assert check_removal(other) == Rejected(ErrorCode.BAD_SIGNATURE)


def test_the_files_are_what_the_independent_script_makes() -> None:
    assert pool_records.made() == {name: (VECTORS / name).read_text(encoding="utf-8") for name in pool_records.FILES}


def author(item: Sequence[Any]) -> str:
    return str(item[0])


def address(item: Sequence[Any]) -> str:
    return str(item[1])


def size_bytes(item: Sequence[Any]) -> int:
    return int(item[2])


def shown(chosen: dict[str, list[Sequence[Any]]]) -> list[list[Any]]:
    return [[link, [address(item) for item in items]] for link, items in chosen.items()]


@pytest.mark.parametrize("case", cases("fairness.json", "shares"))
def test_places_are_shared(case: Case) -> None:
    assert max_min_shares(case["counts"], case["limit"]) == case["shares"]


@pytest.mark.parametrize("case", cases("fairness.json", "shares"))
def test_the_authors_of_a_local_read_have_these_shares_too(case: Case) -> None:
    if max(case["counts"], default=0) > 100:
        case = {**case, "counts": [min(count, 100) for count in case["counts"]]}
    items = [(holder, place) for holder, count in enumerate(case["counts"]) for place in range(count)]
    chosen = choose_by_author(items, case["limit"], lambda item: item[0])
    assert chosen == [
        (holder, place) for holder, share in enumerate(case["shares"]) for place in range(share)
    ]  # each author's first ones, in the order given


@pytest.mark.parametrize("case", cases("fairness.json", "choices"))
def test_links_take_turns(case: Case) -> None:
    chosen, left_out = choose(dict(case["groups"]), case["limit"], author=author, address=address)
    assert shown(chosen) == case["chosen"]
    assert left_out == case["left_out"]
    assert [address(item) for item in take_turns(chosen.values())] == case["order"]


@pytest.mark.parametrize("case", cases("fairness.json", "bytes"))
def test_bytes_are_shared(case: Case) -> None:
    fitting = fit(dict(case["groups"]), case["limit_bytes"], author=author, size_bytes=size_bytes)
    assert shown(fitting) == case["chosen"]
