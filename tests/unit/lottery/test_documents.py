"""What the JSON form of a payment refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parley.adapters.lottery.documents import parse_payment_text
from parley.adapters.lottery.headers import parse_payment_header
from parley.errors import ErrorCode, PeerError

VECTORS = Path(__file__).parents[3] / "vectors" / "lottery" / "payments.json"
DOCUMENT: dict[str, Any] = json.loads(VECTORS.read_text())[0]["document"]
PARAMS: dict[str, Any] = DOCUMENT["params"]
TICKET: dict[str, Any] = DOCUMENT["tickets"][0]
ROUND: dict[str, Any] = DOCUMENT["creation_round"]


@pytest.mark.parametrize(
    "change",
    [
        {"sender": DOCUMENT["sender"][:-1] + "7"},
        {"sender": "0x"},
        {"sender": None},
        {"unknown": 1},
        {"params": None},
        {"creation_round": None},
        {"tickets": [TICKET | {"nonce": 2**32}]},
        {"tickets": [TICKET | {"nonce": -1}]},
        {"tickets": [TICKET | {"signature": TICKET["signature"][:-2]}]},
        {"tickets": [TICKET | {"signature": TICKET["signature"][:-1] + "\n"}]},
        {"tickets": [TICKET] * 1_001},
        {"params": PARAMS | {"face_value_wei": "01"}},
        {"params": PARAMS | {"face_value_wei": "-1"}},
        {"params": PARAMS | {"face_value_wei": ""}},
        {"params": PARAMS | {"face_value_wei": 1500}},
        {"params": PARAMS | {"face_value_wei": str(2**256)}},
        {"params": PARAMS | {"face_value_wei": "\u0661"}},
        {"params": PARAMS | {"seed": "9" * 78}},
        {"params": PARAMS | {"recipient_rand_hash": "0x" + "g" * 64}},
        {"creation_round": ROUND | {"number": str(2**63)}},
        {"creation_round": ROUND | {"block_hash": "00" * 33}},
        {"expected_price": {"per_unit_wei": "1", "units": "0"}},
        {"expected_price": {"per_unit_wei": str(2**63), "units": "1"}},
        {"expected_price": {"per_unit_wei": "1", "units": "1", "capability": 2**32}},
    ],
)
def test_another_form_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(PeerError) as caught:
        parse_payment_text(json.dumps(DOCUMENT | change).encode())
    assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_payment_text(raw)
    assert caught.value.code is ErrorCode.MALFORMED


def test_sizes_are_bounded_before_anything_is_read() -> None:
    with pytest.raises(PeerError) as text:
        parse_payment_text(b" " * 262_145)
    with pytest.raises(PeerError) as header:
        parse_payment_header("A" * 174_765)
    long_constraint = {"expected_price": {"per_unit_wei": "1", "units": "1", "constraint": "\u00e9" * 129}}
    with pytest.raises(PeerError) as constraint:
        parse_payment_text(json.dumps(DOCUMENT | long_constraint).encode())
    assert {caught.value.code for caught in (text, header, constraint)} == {ErrorCode.TOO_LARGE}


def test_the_round_may_stand_with_the_parameters() -> None:
    moved = DOCUMENT | {"params": PARAMS | {"creation_round": ROUND}}
    del moved["creation_round"]
    payment = parse_payment_text(json.dumps(moved).encode())
    assert payment.round is not None
    assert payment.round.number == 10
