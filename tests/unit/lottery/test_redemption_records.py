"""What is kept of a redemption: one form, and nothing else decodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.packed import encode_packed
from eth_utils.crypto import keccak

from parley.errors import ErrorCode, LocalError, PeerError
from parley.lottery.params import CreationRound
from parley.lottery.redemption_records import (
    RedemptionEnd,
    RedemptionRecord,
    act_name,
    encode_act,
    encode_record,
    parse_act,
    parse_record,
    winner_hash,
    winner_ticket,
)
from parley.lottery.wire import encode_winner
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.winners import make_winner

WINNER = make_winner(b"\x07" * 32, Address(b"\x02" * 20), CreationRound(5, b"\x05" * 32), face_value_wei=1_000)
OPEN = RedemptionRecord(winner=WINNER)
ENDED = RedemptionRecord(
    winner=WINNER,
    end=RedemptionEnd.REDEEMED,
    attempts=2,
    cost_wei=258,
    paid_wei=999,
    refusal="é",
    transaction_hash=b"\x11" * 32,
    ended_ms=Instant(3),
)
SIGNED = encode_winner(WINNER)
HEAD = b"\x01" + len(SIGNED).to_bytes(4, "big") + SIGNED
OPEN_BYTES = HEAD + bytes(1) + bytes(4) + bytes(32) + b"\x00" + b"\x00\x00" + b"\x00" + bytes(8)
ENDED_BYTES = b"".join(
    (
        HEAD,
        b"\x01",
        b"\x00\x00\x00\x02",
        bytes(30) + b"\x01\x02",
        b"\x01" + bytes(30) + b"\x03\xe7",
        b"\x00\x02\xc3\xa9",
        b"\x01" + b"\x11" * 32,
        bytes(7) + b"\x03",
    )
)


@pytest.mark.parametrize(("record", "raw"), [(OPEN, OPEN_BYTES), (ENDED, ENDED_BYTES)])
def test_a_record_has_one_form(record: RedemptionRecord, raw: bytes) -> None:
    assert encode_record(record) == raw
    assert parse_record(raw) == record


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02" + OPEN_BYTES[1:],
        OPEN_BYTES + b"\x00",
        OPEN_BYTES[:-1],
        HEAD + b"\x03" + OPEN_BYTES[len(HEAD) + 1 :],
        OPEN_BYTES[:-1] + b"\x01",  # an end without an end
        HEAD + b"\x02" + ENDED_BYTES[len(HEAD) + 1 :],  # expired, and paid
        OPEN_BYTES[:-8] + b"\xff" * 8,
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_record(raw)
    assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"attempts": -1},
        {"attempts": 2**32},
        {"cost_wei": -1},
        {"paid_wei": 2**256},
        {"paid_wei": 5, "end": RedemptionEnd.EXPIRED},
        {"paid_wei": 5, "end": None, "ended_ms": Instant(0)},
        {"end": None},
        {"transaction_hash": b"short"},
        {"ended_ms": Instant(-1)},
    ],
)
def test_what_contradicts_itself_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        replace(ENDED, **changes)


def test_a_winner_is_named_by_the_hash_of_its_ticket() -> None:
    params, kinds = WINNER.params, ["address"] * 2 + ["uint256"] * 3 + ["bytes32", "uint256", "bytes32"]
    fields = [params.recipient, WINNER.sender, 1_000, 2**256 - 1, 1, params.recipient_rand_hash, 5, b"\x05" * 32]
    assert winner_hash(WINNER) == keccak(encode_packed(kinds, fields))
    assert winner_ticket(WINNER).sender_nonce == 1


def test_an_act_has_one_form() -> None:
    hashes = (b"\x01" * 32, b"\x02" * 32)
    raw = b"\x01\x00\x02" + b"\x01" * 32 + b"\x02" * 32
    assert encode_act(hashes) == raw
    assert parse_act(raw) == hashes


@pytest.mark.parametrize(
    "raw", [b"", b"\x02\x00\x01" + bytes(32), b"\x01\x00\x00", b"\x01\x00\x01" + bytes(33), b"\x01\x03\xe9" + bytes(9)]
)
def test_no_other_bytes_are_an_act(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_act(raw)
    assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("hashes", [(), (b"short",), (bytes(32),) * 1_001])
def test_no_other_hashes_are_an_act(hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(LocalError):
        encode_act(hashes)


def test_a_call_is_named_by_its_winners_their_order_and_their_attempts() -> None:
    first, second = (b"\x01" * 32, 0), (b"\x02" * 32, 0)
    names = {
        act_name(members) for members in ([first], [second], [first, second], [second, first], [(b"\x01" * 32, 1)])
    }
    assert len(names) == 5
    assert act_name([first, second]) == act_name([first, second])
    assert all(name.startswith("lottery/redeem/") and len(name) == 79 for name in names)
