"""A transaction is read as what was signed, and no changed byte is read as another one of the same sender."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.errors import PeerError
from parley.ledgers.evm.transactions import Transaction, parse_transaction, sign_transaction
from parley.primitives.ids import Address
from tests.oracles import ecdsa as oracle
from tests.oracles.keccak import keccak256

SECRETS = st.integers(1, 2**128).map(lambda number: number.to_bytes(32, "big"))


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    max_fee_wei = draw(st.integers(0, 2**256 - 1))
    to = draw(st.none() | st.binary(min_size=20, max_size=20).map(Address))
    return Transaction(
        chain_id=draw(st.integers(1, 2**64 - 1)),
        nonce=draw(st.integers(0, 2**64 - 2)),
        max_priority_fee_wei=draw(st.integers(0, max_fee_wei)),
        max_fee_wei=max_fee_wei,
        gas_limit=draw(st.integers(0, 2**64 - 1)),
        to=to,
        value_wei=draw(st.integers(0, 2**256 - 1)),
        data=draw(st.binary(max_size=200)),
    )


@given(transactions(), SECRETS)
def test_what_was_signed_is_read_again(transaction: Transaction, secret: bytes) -> None:
    sender = keccak256(oracle.public_key(secret))[-20:]
    assert parse_transaction(sign_transaction(transaction, secret)) == (transaction, sender)


@given(transactions(), st.data())
def test_a_changed_byte_changes_the_sender_or_is_refused(transaction: Transaction, data: st.DataObject) -> None:
    raw = sign_transaction(transaction, b"\x07" * 32)
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        _, sender = parse_transaction(bytes(changed))
    except PeerError:
        return
    assert sender != parse_transaction(raw)[1]
    assert sign_transaction(transaction, b"\x07" * 32) == raw


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_refused(raw: bytes) -> None:
    for candidate in (raw, b"\x02" + raw):
        try:
            transaction, sender = parse_transaction(candidate)
        except PeerError:
            continue
        assert len(sender) == 20
        assert transaction.chain_id > 0
