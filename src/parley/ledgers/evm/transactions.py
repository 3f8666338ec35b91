"""Transactions with two fees, and their signatures (EIP-1559, EIP-2718).

    fields    = chain_id, nonce, max_priority_fee, max_fee, gas_limit, to, value, data, access_list
    digest    = keccak256(0x02 || rlp(fields))
    raw       = 0x02 || rlp(fields || y_parity, r, s)
    hash      = keccak256(raw)
    sender    = recovered from the digest and the signature

A transaction is valid on the one chain whose number it carries. What its sender pays per gas is the lesser of `max_fee`
and the block's base fee plus `max_priority_fee`. Access lists are always empty here: for the calls that Parley makes
they save nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import rlp  # type: ignore[import-untyped]  # ships no types
from rlp.exceptions import DecodingError  # type: ignore[import-untyped]  # as above

from parley.errors import ErrorCode, LocalError, PeerError
from parley.ledgers.evm.packing import UINT256_MAX
from parley.primitives.ecdsa import address_of, recover, sign
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = [
    "DATA_MAX_BYTES",
    "Transaction",
    "created_address",
    "parse_transaction",
    "sign_transaction",
    "transaction_hash",
]

DATA_MAX_BYTES: Final = 131_072
"""The largest data of a transaction that chains pass on."""

_TYPE: Final = b"\x02"
_UINT64_MAX: Final = 2**64 - 1
_FIELDS: Final = 9
_SIGNATURE_FIELDS: Final = 3
_NUMBER_MAX_BYTES: Final = 32
_V_OF_EVEN: Final = 27
_Item = bytes | list["_Item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction before it is signed.

    Attributes:
        chain_id: of the one chain where it is valid, 1 <= chain_id < 2**64.
        nonce: how many the account sent before, 0 <= nonce < 2**64 - 1.
        max_priority_fee_wei: per gas, for whoever makes the block, <= max_fee_wei.
        max_fee_wei: per gas in all, < 2**256.
        gas_limit: the most gas that it may take, < 2**64.
        to: 20 bytes; None creates a contract from `data`.
        value_wei: sent along, < 2**256.
        data: at most DATA_MAX_BYTES.
    """

    chain_id: int
    nonce: int
    max_priority_fee_wei: int
    max_fee_wei: int
    gas_limit: int
    to: Address | None
    value_wei: int = 0
    data: bytes = b""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LocalError: a field is out of its range; the fact `field` names it.
        """
        for name, value, minimum, maximum in (
            ("chain_id", self.chain_id, 1, _UINT64_MAX),
            ("nonce", self.nonce, 0, _UINT64_MAX - 1),  # EIP-2681
            ("max_priority_fee_wei", self.max_priority_fee_wei, 0, self.max_fee_wei),
            ("max_fee_wei", self.max_fee_wei, 0, UINT256_MAX),
            ("gas_limit", self.gas_limit, 0, _UINT64_MAX),
            ("value_wei", self.value_wei, 0, UINT256_MAX),
            ("data", len(self.data), 0, DATA_MAX_BYTES),
        ):
            if type(value) is not int or not minimum <= value <= maximum:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name, wanted=f"{minimum} <= {name} <= {maximum}")
        if self.to is not None and len(self.to) != ADDRESS_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="to", size_bytes=len(self.to))


def sign_transaction(transaction: Transaction, secret: bytes) -> bytes:
    """Sign a transaction; the same one always with the same signature.

    Args:
        transaction: what to sign.
        secret: of the account that sends it, 32 bytes.

    Returns:
        The raw transaction, as it is handed to a chain; the inverse of `parse_transaction`.

    Raises:
        LocalError: not a secret key.

    Source: EIP-1559, EIP-2718 (vectors/evm/transactions.json).
    """
    fields = _fields(transaction)
    signature = sign(secret, _digest(fields))
    y_parity = signature[64] - _V_OF_EVEN
    # r and s are numbers, so they lose their leading zeros as well.
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:64]))
    return _TYPE + _encode([*fields, _number(y_parity), _number(r), _number(s)])


def transaction_hash(raw: bytes) -> bytes:
    """Return the name of a signed transaction, 32 bytes.

    Source: EIP-2718 (vectors/evm/transactions.json).
    """
    return keccak256(raw)


def parse_transaction(raw: bytes) -> tuple[Transaction, Address]:
    """Read a signed transaction; the inverse of `sign_transaction`.

    Args:
        raw: of any size.

    Returns:
        What was signed, and by whom.

    Raises:
        PeerError: TOO_LARGE; MALFORMED: of another type, not the one encoding of its fields, with an access list, or
            with a signature that is not canonical or fits no key.

    Source: EIP-1559, EIP-2718 (vectors/evm/transactions.json).
    """
    items = _decode(raw)
    fields = items[:_FIELDS]
    to = fields[5]
    if fields[8] != [] or not isinstance(to, bytes) or not isinstance(fields[7], bytes):
        raise PeerError(ErrorCode.MALFORMED, value="transaction", fault="fields")
    chain_id, nonce, priority_fee, max_fee, gas_limit = (_parse_number(item) for item in fields[:5])
    try:
        transaction = Transaction(
            chain_id=chain_id,
            nonce=nonce,
            max_priority_fee_wei=priority_fee,
            max_fee_wei=max_fee,
            gas_limit=gas_limit,
            to=Address(to) if to else None,
            value_wei=_parse_number(fields[6]),
            data=fields[7],
        )
    except LocalError as error:
        raise PeerError(ErrorCode.MALFORMED, value="transaction", field=error.facts["field"]) from None
    y_parity, r, s = (_parse_number(item) for item in items[_FIELDS:])
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((_V_OF_EVEN + min(y_parity, 2),))
    public = recover(_digest(fields), signature)
    if public is None:
        raise PeerError(ErrorCode.BAD_SIGNATURE, value="transaction")
    return transaction, address_of(public)


def created_address(sender: Address, nonce: int) -> Address:
    """Return the address of the contract that a transaction creates.

    Args:
        sender: of the transaction, 20 bytes.
        nonce: of the transaction, >= 0.

    Source: Ethereum yellow paper, §7 (vectors/evm/transactions.json).
    """
    return Address(keccak256(_encode([sender, _number(nonce)]))[-ADDRESS_BYTES:])


def _fields(transaction: Transaction) -> list[_Item]:
    return [
        _number(transaction.chain_id),
        _number(transaction.nonce),
        _number(transaction.max_priority_fee_wei),
        _number(transaction.max_fee_wei),
        _number(transaction.gas_limit),
        transaction.to or b"",
        _number(transaction.value_wei),
        transaction.data,
        [],
    ]


def _digest(fields: list[_Item]) -> bytes:
    return keccak256(_TYPE, _encode(fields))


def _number(value: int) -> bytes:
    """Lay out a number without leading zeros; zero is no bytes at all."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _encode(items: list[_Item]) -> bytes:
    encoded: bytes = rlp.encode(items)
    return encoded


def _decode(raw: bytes) -> list[_Item]:
    if len(raw) > 2 * DATA_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, value="transaction", maximum_bytes=2 * DATA_MAX_BYTES)
    if raw[:1] != _TYPE:
        raise PeerError(ErrorCode.MALFORMED, value="transaction", fault="not of type 2")
    try:
        items = rlp.decode(raw[1:])
    except (DecodingError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED, value="transaction", fault="not RLP") from None
    if not isinstance(items, list) or len(items) != _FIELDS + _SIGNATURE_FIELDS:
        raise PeerError(ErrorCode.MALFORMED, value="transaction", fault="another number of fields")
    return items


def _parse_number(item: _Item) -> int:
    if not isinstance(item, bytes) or len(item) > _NUMBER_MAX_BYTES or item[:1] == b"\x00":
        raise PeerError(ErrorCode.MALFORMED, value="transaction", fault="not a number in its one form")
    return int.from_bytes(item, "big")
