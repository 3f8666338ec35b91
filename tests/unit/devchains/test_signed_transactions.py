"""Transactions that another implementation signed are read; whatever is not one is refused."""

from __future__ import annotations

from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]  # ships no types
from eth_account import Account

from parley.devchains.evm.accounts import development_account
from parley.devchains.evm.transactions import TRANSACTION_MAX_BYTES, intrinsic_gas, parse_signed
from parley.errors import ErrorCode, PeerError
from parley.primitives.ecdsa import sign
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

CHAIN_ID = 31_337
TO = Address(b"\x11" * 20)
SENDER = development_account(0)
LEGACY = {
    "nonce": 7,
    "gas": 50_000,
    "gasPrice": 5,
    "to": "0x" + TO.hex(),
    "value": 3,
    "data": "0x0102",
    "chainId": CHAIN_ID,
}
LISTED = [{"address": "0x" + "22" * 20, "storageKeys": ["0x" + "00" * 31 + "05"]}]
WITH_LIST = {**LEGACY, "type": 1, "accessList": LISTED}
TWO_FEES = {
    **{name: value for name, value in LEGACY.items() if name != "gasPrice"},
    "type": 2,
    "maxFeePerGas": 9,
    "maxPriorityFeePerGas": 2,
    "accessList": LISTED,
}


def signed(fields: dict[str, Any]) -> bytes:
    return bytes(Account.sign_transaction(fields, SENDER.secret).raw_transaction)


def refusal(raw: bytes) -> ErrorCode:
    with pytest.raises(PeerError) as caught:
        parse_signed(raw, CHAIN_ID)
    return caught.value.code


@pytest.mark.parametrize(
    ("fields", "kind", "fees", "has_list"),
    [(LEGACY, 0, (5, 5), False), (WITH_LIST, 1, (5, 5), True), (TWO_FEES, 2, (2, 9), True)],
)
def test_each_kind_is_read(fields: dict[str, Any], kind: int, fees: tuple[int, int], *, has_list: bool) -> None:
    other = Account.sign_transaction(fields, SENDER.secret)
    one = parse_signed(bytes(other.raw_transaction), CHAIN_ID)
    assert (one.kind, one.sender, one.nonce, one.gas, one.to) == (kind, SENDER.address, 7, 50_000, TO)
    assert (one.value_wei, one.data, one.chain_id, one.hash) == (3, b"\x01\x02", CHAIN_ID, bytes(other.hash))
    assert (one.max_priority_fee_wei, one.max_fee_wei) == fees
    assert one.access_list == (((Address(b"\x22" * 20), (5,)),) if has_list else ())
    assert (one.r, one.s) == (other.r, other.s)
    assert one.cost_max_wei == 50_000 * fees[1] + 3


def test_creation_has_no_recipient() -> None:
    fields = {name: value for name, value in TWO_FEES.items() if name != "to"}
    assert parse_signed(signed(fields), CHAIN_ID).to is None


def test_price_is_the_base_fee_and_the_tip_up_to_the_whole_fee() -> None:
    one = parse_signed(signed(TWO_FEES), CHAIN_ID)
    assert [one.price_wei(base_fee_wei) for base_fee_wei in (0, 5, 7, 8, 9)] == [2, 7, 9, 9, 9]


@pytest.mark.parametrize("fields", [LEGACY, WITH_LIST, TWO_FEES])
def test_transaction_of_another_chain_is_refused(fields: dict[str, Any]) -> None:
    assert refusal(signed({**fields, "chainId": 1})) is ErrorCode.MALFORMED


def test_transaction_of_every_chain_is_refused() -> None:
    fields = {name: value for name, value in LEGACY.items() if name != "chainId"}
    assert refusal(signed(fields)) is ErrorCode.MALFORMED


def items_of(raw: bytes) -> list[Any]:
    items = rlp.decode(raw[1:])
    return list(items)


def test_high_half_of_the_signature_is_refused() -> None:
    items = items_of(signed(TWO_FEES))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    items[11] = (order - int.from_bytes(items[11], "big")).to_bytes(32, "big")
    items[9] = b"" if items[9] else b"\x01"
    assert refusal(b"\x02" + rlp.encode(items)) is ErrorCode.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, b"\xff" * 8),  # a nonce that can never be reached (EIP-2681)
        (1, b"\x00\x01"),  # not the one form of a number
        (1, []),
        (2, b"\x0a"),  # a tip above the whole fee
        (4, b"\x01" + bytes(8)),  # gas of more than 64 bits
        (5, b"\x11" * 19),
        (5, []),
        (6, b"\x01" + bytes(32)),
        (7, []),
        (8, b"\x01"),
        (8, [b"\x22" * 20]),
        (8, [[b"\x22" * 19, []]]),
        (8, [[b"\x22" * 20, [b"\x05"]]]),
        (8, [[b"\x22" * 20, [], []]]),
        (9, b"\x02"),
    ],
)
def test_fields_of_another_form_are_refused(place: int, value: object) -> None:
    items = items_of(signed(TWO_FEES))
    items[place] = value
    # Fields that are read before the signature are malformed; those after it no longer fit the signature.
    assert refusal(b"\x02" + rlp.encode(items)) in {ErrorCode.MALFORMED, ErrorCode.BAD_SIGNATURE}


def resigned(place: int, value: object) -> bytes:
    """Sign whatever fields, as an account could that wants to annoy."""
    fields = items_of(signed(TWO_FEES))[:9]
    fields[place] = value
    signature = sign(SENDER.secret, keccak256(b"\x02", rlp.encode(fields)))
    parity = signature[64] - 27
    numbers = [int.from_bytes(part, "big") for part in (signature[:32], signature[32:64])]
    return b"\x02" + bytes(rlp.encode([*fields, parity, *numbers]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, b"\xff" * 8),
        (4, b"\x01" + bytes(8)),
        (5, b"\x11" * 19),
        (5, []),
        (7, []),
        (8, b"\x01"),
        (8, [b"\x22" * 20]),
        (8, [[b"\x22" * 19, []]]),
        (8, [[b"\x22" * 20, [b"\x05"]]]),
        (8, [[b"\x22" * 20, [], []]]),
        (8, [[b"\x22" * 20, [[]]]]),
    ],
)
def test_signed_nonsense_is_malformed(place: int, value: object) -> None:
    assert refusal(resigned(place, value)) is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x02", b"\x02\xc0", b"\x03\xc0", b"\x7f", b"\xc0", b"\xff" * 40, b"\x02" + rlp.encode([b""] * 12)],
)
def test_what_is_no_transaction_is_malformed(raw: bytes) -> None:
    assert refusal(raw) is ErrorCode.MALFORMED


def test_every_cut_is_refused() -> None:
    raw = signed(TWO_FEES)
    assert {refusal(raw[:size]) for size in range(len(raw))} == {ErrorCode.MALFORMED}


def test_too_large_is_refused_unread() -> None:
    assert refusal(bytes(TRANSACTION_MAX_BYTES + 1)) is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("to", "data", "access_list", "gas"),
    [
        (TO, b"", (), 21_000),
        (None, b"", (), 53_000),
        (TO, b"\x00\x01\x00", (), 21_000 + 4 + 16 + 4),
        (TO, b"", ((TO, (1, 2)), (TO, ())), 21_000 + 2 * 2_400 + 2 * 1_900),
    ],
)
def test_first_gas_is_that_of_the_rules(
    to: Address | None, data: bytes, access_list: tuple[tuple[Address, tuple[int, ...]], ...], gas: int
) -> None:
    assert intrinsic_gas(to, data, access_list) == gas
